//! The requests of one client that are not answered yet: of a conversation, or of a session.
//!
//! A request is admitted before anything runs for it: its id is checked and reserved, and the limit
//! is counted, under one lock. A second request with an id in flight is rejected at once, because
//! rmcp would leave one of the two unanswered for over a minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures::{
    FutureExt,
    future::{AbortHandle, Abortable, Pending, pending},
};
use rmcp::{
    RoleServer,
    model::{JsonRpcMessage, RequestId, ServerResult},
    service::TxJsonRpcMessage,
};
use tokio::sync::Notify;

use crate::{
    admission::Reserved,
    handshake::Handshake,
    metrics::{Shed, count_shed},
    rejection::Rejection,
};

/// The requests in flight, and the state of the handshake.
pub(crate) struct InFlight {
    table: Mutex<Table>,
    pub(crate) handshake: Handshake,
    emptied: Notify,
    limit: usize,
}

#[derive(Default)]
struct Table {
    /// Requests that the fast path is polling for the first time. There are as many as threads, so
    /// a search costs less than a hash.
    dispatching: Vec<Dispatching>,
    next_ticket: u64,
    /// Requests that wait for something.
    waiting: HashMap<RequestId, Waiting>,
    /// Answers that exist and are not in the outgoing queue yet. Their ids are free already: a
    /// client may use an id again as soon as it sees the answer, which can be before this process
    /// takes its next step.
    unsent: usize,
    /// Set when the client has gone. A call that begins later ends at once.
    ended: bool,
    /// Whether a task waits for the table to be empty. Every call empties it, and most of the time
    /// no task waits.
    is_awaited: bool,
}

/// A request that waits.
enum Waiting {
    /// A call of the fast path, with what ends it.
    FastPath(AbortHandle),
    /// One that rmcp answers, with the memory of its message, if that is large.
    Sdk(Option<Reserved>),
}

struct Dispatching {
    /// Tells this request from a later one with the same id.
    ticket: u64,
    id: RequestId,
}

impl InFlight {
    /// Creates the table of a client that may have `max_in_flight` requests in flight.
    pub(crate) fn new(max_in_flight: usize) -> Self {
        Self::after(Handshake::default(), max_in_flight)
    }

    /// Creates the table of a client that has come as far as `handshake`.
    pub(crate) fn after(handshake: Handshake, max_in_flight: usize) -> Self {
        Self {
            table: Mutex::default(),
            handshake,
            emptied: Notify::new(),
            limit: max_in_flight,
        }
    }

    /// Admits a request of the fast path: reserves its id until the guard is dropped or becomes a
    /// [`CallGuard`].
    ///
    /// # Errors
    /// A rejection when the id is in flight already, or too many requests are.
    pub(crate) fn admit(self: &Arc<Self>, id: RequestId) -> Result<Admitted<'_>, Rejection> {
        let mut table = self.table();
        table.check(&id, self.limit)?;
        let ticket = table.next_ticket;
        table.next_ticket += 1;
        table.dispatching.push(Dispatching { ticket, id });
        drop(table);
        Ok(Admitted {
            in_flight: self,
            ticket: Some(ticket),
        })
    }

    /// Admits a request that rmcp answers. Its id is reserved until the answer is recorded with
    /// [`Self::record_sent`], and the memory of its message until that answer is queued.
    ///
    /// # Errors
    /// A rejection when the id is in flight already, or too many requests are.
    pub(crate) fn admit_for_sdk(
        &self,
        id: &RequestId,
        reserved: Option<Reserved>,
    ) -> Result<(), Rejection> {
        let mut table = self.table();
        table.check(id, self.limit)?;
        if !table.ended {
            table.waiting.insert(id.clone(), Waiting::Sdk(reserved));
        }
        Ok(())
    }

    /// Ends the request that its client has cancelled and frees its id. A cancelled request gets no
    /// answer (MCP, "Cancellation"). Returns whether rmcp does not need to know.
    pub(crate) fn cancel(&self, id: &RequestId) -> bool {
        let mut table = self.table();
        let is_ours = if let Some(at) = table.dispatching.iter().position(|entry| entry.id == *id) {
            // The fast path finds its ticket gone when it has polled the call.
            table.dispatching.swap_remove(at);
            true
        } else {
            // Under the lock, so that a call that is done at this moment is either answered or
            // cancelled.
            table.waiting.remove(id).is_some_and(Waiting::end)
        };
        self.notify_if_empty(&table);
        is_ours
    }

    /// Records an answer of rmcp: the id of its request is free.
    fn record_answer(self: &Arc<Self>, id: &RequestId) -> UnsentAnswer {
        let mut table = self.table();
        // rmcp may answer after the cancellation, when the id belongs to a call of the fast path.
        let mut reserved = None;
        if let Some(Waiting::Sdk(of_request)) = table.waiting.get_mut(id) {
            reserved = of_request.take();
            table.waiting.remove(id);
        }
        self.unsent(&mut table).holding(reserved)
    }

    fn unsent(self: &Arc<Self>, table: &mut Table) -> UnsentAnswer {
        table.unsent += 1;
        UnsentAnswer {
            in_flight: Some(self.clone()),
            reserved: None,
        }
    }

    /// Records what rmcp sends.
    pub(crate) fn record_sent(
        self: &Arc<Self>,
        message: &TxJsonRpcMessage<RoleServer>,
    ) -> UnsentAnswer {
        let id = match message {
            JsonRpcMessage::Response(response) => {
                if let ServerResult::InitializeResult(result) = &response.result {
                    self.handshake.settle(&result.protocol_version);
                }
                Some(&response.id)
            }
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        id.map_or_else(UnsentAnswer::default, |id| self.record_answer(id))
    }

    /// Ends every call that rmcp does not own, for a client that has gone for good.
    pub(crate) fn end_all(&self) {
        let mut table = self.table();
        table.ended = true;
        table.dispatching.clear();
        for waiting in std::mem::take(&mut table.waiting).into_values() {
            waiting.end();
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
            {
                let mut table = self.table();
                if table.is_empty() {
                    return;
                }
                table.is_awaited = true;
            }
            emptied.await;
        }
    }

    fn notify_if_empty(&self, table: &Table) {
        if table.is_awaited && table.is_empty() {
            self.emptied.notify_one();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Ends it, unless rmcp has to. Returns whether it is ended.
    fn end(self) -> bool {
        match self {
            Self::FastPath(ends) => {
                ends.abort();
                true
            }
            Self::Sdk(_) => false,
        }
    }
}

impl Table {
    fn is_empty(&self) -> bool {
        self.dispatching.is_empty() && self.waiting.is_empty() && self.unsent == 0
    }

    fn check(&self, id: &RequestId, max_in_flight: usize) -> Result<(), Rejection> {
        let is_dispatching = self.dispatching.iter().any(|entry| entry.id == *id);
        if is_dispatching || !self.waiting.is_empty() && self.waiting.contains_key(id) {
            return Err(Rejection::id_in_flight(id.clone()));
        }
        // An answer that its client does not take still costs its bytes.
        if self.dispatching.len() + self.waiting.len() + self.unsent >= max_in_flight {
            count_shed(Shed::InFlight);
            return Err(Rejection::too_many_in_flight(id.clone(), max_in_flight));
        }
        Ok(())
    }

    /// Takes the request with `ticket` out; its id is returned unless it was cancelled meanwhile.
    fn take(&mut self, ticket: u64) -> Option<RequestId> {
        let entries = &self.dispatching;
        let at = entries.iter().position(|entry| entry.ticket == ticket)?;
        Some(self.dispatching.swap_remove(at).id)
    }
}

/// A request whose id is reserved while the fast path polls it for the first time. Dropping this
/// frees the id.
pub(crate) struct Admitted<'t> {
    in_flight: &'t Arc<InFlight>,
    /// Absent once the ticket is used.
    ticket: Option<u64>,
}

impl Admitted<'_> {
    /// Frees the id of a call that has its outcome. Returns whether the client still wants the
    /// answer: it may have cancelled the call meanwhile.
    pub(crate) fn finish(mut self) -> bool {
        self.free()
    }

    /// Keeps the id reserved for a call that has to wait. A call that was cancelled meanwhile, or
    /// whose client has gone, ends at once.
    pub(crate) fn wait(mut self) -> CallGuard {
        let (ends, registration) = AbortHandle::new_pair();
        let mut table = self.in_flight.table();
        let id = self.ticket.take().and_then(|ticket| table.take(ticket));
        match &id {
            Some(id) if !table.ended => {
                table
                    .waiting
                    .insert(id.clone(), Waiting::FastPath(ends.clone()));
            }
            _ => ends.abort(),
        }
        CallGuard {
            in_flight: self.in_flight.clone(),
            id,
            ends,
            aborted: Abortable::new(pending(), registration),
        }
    }

    fn free(&mut self) -> bool {
        let Some(ticket) = self.ticket.take() else {
            return false;
        };
        let mut table = self.in_flight.table();
        let is_wanted = table.take(ticket).is_some();
        self.in_flight.notify_if_empty(&table);
        is_wanted
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.free();
    }
}

/// A call that waits, with its id reserved. Dropping this before the call is answered frees the id.
pub(crate) struct CallGuard {
    in_flight: Arc<InFlight>,
    /// Absent when the call was cancelled before it began to wait, or is answered.
    id: Option<RequestId>,
    ends: AbortHandle,
    aborted: Abortable<Pending<()>>,
}

impl CallGuard {
    /// Completes when the call is cancelled or its client has gone.
    pub(crate) fn poll_cancelled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.aborted.poll_unpin(context).map(drop)
    }

    /// Frees the id of a call that has its outcome. The conversation does not end before the guard
    /// that is returned is dropped. A cancelled call returns none: it gets no answer, and its id
    /// may belong to another request already.
    pub(crate) fn finish(&mut self) -> Option<UnsentAnswer> {
        let id = self.id.take()?;
        let mut table = self.in_flight.table();
        if self.ends.is_aborted() {
            return None;
        }
        table.waiting.remove(&id);
        Some(self.in_flight.unsent(&mut table))
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let mut table = self.in_flight.table();
            if !self.ends.is_aborted() {
                table.waiting.remove(&id);
                self.in_flight.notify_if_empty(&table);
            }
        }
    }
}

/// An answer on its way to the outgoing queue. Dropping this says that the answer is there.
#[derive(Default)]
pub(crate) struct UnsentAnswer {
    in_flight: Option<Arc<InFlight>>,
    /// The memory of the message that it answers, if that is large.
    reserved: Option<Reserved>,
}

impl UnsentAnswer {
    /// Keeps memory reserved until the answer is queued.
    pub(crate) fn holding(mut self, reserved: Option<Reserved>) -> Self {
        self.reserved = reserved;
        self
    }
}

impl Drop for UnsentAnswer {
    fn drop(&mut self) {
        let Some(in_flight) = &self.in_flight else {
            return;
        };
        let mut table = in_flight.table();
        table.unsent -= 1;
        in_flight.notify_if_empty(&table);
    }
}

#[cfg(test)]
mod tests {
    use futures::task::noop_waker_ref;
    use rmcp::model::JsonRpcResponse;

    use super::*;

    const LIMIT: usize = 8;

    fn table() -> Arc<InFlight> {
        Arc::new(InFlight::new(LIMIT))
    }

    fn id(number: i64) -> RequestId {
        RequestId::Number(number)
    }

    /// Begins a call of the fast path that has to wait.
    fn begin(in_flight: &Arc<InFlight>, number: i64) -> CallGuard {
        in_flight.admit(id(number)).unwrap().wait()
    }

    fn is_ended(call: &mut CallGuard) -> bool {
        let mut context = Context::from_waker(noop_waker_ref());
        call.poll_cancelled(&mut context).is_ready()
    }

    fn is_free(in_flight: &Arc<InFlight>, number: i64) -> bool {
        in_flight.admit(id(number)).is_ok()
    }

    /// The answer of rmcp to request `number`.
    fn answer(number: i64) -> TxJsonRpcMessage<RoleServer> {
        JsonRpcMessage::Response(JsonRpcResponse {
            jsonrpc: rmcp::model::JsonRpcVersion2_0,
            id: id(number),
            result: ServerResult::empty(()),
        })
    }

    #[test]
    fn a_call_is_either_answered_or_cancelled() {
        let in_flight = table();
        let (mut cancelled, mut answered) = (begin(&in_flight, 1), begin(&in_flight, 2));
        assert!(in_flight.cancel(&id(1)));
        let mut next = begin(&in_flight, 1);
        // The cancelled call ends late: it is not answered and does not end the next one.
        assert!(cancelled.finish().is_none());
        drop(cancelled);
        assert!(!is_free(&in_flight, 1) && !is_ended(&mut next));
        assert!(answered.finish().is_some());
        assert!(!in_flight.cancel(&id(2)));
    }

    #[test]
    fn an_id_is_reserved_before_the_call_runs_and_free_when_it_is_over() {
        let in_flight = table();
        let admitted = in_flight.admit(id(1)).unwrap();
        assert!(!is_free(&in_flight, 1) && in_flight.admit_for_sdk(&id(1), None).is_err());
        drop(admitted);
        assert!(is_free(&in_flight, 1));
        assert!(in_flight.admit(id(1)).unwrap().finish());
        assert!(is_free(&in_flight, 1));
        drop(begin(&in_flight, 1));
        assert!(is_free(&in_flight, 1) && in_flight.is_empty());
    }

    #[test]
    fn the_id_of_an_unsent_answer_is_free_but_the_table_is_not_empty() {
        let in_flight = table();
        in_flight.admit_for_sdk(&id(1), None).unwrap();
        assert!(!is_free(&in_flight, 1));
        let unsent = in_flight.record_sent(&answer(1));
        assert!(is_free(&in_flight, 1) && !in_flight.is_empty());
        drop(unsent);
        assert!(in_flight.is_empty());
    }

    #[test]
    fn a_late_answer_of_rmcp_does_not_free_the_id_of_a_fast_call() {
        let in_flight = table();
        in_flight.admit_for_sdk(&id(1), None).unwrap();
        assert!(!in_flight.cancel(&id(1)));
        let _call = begin(&in_flight, 1);
        drop(in_flight.record_sent(&answer(1)));
        assert!(!is_free(&in_flight, 1));
    }

    #[test]
    fn calls_of_a_client_that_has_gone_end_at_once() {
        let in_flight = table();
        let mut before = begin(&in_flight, 1);
        let dispatching = in_flight.admit(id(2)).unwrap();
        in_flight.admit_for_sdk(&id(3), None).unwrap();
        in_flight.end_all();
        let mut after = begin(&in_flight, 4);
        assert!(is_ended(&mut before) && is_ended(&mut after));
        assert!(is_ended(&mut dispatching.wait()));
        drop((before, after));
        assert!(in_flight.is_empty());
    }

    #[test]
    fn requests_that_dispatch_wait_or_have_an_unsent_answer_count_towards_the_limit() {
        let in_flight = table();
        let _dispatching = in_flight.admit(id(-1)).unwrap();
        let _waiting = begin(&in_flight, -2);
        for number in 2..LIMIT {
            in_flight
                .admit_for_sdk(&id(i64::try_from(number).unwrap()), None)
                .unwrap();
        }
        let unsent = in_flight.record_sent(&answer(2));
        assert!(!is_free(&in_flight, 1) && in_flight.admit_for_sdk(&id(1), None).is_err());
        drop(unsent);
        assert!(is_free(&in_flight, 1));
    }

    #[test]
    fn a_call_cancelled_during_its_first_poll_ends_and_frees_its_id_for_the_next() {
        let in_flight = table();
        let first = in_flight.admit(id(1)).unwrap();
        assert!(in_flight.cancel(&id(1)));
        let mut next = begin(&in_flight, 1);
        assert!(is_ended(&mut first.wait()));
        assert!(!is_ended(&mut next));
        let ready = in_flight.admit(id(2)).unwrap();
        assert!(in_flight.cancel(&id(2)));
        assert!(!ready.finish());
    }

    #[test]
    fn a_cancellation_that_comes_too_late_ends_no_later_call_with_that_id() {
        let in_flight = table();
        let _other = in_flight.admit(id(7)).unwrap();
        for number in [1, 2] {
            assert!(!in_flight.cancel(&id(number)));
            assert!(!is_ended(&mut begin(&in_flight, number)));
        }
    }
}
