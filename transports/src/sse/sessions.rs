//! The session table of an SSE server: one session for each open event stream.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::join_all;

use crate::{
    conversation::{Conversation, KeepOpen},
    http::SubjectId,
    log_limit::LogLimit,
    metrics::{Shed, count_shed},
    session_id::{self, NoRandomness},
};

/// All open sessions.
#[derive(Clone)]
pub(super) struct Sessions(Arc<Inner>);

struct Inner {
    table: Mutex<Table>,
    max_sessions: usize,
    rejections: LogLimit,
}

#[derive(Default)]
struct Table {
    open: HashMap<String, Entry>,
    /// Set when the server shuts down; no session begins after that.
    ended: bool,
}

/// Why no session can be opened. The client may try again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSession {
    #[error("too many sessions are open; close one or try again later")]
    TooMany,
    #[error("the server is shutting down")]
    Ending,
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

struct Entry {
    conversation: Conversation,
    keep_open: Option<KeepOpen>,
    /// The token that opened it, on a server with tokens.
    owner: Option<SubjectId>,
}

/// One session. Its event stream holds this; dropping it ends the session.
pub(super) struct Session {
    id: String,
    sessions: Sessions,
}

impl Sessions {
    /// Creates a table for at most `max_sessions`.
    pub(super) fn new(max_sessions: usize) -> Self {
        Self(Arc::new(Inner {
            table: Mutex::default(),
            max_sessions,
            rejections: LogLimit::default(),
        }))
    }

    /// Opens the session that `start` starts, under a new id, for the token `owner`.
    ///
    /// # Errors
    /// When no more sessions may be open; then `start` is not called.
    pub(super) fn open<T>(
        &self,
        owner: Option<SubjectId>,
        start: impl FnOnce() -> (Conversation, KeepOpen, T),
    ) -> Result<(Session, T), NoSession> {
        let id = session_id::new()?;
        let mut table = self.table();
        if table.ended {
            return Err(NoSession::Ending);
        }
        let max_sessions = self.0.max_sessions;
        if table.open.len() >= max_sessions {
            count_shed(Shed::Sessions);
            if let Some(left_out) = self.0.rejections.admit() {
                tracing::warn!(
                    max_sessions,
                    left_out,
                    "a session was rejected: too many are open"
                );
            }
            return Err(NoSession::TooMany);
        }
        let (conversation, keep_open, more) = start();
        let entry = Entry {
            conversation,
            keep_open: Some(keep_open),
            owner,
        };
        table.open.insert(id.clone(), entry);
        let session = Session {
            id,
            sessions: self.clone(),
        };
        Ok((session, more))
    }

    /// Returns the number of open sessions.
    pub(super) fn count(&self) -> usize {
        self.table().open.len()
    }

    /// Returns the conversation of session `id`, if the token `owner` opened it.
    pub(super) fn get(&self, id: &str, owner: Option<SubjectId>) -> Option<Conversation> {
        let table = self.table();
        let entry = table.open.get(id).filter(|entry| entry.owner == owner)?;
        Some(entry.conversation.clone())
    }

    /// Ends every session after its last answer, and lets no other begin.
    pub(super) async fn end_all(&self) {
        let ids: Vec<String> = {
            let mut table = self.table();
            table.ended = true;
            table.open.keys().cloned().collect()
        };
        join_all(ids.iter().map(|id| self.end_one(id))).await;
    }

    async fn end_one(&self, id: &str) {
        let conversation = |entry: &Entry| entry.conversation.clone();
        let Some(conversation) = self.table().open.get(id).map(conversation) else {
            return;
        };
        conversation.answered().await;
        if let Some(entry) = self.table().open.get_mut(id) {
            entry.keep_open = None;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Returns the session's id: visible ASCII, safe in a URI.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let removed = self.sessions.table().open.remove(&self.id);
        if let Some(entry) = &removed {
            entry.conversation.abandon();
        }
        // Outside the lock, because the end of a conversation drops more than the entry.
        drop(removed);
    }
}
