//! The requests of one conversation that have not been answered yet.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{
    RoleServer,
    model::{ClientNotification, JsonRpcMessage, RequestId},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
};
use tokio::sync::Notify;

use super::{MAX_IN_FLIGHT, message::Refusal};

/// The ids in flight. A second request with an id that is in flight is refused at once: rmcp
/// would leave one of the two unanswered for over a minute.
#[derive(Default)]
pub(super) struct InFlight {
    ids: Mutex<HashSet<RequestId>>,
    opened: AtomicBool,
    emptied: Notify,
}

impl InFlight {
    /// Enters `message` if it is a request, and forgets the request that it cancels if it does.
    ///
    /// # Errors
    /// A refusal when the id is in flight already, or too many are.
    pub(super) fn enter(&self, message: &RxJsonRpcMessage<RoleServer>) -> Result<(), Refusal> {
        match message {
            JsonRpcMessage::Request(request) => {
                let mut ids = self.ids();
                if ids.contains(&request.id) {
                    return Err(Refusal::id_in_flight(request.id.clone()));
                }
                if ids.len() >= MAX_IN_FLIGHT {
                    return Err(Refusal::too_many_in_flight(request.id.clone()));
                }
                ids.insert(request.id.clone());
                self.opened.store(true, Ordering::Relaxed);
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

    /// Whether a request has ever been taken.
    pub(super) fn opened(&self) -> bool {
        self.opened.load(Ordering::Relaxed)
    }

    /// Notes that rmcp has answered, if `message` is an answer.
    pub(super) fn note_answer(&self, message: &TxJsonRpcMessage<RoleServer>) {
        match message {
            JsonRpcMessage::Response(response) => self.leave(&response.id),
            JsonRpcMessage::Error(error) => {
                if let Some(id) = &error.id {
                    self.leave(id);
                }
            }
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => {}
        }
    }

    /// Completes when nothing is in flight.
    pub(super) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.ids().is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn leave(&self, id: &RequestId) {
        let mut ids = self.ids();
        ids.remove(id);
        if ids.is_empty() {
            self.emptied.notify_one();
        }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
