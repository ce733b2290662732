//! Sessions that all instances of a server know, because a store outside of them keeps each one's
//! handshake (rmcp's [`SessionStore`]).
//!
//! An instance that is asked in a session of another one finds it there, and goes on as if the
//! client had opened it here. What only the other instance has does not move: calls in flight, and
//! open event streams.

use std::sync::Arc;

use rmcp::{
    model::{ClientJsonRpcMessage, ClientRequest, JsonRpcMessage},
    transport::streamable_http_server::session::{SessionState, SessionStore, SessionStoreError},
};
use serde_json::json;

use crate::{
    fast_path::Revision, handshake::Handshake, http::SubjectId, log_limit::LogLimit,
    session_id::MAX_ID_BYTES,
};

/// The store of a server's sessions.
pub(super) struct SharedSessions {
    store: Arc<dyn SessionStore>,
    failures: LogLimit,
}

/// The store did not do what it was asked.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the store of the sessions does not answer; try again later")]
pub(super) struct StoreFailed;

impl SharedSessions {
    pub(super) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store,
            failures: LogLimit::default(),
        }
    }

    /// Returns what another instance knows of a session, if `owner` opened it.
    pub(super) async fn load(
        &self,
        id: &str,
        owner: Option<SubjectId>,
    ) -> Result<Option<SessionState>, StoreFailed> {
        if !is_id(id) {
            return Ok(None);
        }
        let loaded = self.store.load(&key(id, owner)).await;
        loaded.map_err(|error| self.failed(&error))
    }

    /// Puts a session where other instances find it, or keeps it there for longer.
    pub(super) async fn store(
        &self,
        id: &str,
        owner: Option<SubjectId>,
        state: &SessionState,
    ) -> Result<(), StoreFailed> {
        let stored = self.store.store(&key(id, owner), state).await;
        stored.map_err(|error| self.failed(&error))
    }

    /// Removes a session that its client has ended.
    pub(super) async fn remove(
        &self,
        id: &str,
        owner: Option<SubjectId>,
    ) -> Result<(), StoreFailed> {
        let deleted = self.store.delete(&key(id, owner)).await;
        deleted.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &SessionStoreError) -> StoreFailed {
        if let Some(left_out) = self.failures.admit() {
            tracing::warn!(%error, left_out, "the store of the sessions failed");
        }
        StoreFailed
    }
}

/// Returns the name of a session in the store. The owner is a part of it, so that a client with
/// another token finds nothing.
fn key(id: &str, owner: Option<SubjectId>) -> String {
    owner.map_or_else(|| id.to_owned(), |owner| format!("{id}:{owner}"))
}

/// Whether a server can have made `id`. What cannot be a session is not looked for.
fn is_id(id: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(is_part)
}

/// Returns what other instances need to know of a session that `initialize` opens.
pub(super) fn state(initialize: &ClientJsonRpcMessage) -> Option<SessionState> {
    let JsonRpcMessage::Request(request) = initialize else {
        return None;
    };
    let ClientRequest::InitializeRequest(initialize) = &request.request else {
        return None;
    };
    Some(SessionState::new(initialize.params.clone()))
}

/// [`state`], from the bytes of the request.
pub(super) fn state_of_bytes(initialize: &[u8]) -> Option<SessionState> {
    state(&serde_json::from_slice(initialize).ok()?)
}

/// Returns the handshake of a session that another instance opened. Its client is ready.
pub(super) fn handshake(state: &SessionState) -> Handshake {
    let params = &state.initialize_params;
    let revision = Revision::named(params.protocol_version.as_str().as_bytes());
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params});
    let handshake = Handshake::answered(revision, initialize.to_string().as_bytes());
    handshake.record_initialized();
    handshake
}
