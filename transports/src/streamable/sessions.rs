//! The sessions of Streamable HTTP: rmcp's, with a table of our own around them.
//!
//! rmcp keeps the conversation of a session. What it cannot know is kept here: which requests the
//! [fast path](crate::fast_path) answers in it, that these are traffic too, and how many sessions there may be.
//! The table hears what rmcp says in a session by standing between it and its worker.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::Stream;
use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{
        Transport, WorkerTransport,
        streamable_http_server::{
            SessionId, SessionManager,
            session::{
                ServerSseMessage,
                local::{LocalSessionManager, LocalSessionManagerError, LocalSessionWorker},
            },
        },
    },
};

use crate::{in_flight::InFlight, runtime::Handle};

/// Looks at the table within a session's time to live.
const LOOKS: u32 = 10;

/// All sessions of one server.
pub(super) struct Sessions {
    rmcp: LocalSessionManager,
    table: Mutex<HashMap<SessionId, Arc<Session>>>,
    /// Sessions that may be open at once.
    most: usize,
    /// Looks since the start: the only clock that a session needs.
    now: AtomicU64,
}

/// What is known of one session.
pub(super) struct Session {
    pub(super) in_flight: Arc<InFlight>,
    /// The look that its last message came before.
    seen: AtomicU64,
}

/// Why a session cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("too many sessions are open; close one or try again later")]
    TooMany,
    #[error(transparent)]
    Rmcp(#[from] LocalSessionManagerError),
}

impl Sessions {
    /// No sessions yet, and never more than `max_sessions`; each is closed after `ttl` without traffic.
    pub(super) fn new(runtime: &Handle, ttl: Duration, max_sessions: usize) -> Arc<Self> {
        let mut rmcp = LocalSessionManager::default();
        // rmcp would not see what the front answers.
        rmcp.session_config.keep_alive = None;
        let sessions = Arc::new(Self {
            rmcp,
            table: Mutex::default(),
            most: max_sessions,
            now: AtomicU64::new(0),
        });
        let looking = look(runtime.clone(), Arc::downgrade(&sessions), ttl / LOOKS);
        runtime.spawn(Box::pin(looking));
        sessions
    }

    /// The table of a server without sessions, which rmcp never asks.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self {
            rmcp: LocalSessionManager::default(),
            table: Mutex::default(),
            most: 0,
            now: AtomicU64::new(0),
        })
    }

    /// The session of this id, which has just been heard of.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.table().get(id).cloned()?;
        session
            .seen
            .store(self.now.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(session)
    }

    /// Whether there may be no more.
    pub(super) fn are_full(&self) -> bool {
        self.table().len() >= self.most
    }

    /// The sessions without traffic for long enough, and nothing in flight.
    fn idle(&self) -> Vec<SessionId> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        let is_idle = |session: &Session| {
            if !session.in_flight.is_empty() {
                // Its client waits, and will want to go on when it is answered.
                session.seen.store(now, Ordering::Relaxed);
            }
            now - session.seen.load(Ordering::Relaxed) > u64::from(LOOKS)
        };
        let table = self.table();
        let idle = table.iter().filter(|(_, session)| is_idle(session));
        idle.map(|(id, _)| id.clone()).collect()
    }

    /// Takes a session out of the table and ends what the front still does for it.
    fn forget(&self, id: &SessionId) {
        let session = self.table().remove(id);
        if let Some(session) = session {
            session.in_flight.end_all();
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes idle sessions, for as long as there is somebody who has any.
async fn look(runtime: Handle, sessions: Weak<Sessions>, pause: Duration) {
    loop {
        runtime.sleep(pause).await;
        let Some(sessions) = sessions.upgrade() else {
            return;
        };
        for id in sessions.idle() {
            if let Err(error) = sessions.close_session(&id).await {
                tracing::debug!(%error, "an idle session could not be closed");
            }
        }
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = TrackedTransport;

    async fn create_session(&self) -> Result<(SessionId, TrackedTransport), SessionError> {
        if self.are_full() {
            let max_sessions = self.most;
            tracing::warn!(max_sessions, "a session was refused: too many are open");
            return Err(SessionError::TooMany);
        }
        let (id, worker) = self.rmcp.create_session().await?;
        let session = Arc::new(Session {
            in_flight: Arc::default(),
            seen: AtomicU64::new(self.now.load(Ordering::Relaxed)),
        });
        let in_flight = session.in_flight.clone();
        self.table().insert(id.clone(), session);
        Ok((id, TrackedTransport { worker, in_flight }))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        Ok(self.rmcp.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.rmcp.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        self.forget(id);
        Ok(self.rmcp.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.rmcp.create_stream(id, message).await?)
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), SessionError> {
        Ok(self.rmcp.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.rmcp.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionError> {
        Ok(self.rmcp.resume(id, last_event_id).await?)
    }
}

/// A session's worker, overheard: what it answers is in flight no more.
pub(super) struct TrackedTransport {
    worker: WorkerTransport<LocalSessionWorker>,
    in_flight: Arc<InFlight>,
}

impl Transport<RoleServer> for TrackedTransport {
    type Error = <WorkerTransport<LocalSessionWorker> as Transport<RoleServer>>::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let leaving = self.in_flight.said(&message);
        let sent = self.worker.send(message);
        async move {
            let sent = sent.await;
            drop(leaving);
            sent
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.worker.receive().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.worker.close().await
    }
}
