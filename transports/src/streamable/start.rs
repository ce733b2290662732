//! Starts rmcp for a session whose handshake rmcp has not seen: the fast path answered it, or
//! another instance of the server.
//!
//! rmcp's side of a session is a worker and its queues, some 50 KB. A client whose messages the
//! fast path answers does not need it. With the first message that rmcp has to answer, rmcp gets the
//! client's handshake again, and then that message.

use std::sync::Arc;

use futures::channel::oneshot;
use http::{Method, request::Parts};
use rmcp::{
    ServerHandler,
    model::{ClientJsonRpcMessage, ClientNotification, InitializedNotification},
    service::serve_server_with_ct,
    transport::streamable_http_server::{SessionId, SessionManager},
};
use tokio_util::sync::CancellationToken;

use super::{
    Inner,
    forward::session_id,
    post_headers::names_self_contained_revision,
    sessions::{Session, SessionError, Sessions, TrackedTransport},
};
use crate::{fast_path::FastTools, handshake::RecordedHandshake, runtime::Handle};

/// A session that rmcp does not know yet.
struct Start<S> {
    id: SessionId,
    session: Arc<Session>,
    sessions: Arc<Sessions>,
    service: S,
    runtime: Handle,
    ended: CancellationToken,
    /// Of the request that rmcp has to answer. rmcp gives them to the handler with each message.
    parts: Parts,
}

/// Why rmcp did not get a session.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the client's handshake cannot be read again")]
    Handshake(#[from] serde_json::Error),
}

impl<S: FastTools> Inner<S> {
    /// Makes sure that rmcp has the session of a request that rmcp is going to answer.
    pub(super) async fn start_session(&self, parts: &Parts) {
        let Some(sessions) = &self.sessions else {
            return;
        };
        if parts.method == Method::DELETE || names_self_contained_revision(&parts.headers) {
            return;
        }
        let Some((id, session)) = session_id(parts).and_then(|id| sessions.entry(id)) else {
            return;
        };
        if session.in_flight.handshake.is_known_to_sdk() {
            return;
        }
        let start = Start {
            id,
            session,
            sessions: sessions.clone(),
            service: self.service.clone(),
            runtime: self.runtime.clone(),
            ended: self.ended.child_token(),
            parts: parts.clone(),
        };
        // A task of its own, because the client may leave in the middle.
        let (done, is_done) = oneshot::channel();
        self.runtime.spawn(Box::pin(async move {
            start.run().await;
            // The client may have left.
            let _ = done.send(());
        }));
        // If rmcp did not get the session, rmcp tells the client that there is none.
        let _ = is_done.await;
    }
}

impl<S: FastTools> Start<S> {
    async fn run(self) {
        let mut recorded = self.session.in_flight.handshake.recorded().await;
        // Another message may have been first.
        let Some(handshake) = recorded.take() else {
            return;
        };
        if let Err(error) = self.repeat(handshake).await {
            tracing::debug!(%error, "a session could not be given to the SDK");
            close(&self.sessions, &self.id).await;
        }
    }

    /// Gives rmcp the messages that the client has sent.
    async fn repeat(&self, handshake: RecordedHandshake) -> Result<(), StartError> {
        let mut initialize: ClientJsonRpcMessage = serde_json::from_slice(&handshake.initialize)?;
        initialize.insert_extension(self.parts.clone());
        let transport = self.sessions.restore(&self.id, &self.session).await?;
        self.runtime.spawn(Box::pin(serve(
            self.service.clone(),
            transport,
            self.ended.clone(),
            self.sessions.clone(),
            self.id.clone(),
        )));
        let sessions = &self.sessions;
        sessions.initialize_session(&self.id, initialize).await?;
        if handshake.is_initialized {
            let initialized = InitializedNotification::default();
            let initialized = ClientNotification::InitializedNotification(initialized);
            let mut initialized = ClientJsonRpcMessage::notification(initialized);
            initialized.insert_extension(self.parts.clone());
            sessions.accept_message(&self.id, initialized).await?;
        }
        Ok(())
    }
}

/// Runs rmcp's side of a session, and closes the session when that ends.
async fn serve<S: ServerHandler>(
    service: S,
    transport: TrackedTransport,
    ended: CancellationToken,
    sessions: Arc<Sessions>,
    id: SessionId,
) {
    match serve_server_with_ct(service, transport, ended).await {
        Ok(running) => {
            if let Err(error) = running.waiting().await {
                tracing::error!(%error, "a session's task failed");
            }
        }
        Err(error) => tracing::debug!(%error, "a session ended before its handshake was over"),
    }
    close(&sessions, &id).await;
}

async fn close(sessions: &Sessions, id: &SessionId) {
    if let Err(error) = sessions.close_session(id).await {
        tracing::debug!(%error, "a session could not be closed");
    }
}
