//! The clients: where each one is between its first connection and its last answer, and what an event does to it.
//!
//! It acts on nothing itself: what a client has to do next is put on the schedule, and the engine does it.

use std::time::{Duration, Instant};

use super::{
    client::{Client, Mode, Reply, State, Terms},
    judge::Judge,
    outcome::{CallError, ErrorKind, Errors},
    pace::Schedule,
    plan::Sessions,
    response,
    score::Score,
    wire::{Answer, Happened},
};

/// How long a client waits before it connects again after its second failure in a row; it doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(10);
/// How often it doubles.
const BACKOFF_DOUBLINGS: u32 = 6;

/// All clients, and what they found.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) clients: Vec<Client>,
    pub(super) mode: Mode,
    pub(super) schedule: Schedule,
    pub(super) judge: Judge,
    pub(super) score: Score,
    pub(super) closing_errors: Errors,
    /// Why the first handshake that failed did, in the mode that cannot go on then.
    pub(super) fatal: Option<(usize, CallError)>,
    /// The answer to what was asked.
    pub(super) reply: Option<Result<Reply, CallError>>,
    terms: Terms,
}

impl Crew {
    pub(super) fn new(
        clients: usize,
        terms: Terms,
        schedule: Schedule,
        judge: Judge,
        score: Score,
    ) -> Self {
        Self {
            clients: (0..clients)
                .map(|client| Client::new(client >= terms.handshakes))
                .collect(),
            mode: Mode::Handshake,
            schedule,
            judge,
            score,
            closing_errors: Errors::default(),
            fatal: None,
            reply: None,
            terms,
        }
    }

    /// Where a wire tells what happened.
    pub(super) fn tell(&mut self) -> impl FnMut(usize, Happened<'_>) {
        |client, happened| self.happened(client, happened)
    }

    /// Takes note of what happened to a client.
    pub(super) fn happened(&mut self, client: usize, happened: Happened<'_>) {
        match happened {
            Happened::Opened => self.opened(client),
            Happened::Answered(answer) => self.answered(client, &answer),
            Happened::Failed(error) => self.failed(client, error),
            Happened::Stray(error) => match self.mode {
                Mode::Handshake => self.fatal = self.fatal.take().or(Some((client, error))),
                Mode::Ask => self.reply = Some(Err(error)),
                Mode::Load | Mode::Finish => self.score.error(error),
            },
        }
    }

    fn opened(&mut self, client: usize) {
        if self.clients[client].is_shaken {
            self.ready(client, Instant::now());
        } else {
            self.clients[client].state = State::Opened;
            self.schedule.at(client, Instant::now());
        }
    }

    fn answered(&mut self, client: usize, answer: &Answer<'_>) {
        let Client {
            state,
            since,
            id,
            exchange,
            ..
        } = self.clients[client];
        match state {
            State::Initializing => self.initialized(client, id, answer),
            State::Announcing => self.announced(client, answer),
            State::Calling => match self.judge.judge(exchange, id, answer) {
                Ok(()) => {
                    self.score.right(since, answer.began, answer.at);
                    self.clients[client].failures = 0;
                    self.ready(client, answer.at);
                }
                Err(error) => {
                    self.score.wrong(error, since, answer.at);
                    self.after_wrong(client, answer.status, answer.at);
                }
            },
            State::Asking => {
                self.reply = Some(Ok(Reply {
                    id,
                    status: answer.status,
                    form: answer.form,
                    body: answer.body.to_vec(),
                    since,
                    at: answer.at,
                }));
                self.clients[client].state = State::Idle;
            }
            State::Leaving => self.left(client, answer.status),
            State::Down
            | State::Opening
            | State::Opened
            | State::Agreed
            | State::Idle
            | State::Gone => {
                let text = format!("an answer to nothing, in state {state:?}");
                self.score.error(CallError::new(ErrorKind::Protocol, text));
            }
        }
    }

    /// The answer to `initialize` has come.
    fn initialized(&mut self, client: usize, id: u32, answer: &Answer<'_>) {
        match self.agreed(answer, id) {
            Ok(session) => {
                self.clients[client].session = session;
                self.clients[client].state = State::Agreed;
                self.schedule.at(client, answer.at);
            }
            Err(error) => self.failed(client, error),
        }
    }

    /// The answer to `notifications/initialized` has come.
    fn announced(&mut self, client: usize, answer: &Answer<'_>) {
        if (200..300).contains(&answer.status) {
            self.shaken(client, answer.at);
        } else {
            let text = format!("status {} to notifications/initialized", answer.status);
            self.failed(client, CallError::new(ErrorKind::Http, text));
        }
    }

    /// What the handshake agreed on, as far as it is the session.
    fn agreed(&self, answer: &Answer<'_>, id: u32) -> Result<Option<Vec<u8>>, CallError> {
        let refuse = |text: String| Err(CallError::new(ErrorKind::Protocol, text));
        let result = response::result(answer, id)?;
        let revision = self.terms.revision.as_str();
        let version = &result["protocolVersion"];
        if version.as_str() != Some(revision) {
            return refuse(format!(
                "asked for protocol revision {revision}, the server answers {version}"
            ));
        }
        let is_kept = self.terms.sessions.map(|one| one != Sessions::None);
        match (is_kept, answer.session) {
            (Some(true), None) => {
                refuse("declared to keep sessions, but gave no Mcp-Session-Id".to_owned())
            }
            (Some(false), Some(_)) => {
                refuse("declared to keep no sessions, but gave an Mcp-Session-Id".to_owned())
            }
            (Some(true), Some(id)) if !id.iter().all(u8::is_ascii_graphic) => refuse(format!(
                "Mcp-Session-Id {} is not visible ASCII",
                String::from_utf8_lossy(id)
            )),
            (Some(true), Some(id)) => Ok(Some(id.to_vec())),
            _ => Ok(None),
        }
    }

    /// The handshake is done: of this client, or of all on a shared wire.
    fn shaken(&mut self, client: usize, at: Instant) {
        if !self.terms.is_shared {
            self.clients[client].is_shaken = true;
            return self.ready(client, at);
        }
        for client in 0..self.clients.len() {
            self.clients[client].is_shaken = true;
            self.ready(client, at);
        }
    }

    /// The client has become free at this instant.
    fn ready(&mut self, client: usize, at: Instant) {
        self.clients[client].state = State::Idle;
        match self.mode {
            Mode::Load => self.schedule.free(client, at),
            // Each question is one attempt: there is nothing to hold back.
            Mode::Ask => self.clients[client].failures = 0,
            Mode::Handshake | Mode::Finish => {}
        }
    }

    /// A wrong answer leaves the connection as it is; a session that the server does not know any more is opened anew
    /// by the client that opened it: now if that is this one, or else when its next call is due.
    fn after_wrong(&mut self, client: usize, status: u16, at: Instant) {
        let lender = self.clients[client].lender;
        if status == 404 && self.clients[lender].session.take().is_some() {
            self.clients[lender].is_shaken = false;
        }
        if self.clients[client].is_shaken {
            self.ready(client, at);
        } else {
            self.down(client);
        }
    }

    /// Where sessions are shared: the client whose session comes after that of `last`; `None` when all are lost.
    pub(super) fn next_lender(&self, last: usize) -> Option<usize> {
        let Some(Sessions::Shared(count)) = self.terms.sessions else {
            return None;
        };
        (1..=count)
            .map(|step| (last + step) % count)
            .find(|lender| {
                let one = &self.clients[*lender];
                one.is_shaken && one.session.is_some()
            })
    }

    fn failed(&mut self, client: usize, error: CallError) {
        let Client { state, since, .. } = self.clients[client];
        match (state, self.mode) {
            (State::Calling, _) => self.score.wrong(error, since, Instant::now()),
            (State::Leaving, _) => {
                self.closing_errors.add(error);
                self.clients[client].state = State::Gone;
                return;
            }
            (_, Mode::Handshake) => self.fatal = self.fatal.take().or(Some((client, error))),
            (_, Mode::Ask) => self.reply = Some(Err(error)),
            _ => self.score.error(error),
        }
        self.down(client);
    }

    /// The client has no connection, and makes a new one: at once, or after a while if that did not help before.
    pub(super) fn down(&mut self, client: usize) {
        let one = &mut self.clients[client];
        one.state = State::Down;
        one.is_shaken &= self.terms.survives;
        let wait = match one.failures {
            0 => Duration::ZERO,
            failures => BACKOFF * (1 << (failures - 1).min(BACKOFF_DOUBLINGS)),
        };
        one.failures = one.failures.saturating_add(1);
        if self.mode != Mode::Finish {
            self.schedule.at(client, Instant::now() + wait);
        }
    }

    /// The session is ended; 405 is a server's right (basic/transports, session management), 404 means that it had ended.
    fn left(&mut self, client: usize, status: u16) {
        self.clients[client].state = State::Gone;
        if !matches!(status, 200..300 | 404 | 405) {
            let text = format!("status {status} to the DELETE of a session");
            self.closing_errors
                .add(CallError::new(ErrorKind::Http, text));
        }
    }

    /// Whether every client is ready for its first call.
    pub(super) fn is_ready(&self) -> bool {
        self.clients
            .iter()
            .all(|client| client.state == State::Idle)
    }

    /// When the calls that are under way were begun.
    pub(super) fn outstanding(&self) -> Vec<Instant> {
        let calling = self
            .clients
            .iter()
            .filter(|client| client.state == State::Calling);
        calling.map(|client| client.since).collect()
    }
}
