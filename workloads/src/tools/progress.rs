//! Progress notifications of a running call.

use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};

/// Tells a client how far its call has come, if the call has a `progressToken` (MCP specification,
/// basic/utilities/progress).
pub struct Progress {
    listener: Option<(Peer<RoleServer>, ProgressToken)>,
    total: f64,
}

impl Progress {
    /// The progress of the call in `context`, which is over at `total`.
    #[must_use]
    pub fn of(context: &RequestContext<RoleServer>, total: f64) -> Self {
        let token = context.meta.get_progress_token();
        Self {
            listener: token.map(|token| (context.peer.clone(), token)),
            total,
        }
    }

    /// Whether the client listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.listener.is_some()
    }

    /// Says that the call has come to `done`, which must grow from one time to the next. Waits
    /// until the message is on its way: a client that reads slowly is not sent more than the
    /// transport can hold.
    pub async fn tell(&mut self, done: f64, message: String) {
        let Some((peer, token)) = &self.listener else {
            return;
        };
        let notification = ProgressNotificationParam::new(token.clone(), done)
            .with_total(self.total)
            .with_message(message);
        if peer.notify_progress(notification).await.is_err() {
            // The client has disconnected. The work goes on, as without a listener.
            self.listener = None;
        }
    }
}
