//! The requests of one conversation that have not been answered yet.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{
    RoleServer,
    model::{
        ClientNotification, ClientRequest, GetMeta, JsonRpcMessage, ProtocolVersion, RequestId,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
};
use tokio::sync::Notify;

use super::{MAX_IN_FLIGHT, message::Refusal};

/// The ids in flight. A second request with an id that is in flight is refused at once: rmcp
/// would leave one of the two unanswered for over a minute.
#[derive(Default)]
pub(super) struct InFlight {
    table: Mutex<Table>,
    opened: AtomicBool,
    emptied: Notify,
}

#[derive(Default)]
struct Table {
    ids: HashSet<RequestId>,
    /// Answers that rmcp has given and that are not in the outgoing queue yet. Their ids are free
    /// already: a client may use one again as soon as it sees the answer, which can be before this
    /// process takes its next step.
    leaving: usize,
}

/// An answer on its way to the outgoing queue, which it is in when this is dropped.
pub(super) struct Leaving(Option<Arc<InFlight>>);

impl InFlight {
    /// Enters `message` if it is a request, and forgets the request that it cancels if it does.
    ///
    /// # Errors
    /// A refusal when the id is in flight already, or too many are.
    pub(super) fn enter(&self, message: &RxJsonRpcMessage<RoleServer>) -> Result<(), Refusal> {
        match message {
            JsonRpcMessage::Request(request) => {
                let mut table = self.table();
                if table.ids.contains(&request.id) {
                    return Err(Refusal::id_in_flight(request.id.clone()));
                }
                // An answer that its client does not take still costs its bytes.
                if table.ids.len() + table.leaving >= MAX_IN_FLIGHT {
                    return Err(Refusal::too_many_in_flight(request.id.clone()));
                }
                table.ids.insert(request.id.clone());
                if opens(&request.request) {
                    self.opened.store(true, Ordering::Relaxed);
                }
            }
            JsonRpcMessage::Notification(notification) => {
                // A cancelled request is not answered (MCP, "Cancellation").
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.leave(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        Ok(())
    }

    /// Whether a request has been taken that opens the conversation.
    pub(super) fn opened(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }

    /// Notes that rmcp has answered, if `message` is an answer: its id may be used again, but the
    /// conversation is not done with it before what is returned is dropped.
    pub(super) fn answer(self: &Arc<Self>, message: &TxJsonRpcMessage<RoleServer>) -> Leaving {
        let id = match message {
            JsonRpcMessage::Response(response) => Some(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let Some(id) = id else {
            return Leaving(None);
        };
        let mut table = self.table();
        table.ids.remove(id);
        table.leaving += 1;
        Leaving(Some(self.clone()))
    }

    /// Completes when nothing is in flight.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.table().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn leave(&self, id: &RequestId) {
        let mut table = self.table();
        table.ids.remove(id);
        if table.is_empty() {
            self.emptied.notify_one();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether rmcp takes `request` as the beginning of a conversation: `initialize`, or a request that
/// says all of 2026-07-28's metadata itself. Before that it answers requests, and ends at anything
/// else.
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        request => {
            let meta = request.get_meta();
            meta.protocol_version().is_some()
                && meta
                    .missing_required_keys(&ProtocolVersion::V_2026_07_28)
                    .is_empty()
        }
    }
}

impl Table {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.leaving == 0
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
