//! The sessions of an SSE server: one for each open event stream.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::conversation::{Conversation, Open};

/// Streams that may be open at once; each costs memory and a task.
const MAX_SESSIONS: usize = 10_000;
/// 128 bits from the operating system, so that nobody guesses another's session.
const ID_BYTES: usize = 16;

/// All open sessions.
#[derive(Clone, Default)]
pub(super) struct Sessions(Arc<Mutex<HashMap<String, Entry>>>);

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
    /// Enters a session under a new id, unless too many are open.
    pub(super) fn enter(&self, conversation: Conversation, open: Open) -> Option<Session> {
        let id = new_id()?;
        let mut table = self.table();
        if table.len() >= MAX_SESSIONS {
            tracing::warn!(MAX_SESSIONS, "a session was refused: too many are open");
            return None;
        }
        let entry = Entry {
            conversation,
            open: Some(open),
        };
        table.insert(id.clone(), entry);
        Some(Session {
            id,
            sessions: self.clone(),
        })
    }

    /// The conversation of session `id`.
    pub(super) fn get(&self, id: &str) -> Option<Conversation> {
        self.table().get(id).map(|entry| entry.conversation.clone())
    }

    /// Ends every session, each after its last answer.
    pub(super) async fn end(&self) {
        let ids: Vec<String> = self.table().keys().cloned().collect();
        for id in ids {
            let Some(conversation) = self.get(&id) else {
                continue;
            };
            conversation.answered().await;
            if let Some(entry) = self.table().get_mut(&id) {
                entry.open = None;
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
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
        let removed = self.sessions.table().remove(&self.id);
        // Outside the lock: what hangs on the conversation ends here too.
        drop(removed);
    }
}

/// A new id in lower-case hexadecimal, or nothing when the system has no randomness to give.
fn new_id() -> Option<String> {
    let mut bytes = [0; ID_BYTES];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the operating system gave no random bytes for a session id");
        return None;
    }
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}
