//! The sessions of an SSE server: one for each open event stream.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::join_all;

use crate::conversation::{Conversation, Open};

/// Streams that may be open at once; each costs memory and a task.
const MAX_SESSIONS: usize = 10_000;
/// 128 bits from the operating system, so that nobody guesses another's session.
const ID_BYTES: usize = 16;

/// All open sessions.
#[derive(Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    open: HashMap<String, Entry>,
    /// Set once the server is to end; no session begins after that.
    ended: bool,
}

/// Why no session can be opened. Each is the server's affair, and may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSession {
    #[error("too many sessions are open; close one or try again later")]
    TooMany,
    #[error("the server is shutting down")]
    Ending,
    #[error("the system gave no random bytes for a session id")]
    NoRandomness,
}

struct Entry {
    conversation: Conversation,
    open: Option<Open>,
}

/// One session, held by its event stream: dropping it ends the session.
pub(super) struct Session {
    id: String,
    sessions: Sessions,
}

impl Sessions {
    /// Enters the session that `start` makes, under a new id.
    ///
    /// # Errors
    /// When there may be no more sessions; nothing has been started then.
    pub(super) fn enter<T>(
        &self,
        start: impl FnOnce() -> (Conversation, Open, T),
    ) -> Result<(Session, T), NoSession> {
        let id = new_id()?;
        let mut table = self.table();
        if table.ended {
            return Err(NoSession::Ending);
        }
        if table.open.len() >= MAX_SESSIONS {
            tracing::warn!(MAX_SESSIONS, "a session was refused: too many are open");
            return Err(NoSession::TooMany);
        }
        let (conversation, open, more) = start();
        let entry = Entry {
            conversation,
            open: Some(open),
        };
        table.open.insert(id.clone(), entry);
        let session = Session {
            id,
            sessions: self.clone(),
        };
        Ok((session, more))
    }

    /// The conversation of session `id`.
    pub(super) fn get(&self, id: &str) -> Option<Conversation> {
        let table = self.table();
        table.open.get(id).map(|entry| entry.conversation.clone())
    }

    /// Ends every session, each after its last answer, and lets no other begin.
    pub(super) async fn end(&self) {
        let ids: Vec<String> = {
            let mut table = self.table();
            table.ended = true;
            table.open.keys().cloned().collect()
        };
        join_all(ids.iter().map(|id| self.end_one(id))).await;
    }

    async fn end_one(&self, id: &str) {
        let Some(conversation) = self.get(id) else {
            return;
        };
        conversation.answered().await;
        if let Some(entry) = self.table().open.get_mut(id) {
            entry.open = None;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// The session's id: visible ASCII, safe in a URI.
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
        // Outside the lock: what hangs on the conversation ends here too.
        drop(removed);
    }
}

/// A new id in lower-case hexadecimal.
fn new_id() -> Result<String, NoSession> {
    let mut bytes = [0; ID_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gave no random bytes for a session id");
        return Err(NoSession::NoRandomness);
    }
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
