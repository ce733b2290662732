//! The session table of Streamable HTTP, around rmcp's own sessions.
//!
//! rmcp keeps the conversation of a session, once there is a message that rmcp has to answer. This
//! table keeps what rmcp cannot know: the handshake and the requests that the
//! [fast path](crate::fast_path) answers, the time of the last traffic, the limit of sessions, and
//! which of them [other instances](super::shared) find. A [`TrackedTransport`] between rmcp and its
//! worker records the answers of rmcp.

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
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
                RestoreOutcome, ServerSseMessage, SessionState, SessionStore,
                local::{LocalSessionManager, LocalSessionManagerError, LocalSessionWorker},
            },
        },
    },
};

use super::shared::{self, SharedSessions, StoreFailed};
use crate::{
    fast_path::Revision,
    handshake::Handshake,
    http::{Subject, SubjectId},
    in_flight::{InFlight, UnsentAnswer},
    limits::Limits,
    log_limit::LogLimit,
    metrics::{Shed, count_shed},
    runtime::Handle,
    session_id::{self, NoRandomness},
};

/// Sweeps of the table within a session's time to live.
const SWEEPS_PER_TTL: u32 = 10;

/// All sessions of one server.
pub(super) struct Sessions {
    rmcp: LocalSessionManager,
    table: Mutex<Table>,
    limits: Limits,
    /// Sweeps since the start: the only clock that a session needs.
    sweeps: AtomicU64,
    rejections: LogLimit,
    shared: Option<SharedSessions>,
}

#[derive(Default)]
struct Table {
    open: HashMap<SessionId, Arc<Session>>,
    /// Places of sessions that rmcp is creating.
    reserved: usize,
}

/// One session.
pub(super) struct Session {
    pub(super) in_flight: Arc<InFlight>,
    /// The number of sweeps at its last message.
    last_seen: AtomicU64,
    /// The token that opened it. It stays empty on a server without tokens.
    owner: OnceLock<SubjectId>,
    /// What the other instances get. It stays empty on a server without a store.
    state: OnceLock<SessionState>,
}

/// A place for a session that rmcp is creating. Dropping this frees the place.
struct ReservedPlace<'s>(&'s Sessions);

/// Why a session cannot be created or used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("too many sessions are open; close one or try again later")]
    TooMany,
    #[error("the session was closed meanwhile")]
    Closed,
    #[error(transparent)]
    Store(#[from] StoreFailed),
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    #[error(transparent)]
    Rmcp(#[from] LocalSessionManagerError),
}

impl Sessions {
    /// Starts an empty table. Each session is closed after `ttl` without traffic. Other instances of
    /// the server find them in `store`.
    pub(super) fn start(
        runtime: &Handle,
        ttl: Duration,
        limits: Limits,
        store: Option<Arc<dyn SessionStore>>,
    ) -> Arc<Self> {
        let mut sessions = Self::new(limits);
        sessions.shared = store.map(SharedSessions::new);
        let sessions = Arc::new(sessions);
        let weak = Arc::downgrade(&sessions);
        runtime.spawn(Box::pin(sweep(runtime.clone(), weak, ttl / SWEEPS_PER_TTL)));
        sessions
    }

    /// Creates the table of a server without sessions. rmcp does not use it.
    pub(super) fn disabled() -> Arc<Self> {
        Arc::new(Self::new(Limits::default()))
    }

    fn new(limits: Limits) -> Self {
        let mut rmcp = LocalSessionManager::default();
        // rmcp does not see the traffic of the fast path.
        rmcp.session_config.keep_alive = None;
        Self {
            rmcp,
            table: Mutex::default(),
            limits,
            sweeps: AtomicU64::new(0),
            rejections: LogLimit::default(),
            shared: None,
        }
    }

    /// Opens a session in `revision`, whose handshake the fast path answers: `initialize` is the
    /// client's request, and `owner` its token. rmcp gets the session with [`Self::restore`].
    pub(super) async fn open(
        &self,
        revision: Revision,
        initialize: &[u8],
        owner: Option<SubjectId>,
    ) -> Result<SessionId, SessionError> {
        let place = self.reserve()?;
        let id = SessionId::from(session_id::new()?);
        let handshake = Handshake::answered(Some(revision), initialize);
        let session = self.insert(place, id.clone(), handshake, owner);
        if self.shared.is_some()
            && let Some(state) = shared::state_of_bytes(initialize)
        {
            session.state.get_or_init(|| state);
            self.share(&id).await?;
        }
        Ok(id)
    }

    /// Puts a session that was opened here where other instances find it. If that fails, the
    /// session ends: its client may be sent to another instance with its next request.
    pub(super) async fn share(&self, id: &str) -> Result<(), SessionError> {
        let (Some(shared), Some((id, session))) = (&self.shared, self.entry(id)) else {
            return Ok(());
        };
        let Some(state) = session.state.get() else {
            return Ok(());
        };
        let stored = shared.store(&id, session.owner.get().copied(), state).await;
        if stored.is_err() {
            self.close_session(&id).await?;
        }
        Ok(stored?)
    }

    /// Whether a request in session `id` has to wait until [`Self::find`] has looked for it.
    pub(super) fn may_be_elsewhere(&self, id: &str) -> bool {
        self.shared.is_some() && !self.table().open.contains_key(id)
    }

    /// Takes over the session `id` of `owner` from the instance that opened it. Returns whether
    /// there is one.
    pub(super) async fn find(
        &self,
        id: &str,
        owner: Option<SubjectId>,
    ) -> Result<bool, SessionError> {
        let Some(shared) = &self.shared else {
            return Ok(false);
        };
        let Some(state) = shared.load(id, owner).await? else {
            return Ok(false);
        };
        let place = self.reserve()?;
        let session = self.insert(place, id.into(), shared::handshake(&state), owner);
        session.state.get_or_init(|| state);
        Ok(true)
    }

    /// Removes a session that its client has ended from where other instances find it.
    pub(super) async fn forget(&self, id: &str, session: &Session) -> Result<(), SessionError> {
        if let Some(shared) = &self.shared {
            shared.remove(id, session.owner.get().copied()).await?;
        }
        Ok(())
    }

    /// Keeps the sessions that had traffic since the last sweep where other instances find them.
    async fn refresh(&self) {
        let Some(shared) = &self.shared else { return };
        let last = self.sweeps.load(Ordering::Relaxed).saturating_sub(1);
        let is_active = |session: &Session| session.last_seen.load(Ordering::Relaxed) >= last;
        let active: Vec<_> = {
            let table = self.table();
            let active = table.open.iter().filter(|(_, session)| is_active(session));
            let active = active.map(|(id, session)| (id.clone(), session.clone()));
            active.collect()
        };
        for (id, session) in active {
            if let Some(state) = session.state.get()
                && (shared.store(&id, session.owner.get().copied(), state).await).is_err()
            {
                // The next sweep tries again.
                return;
            }
        }
    }

    /// Gives a session that the fast path has opened to rmcp. The first answer of rmcp has to be
    /// the one that the client has already, to `initialize`.
    pub(super) async fn restore(
        &self,
        id: &SessionId,
        session: &Session,
    ) -> Result<TrackedTransport, SessionError> {
        let restored = self.rmcp.restore_session(id.clone()).await?;
        // Since rmcp has the session, closing it closes it there. It may have been closed before.
        let is_open = self.table().open.contains_key(id);
        match restored {
            RestoreOutcome::Restored(worker) if is_open => Ok(TrackedTransport {
                worker,
                in_flight: session.in_flight.clone(),
                repeats_handshake: true,
            }),
            _ => {
                self.rmcp.close_session(id).await?;
                Err(SessionError::Closed)
            }
        }
    }

    /// Puts a session in the table, unless another request has put it there, and returns it.
    fn insert(
        &self,
        place: ReservedPlace<'_>,
        id: SessionId,
        handshake: Handshake,
        owner: Option<SubjectId>,
    ) -> Arc<Session> {
        let in_flight = Arc::new(InFlight::after(handshake, self.limits.max_in_flight));
        let session = Arc::new(Session {
            in_flight,
            last_seen: AtomicU64::new(self.sweeps.load(Ordering::Relaxed)),
            owner: owner.map_or_else(OnceLock::new, OnceLock::from),
            state: OnceLock::new(),
        });
        let session = self.table().open.entry(id).or_insert(session).clone();
        drop(place);
        session
    }

    /// Returns the session of this id, with the id as rmcp has it.
    pub(super) fn entry(&self, id: &str) -> Option<(SessionId, Arc<Session>)> {
        let table = self.table();
        let (id, session) = table.open.get_key_value(id)?;
        Some((id.clone(), session.clone()))
    }

    /// Returns the session of this id, and records that it has traffic.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Session>> {
        let session = self.table().open.get(id).cloned()?;
        session
            .last_seen
            .store(self.sweeps.load(Ordering::Relaxed), Ordering::Relaxed);
        Some(session)
    }

    /// Binds a new session to the token that opened it. Only its client knows the id by then.
    pub(super) fn bind(&self, id: &str, owner: SubjectId) {
        if let Some(session) = self.table().open.get(id) {
            session.owner.get_or_init(|| owner);
        }
    }

    /// Whether the session of this id belongs to another token than `subject`, or to none.
    pub(super) fn is_foreign(&self, id: &str, subject: Subject<'_>) -> bool {
        let table = self.table();
        let session = table.open.get(id);
        session.is_some_and(|session| session.owner.get() != Some(&subject.id()))
    }

    /// Returns the number of open sessions.
    pub(super) fn count(&self) -> usize {
        self.table().open.len()
    }

    /// Whether no more sessions may be created.
    pub(super) fn are_full(&self) -> bool {
        self.is_full(&self.table())
    }

    fn is_full(&self, table: &Table) -> bool {
        table.open.len() + table.reserved >= self.limits.max_sessions
    }

    /// Reserves a place before rmcp creates a session: it may have to wait, and other clients
    /// create sessions meanwhile.
    fn reserve(&self) -> Result<ReservedPlace<'_>, SessionError> {
        let mut table = self.table();
        if self.is_full(&table) {
            self.count_rejection();
            return Err(SessionError::TooMany);
        }
        table.reserved += 1;
        Ok(ReservedPlace(self))
    }

    /// Counts and logs a session that was rejected because too many are open.
    pub(super) fn count_rejection(&self) {
        count_shed(Shed::Sessions);
        if let Some(left_out) = self.rejections.admit() {
            let max_sessions = self.limits.max_sessions;
            tracing::warn!(
                max_sessions,
                left_out,
                "a session was rejected: too many are open"
            );
        }
    }

    /// Returns the sessions that had no traffic for long enough and have nothing in flight.
    fn idle(&self) -> Vec<SessionId> {
        let now = self.sweeps.fetch_add(1, Ordering::Relaxed) + 1;
        let is_idle = |session: &Session| {
            if !session.in_flight.is_empty() {
                // Its client waits for an answer, and may go on after it.
                session.last_seen.store(now, Ordering::Relaxed);
            }
            now - session.last_seen.load(Ordering::Relaxed) > u64::from(SWEEPS_PER_TTL)
        };
        let table = self.table();
        let idle = table.open.iter().filter(|(_, session)| is_idle(session));
        idle.map(|(id, _)| id.clone()).collect()
    }

    /// Removes a session and ends its calls on the fast path.
    fn remove(&self, id: &SessionId) {
        let session = self.table().open.remove(id);
        if let Some(session) = session {
            session.in_flight.end_all();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ReservedPlace<'_> {
    fn drop(&mut self) {
        self.0.table().reserved -= 1;
    }
}

/// Closes idle sessions every `pause`, for as long as the table exists.
async fn sweep(runtime: Handle, sessions: Weak<Sessions>, pause: Duration) {
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
        sessions.refresh().await;
    }
}

impl SessionManager for Sessions {
    type Error = SessionError;
    type Transport = TrackedTransport;

    async fn create_session(&self) -> Result<(SessionId, TrackedTransport), SessionError> {
        let place = self.reserve()?;
        let (id, worker) = self.rmcp.create_session().await?;
        let session = self.insert(place, id.clone(), Handshake::default(), None);
        let transport = TrackedTransport {
            worker,
            in_flight: session.in_flight.clone(),
            repeats_handshake: false,
        };
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionError> {
        if self.shared.is_some()
            && let (Some((_, session)), Some(state)) = (self.entry(id), shared::state(&message))
        {
            session.state.get_or_init(|| state);
        }
        Ok(self.rmcp.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionError> {
        Ok(self.rmcp.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionError> {
        self.remove(id);
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

/// The worker of a session. It records the answers that rmcp sends.
pub(super) struct TrackedTransport {
    worker: WorkerTransport<LocalSessionWorker>,
    in_flight: Arc<InFlight>,
    /// Whether the next message answers an `initialize` that the client has an answer to.
    repeats_handshake: bool,
}

impl Transport<RoleServer> for TrackedTransport {
    type Error = <WorkerTransport<LocalSessionWorker> as Transport<RoleServer>>::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let unsent = if std::mem::take(&mut self.repeats_handshake) {
            UnsentAnswer::default()
        } else {
            self.in_flight.record_sent(&message)
        };
        let sent = self.worker.send(message);
        async move {
            let sent = sent.await;
            drop(unsent);
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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join};

    use super::*;

    fn with_one_place() -> Sessions {
        Sessions::new(Limits {
            max_sessions: 1,
            ..Limits::default()
        })
    }

    #[tokio::test]
    async fn clients_that_open_sessions_at_the_same_moment_do_not_exceed_the_limit() {
        let sessions = with_one_place();
        let busy = sessions.rmcp.sessions.read().await;
        let mut both = Box::pin(join(sessions.create_session(), sessions.create_session()));
        assert!(both.as_mut().now_or_never().is_none(), "rmcp has to wait");
        drop(busy);
        let (first, second) = both.await;
        assert!(first.is_ok() && matches!(second, Err(SessionError::TooMany)));
        assert!(sessions.are_full());
    }

    #[tokio::test]
    async fn a_client_that_leaves_while_its_session_is_created_frees_the_place() {
        let sessions = with_one_place();
        let busy = sessions.rmcp.sessions.read().await;
        assert!(sessions.create_session().now_or_never().is_none());
        drop(busy);
        assert!(sessions.create_session().await.is_ok());
    }
}
