//! The requests of one client that have not been answered yet: of a conversation, or of a session.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
};

use futures::future::AbortHandle;
use rmcp::{
    RoleServer,
    model::{ClientRequest, GetMeta, JsonRpcMessage, ProtocolVersion, RequestId, ServerResult},
    service::TxJsonRpcMessage,
};
use tokio::sync::Notify;

use crate::{
    fast_path::Revision,
    rejection::{MAX_IN_FLIGHT, Rejection},
};

/// The ids in flight. A second request with an id that is in flight is refused at once: rmcp
/// would leave one of the two unanswered for over a minute.
#[derive(Default)]
pub(crate) struct InFlight {
    table: Mutex<Table>,
    /// How far the handshake has come: see [`Stage`].
    stage: AtomicU8,
    emptied: Notify,
    /// Messages that the front is taking just now: a call among them may run already, and is not in the table.
    taking: AtomicUsize,
    /// Whether [`Table::early`] holds anything.
    is_early: AtomicBool,
}

#[derive(Default)]
struct Table {
    /// With each, how to end it, where that is not rmcp's affair.
    ids: HashMap<RequestId, Option<AbortHandle>>,
    /// Answers that have been given and that are not in the outgoing queue yet. Their ids are free
    /// already: a client may use one again as soon as it sees the answer, which can be before this
    /// process takes its next step.
    leaving: usize,
    /// Set when the client has gone; what is begun after that is ended at once.
    ended: bool,
    /// Unknown ids that were cancelled while the front was taking something: one may be that call's.
    early: Vec<RequestId>,
}

/// The front is taking a message of this client, until this is dropped. Where a client's messages can overtake
/// each other, its cancellation may come between the first step of a call and the call's entry.
pub(crate) struct Taking(Arc<InFlight>);

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has not said who it is.
    Closed,
    /// It has, and rmcp has still to answer. Or it has more than once, and what was agreed on is not known here.
    Opening,
    /// A revision has been agreed on, or is named by each request.
    Open(Revision),
}

/// An answer on its way to the outgoing queue, which it is in when this is dropped.
pub(crate) struct Leaving(Option<Arc<InFlight>>);

impl InFlight {
    /// Enters a request of `id`; `ends` ends its call, unless that is rmcp's affair.
    ///
    /// # Errors
    /// A refusal when the id is in flight already, or too many are.
    pub(crate) fn enter(&self, id: &RequestId, ends: Option<AbortHandle>) -> Result<(), Rejection> {
        let mut table = self.table();
        if table.ids.contains_key(id) {
            return Err(Rejection::id_in_flight(id.clone()));
        }
        // An answer that its client does not take still costs its bytes.
        if table.ids.len() + table.leaving >= MAX_IN_FLIGHT {
            return Err(Rejection::too_many_in_flight(id.clone()));
        }
        let is_over = table.ended || table.was_cancelled_early(id);
        match ends {
            Some(ends) if is_over => ends.abort(),
            None if table.ended => {}
            ends => {
                table.ids.insert(id.clone(), ends);
            }
        }
        Ok(())
    }

    /// Whether a request of this id is in flight. The id is made only where there are any.
    pub(crate) fn has(&self, id: impl FnOnce() -> RequestId) -> bool {
        let table = self.table();
        !table.ids.is_empty() && table.ids.contains_key(&id())
    }

    /// Forgets the request that its client has cancelled: it is not answered (MCP, "Cancellation"). Says
    /// whether its call was ended here, so that nobody else needs to know.
    pub(crate) fn cancel(&self, id: &RequestId) -> bool {
        let mut table = self.table();
        let known = table.ids.remove(id);
        if known.is_none()
            && self.taking.load(Ordering::SeqCst) > 0
            && table.early.len() < MAX_IN_FLIGHT
        {
            table.early.push(id.clone());
            self.is_early.store(true, Ordering::SeqCst);
        }
        let cancelled = known.flatten();
        // With the table locked: a call that is done at this moment is answered or cancelled, not both.
        let is_ended = cancelled.inspect(AbortHandle::abort).is_some();
        if table.is_empty() {
            self.emptied.notify_one();
        }
        is_ended
    }

    /// Notes that the front is taking a message: what is cancelled meanwhile may be it.
    pub(crate) fn taking(self: &Arc<Self>) -> Taking {
        self.taking.fetch_add(1, Ordering::SeqCst);
        Taking(self.clone())
    }

    /// Notes that a call of ours that `ends` would end has been answered: its id may be used again, but
    /// nobody is done with it before what is returned is dropped. Nothing is returned when the call
    /// has been cancelled meanwhile: there is no answer then, and the id may be another request's already.
    pub(crate) fn done(self: &Arc<Self>, id: &RequestId, ends: &AbortHandle) -> Option<Leaving> {
        let mut table = self.table();
        if ends.is_aborted() {
            return None;
        }
        table.ids.remove(id);
        table.leaving += 1;
        Some(Leaving(Some(self.clone())))
    }

    /// Notes that rmcp has answered a request.
    fn answered(self: &Arc<Self>, id: &RequestId) -> Leaving {
        let mut table = self.table();
        // Answered after it was cancelled, its id may be that of a call of ours by now.
        if let Some(None) = table.ids.get(id) {
            table.ids.remove(id);
        }
        table.leaving += 1;
        Leaving(Some(self.clone()))
    }

    /// Notes what rmcp has said, if `message` is an answer.
    pub(crate) fn said(self: &Arc<Self>, message: &TxJsonRpcMessage<RoleServer>) -> Leaving {
        let id = match message {
            JsonRpcMessage::Response(response) => {
                if let ServerResult::InitializeResult(result) = &response.result {
                    self.opened(&result.protocol_version);
                }
                Some(&response.id)
            }
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        id.map_or(Leaving(None), |id| self.answered(id))
    }

    /// Notes a request that rmcp is given, which may be the one that opens the conversation.
    pub(crate) fn asked(&self, request: &ClientRequest) {
        if self.stage() == Stage::Closed {
            match opens(request) {
                Some(Opens::Handshake) => self.stage.store(OPENING, Ordering::Release),
                Some(Opens::Inline(version)) => self.opened(&version),
                None => {}
            }
        } else if matches!(request, ClientRequest::InitializeRequest(_)) {
            self.asked_anew();
        }
    }

    /// Notes that the client shakes hands once more. rmcp takes its word then for some of what it answers, and
    /// not for the rest: which revision is spoken is rmcp's to know from now on.
    pub(crate) fn asked_anew(&self) {
        self.stage.store(ANEW, Ordering::Release);
    }

    /// How far the client has come.
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            CLOSED => Stage::Closed,
            OPENING | ANEW => Stage::Opening,
            opened => Revision::all()
                .nth(usize::from(opened - OPENED))
                .map_or(Stage::Opening, Stage::Open),
        }
    }

    /// Ends every call that is not rmcp's to end, for a client that has gone for good.
    pub(crate) fn end_all(&self) {
        let mut table = self.table();
        table.ended = true;
        for ends in std::mem::take(&mut table.ids).into_values().flatten() {
            ends.abort();
        }
        self.emptied.notify_one();
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    /// Completes when nothing is in flight.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn opened(&self, version: &ProtocolVersion) {
        let named = Revision::all().position(|known| known.name() == version.as_str());
        // A revision that the front does not know stays rmcp's.
        let stage = named.and_then(|place| u8::try_from(place).ok());
        let stage = stage.map_or(OPENING, |place| OPENED + place);
        if self.stage.load(Ordering::Acquire) != ANEW {
            self.stage.store(stage, Ordering::Release);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const CLOSED: u8 = 0;
const OPENING: u8 = 1;
/// And the place of the revision.
const OPENED: u8 = 2;
/// Opened more than once.
const ANEW: u8 = u8::MAX;

enum Opens {
    Handshake,
    Inline(ProtocolVersion),
}

/// Whether rmcp takes `request` as the beginning of a conversation: `initialize`, or a request that
/// says all of 2026-07-28's metadata itself. Before that it answers requests, and ends at anything
/// else.
fn opens(request: &ClientRequest) -> Option<Opens> {
    match request {
        ClientRequest::InitializeRequest(_) => Some(Opens::Handshake),
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => None,
        request => {
            let meta = request.get_meta();
            let version = meta.protocol_version()?;
            let missing = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28);
            missing.is_empty().then_some(Opens::Inline(version))
        }
    }
}

impl Table {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.leaving == 0
    }

    /// Whether `id` was cancelled before it was entered; it is forgotten with that.
    fn was_cancelled_early(&mut self, id: &RequestId) -> bool {
        let at = self.early.iter().position(|early| early == id);
        at.map(|at| self.early.swap_remove(at)).is_some()
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let in_flight = &self.0;
        let was_last = in_flight.taking.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && in_flight.is_early.load(Ordering::SeqCst) {
            let mut table = in_flight.table();
            // Nobody is on the way whom these ids could mean; a later request may have one of them again.
            if in_flight.taking.load(Ordering::SeqCst) == 0 {
                table.early.clear();
                in_flight.is_early.store(false, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let Some(in_flight) = &self.0 else { return };
        let mut table = in_flight.table();
        table.leaving -= 1;
        if table.is_empty() {
            in_flight.emptied.notify_one();
        }
    }
}
