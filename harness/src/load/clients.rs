//! The clients: the state of each, from its first connection to its last answer.
//!
//! An event changes the state of a client and puts its next action on the schedule; the driver
//! carries the action out.

use std::time::{Duration, Instant};

use super::{
    checker::{Checker, result},
    errors::{CallError, CallResult, ErrorKind},
    http1::Form,
    plan::Sessions,
    recorder::Recorder,
    requests::Revision,
    schedule::{Schedule, Turn},
    transport::{Answer, Happened},
};

/// How long a client waits before it connects again after its second failure in a row; the time
/// doubles with each further one.
const BACKOFF: Duration = Duration::from_millis(10);
/// How often it doubles.
const BACKOFF_DOUBLINGS: u32 = 6;

/// The state of a client. In `Down`, `Opened`, `Agreed`, `Idle` and `Ending` it waits for the
/// schedule, in the others for the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// Without a connection.
    Down,
    Opening,
    Opened,
    /// `initialize` is sent.
    Initializing,
    Agreed,
    /// `notifications/initialized` is sent.
    Announcing,
    /// Ready for a call.
    Idle,
    /// A call of the load is sent.
    Calling,
    /// Its session has to be ended.
    Ending,
    /// A message is sent whose answer is kept.
    Asking,
    /// The end of the session is sent.
    Leaving,
    Gone,
}

impl State {
    /// Whether the client waits for the server.
    pub(super) fn waits(self) -> bool {
        use State::{Announcing, Asking, Calling, Initializing, Leaving, Opening};
        matches!(
            self,
            Opening | Initializing | Announcing | Calling | Asking | Leaving
        )
    }
}

/// One client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) state: State,
    /// When it began to wait for the server.
    pub(super) since: Instant,
    /// When its last call was due: its latency counts from then.
    pub(super) due: Instant,
    /// When its iteration was begun.
    pub(super) begun: Instant,
    /// Calls of its iteration that are made.
    pub(super) calls_made: u32,
    /// The first exchange of the group that its iteration is made of.
    pub(super) group: usize,
    /// When its last pause ends.
    pause_ends: Instant,
    /// Calls of its session that are still to be made, where their number is limited.
    pub(super) calls_left: u32,
    /// Its iteration is no whole one: it began before the load, or a call of it failed.
    pub(super) is_partial: bool,
    /// The id of its last message.
    pub(super) id: u32,
    /// The exchange of its last call.
    pub(super) exchange: usize,
    pub(super) session: Option<Vec<u8>>,
    /// The client whose session its last call was made in.
    pub(super) lender: usize,
    /// Its handshake is done.
    pub(super) is_initialized: bool,
    /// Failures since the last right answer.
    pub(super) failures: u32,
}

/// What the clients do at the moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// They open sessions: a failure ends the run.
    Handshake,
    /// They ask one thing after another.
    Ask,
    /// They call whenever the pace says so.
    Load,
    /// They wait for outstanding answers, or end their sessions.
    Finish,
}

/// The handshakes and the sessions that the clients have to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How many clients have a handshake: the first ones.
    pub(super) handshakes: usize,
    pub(super) revision: Revision,
    /// The sessions that the server must keep; `None` on a transport without.
    pub(super) sessions: Option<Sessions>,
    /// One handshake serves all clients.
    pub(super) is_shared: bool,
    /// A session outlives its connection.
    pub(super) survives: bool,
    /// A session ends after so many calls.
    pub(super) calls_per_session: Option<u32>,
    pub(super) calls_per_iteration: u32,
}

impl Terms {
    /// Whether an iteration is more than a call.
    fn has_iterations(&self) -> bool {
        self.calls_per_session.is_some() || self.calls_per_iteration > 1
    }
}

/// An answer that was kept.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) id: u32,
    status: u16,
    form: Form,
    body: Vec<u8>,
    at: Instant,
    pub(super) latency: Duration,
}

impl Reply {
    pub(super) fn answer(&self) -> Answer<'_> {
        Answer {
            form: self.form,
            ..Answer::new(self.status, &self.body, self.at)
        }
    }
}

/// All clients, and what they found.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) all: Vec<Client>,
    pub(super) mode: Mode,
    pub(super) schedule: Schedule,
    pub(super) checker: Checker,
    pub(super) recorder: Recorder,
    /// The first handshake that failed, in the mode that cannot go on then.
    pub(super) fatal: Option<(usize, CallError)>,
    /// The answer to what was asked.
    pub(super) reply: Option<CallResult<Reply>>,
    pub(super) terms: Terms,
}

impl Clients {
    pub(super) fn new(
        count: usize,
        terms: Terms,
        schedule: Schedule,
        checker: Checker,
        recorder: Recorder,
    ) -> Self {
        let now = Instant::now();
        let client = |client| Client {
            state: State::Down,
            since: now,
            due: now,
            begun: now,
            calls_made: 0,
            group: 0,
            pause_ends: now,
            calls_left: 0,
            is_partial: false,
            id: 0,
            exchange: 0,
            session: None,
            lender: 0,
            is_initialized: client >= terms.handshakes,
            failures: 0,
        };
        Self {
            all: (0..count).map(client).collect(),
            mode: Mode::Handshake,
            recorder,
            schedule,
            checker,
            fatal: None,
            reply: None,
            terms,
        }
    }

    /// The function that a transport calls with what happened.
    pub(super) fn tell(&mut self) -> impl FnMut(usize, Happened<'_>) {
        |client, happened| self.happened(client, happened)
    }

    /// Acts on what happened to a client.
    pub(super) fn happened(&mut self, client: usize, happened: Happened<'_>) {
        match happened {
            Happened::Opened if self.all[client].is_initialized => {
                self.ready(client, Instant::now());
            }
            Happened::Opened => self.act_at(client, State::Opened, Instant::now()),
            Happened::Answered(answer) => self.answered(client, &answer),
            Happened::Failed(error) => self.failed(client, error),
            Happened::Stray(error) => self.stray(client, error),
        }
    }

    fn act_at(&mut self, client: usize, state: State, at: Instant) {
        self.all[client].state = state;
        self.schedule.at(client, at);
    }

    /// Something failed that is no call.
    fn stray(&mut self, client: usize, error: CallError) {
        match self.mode {
            Mode::Handshake => self.fatal = self.fatal.take().or(Some((client, error))),
            Mode::Ask => self.reply = Some(Err(error)),
            Mode::Load | Mode::Finish => self.recorder.error(error),
        }
    }

    fn answered(&mut self, client: usize, answer: &Answer<'_>) {
        let Client {
            state,
            since,
            due,
            id,
            exchange,
            ..
        } = self.all[client];
        match state {
            State::Initializing => match self.agree(answer, id) {
                Ok(session) => {
                    self.all[client].session = session;
                    self.act_at(client, State::Agreed, answer.at);
                }
                Err(error) => self.failed(client, error),
            },
            State::Announcing if (200..300).contains(&answer.status) => {
                self.initialized(client, answer.at);
            }
            State::Announcing => {
                let text = format!("status {} to notifications/initialized", answer.status);
                self.failed(client, CallError::new(ErrorKind::Http, text));
            }
            State::Calling => match self.checker.check(exchange, id, answer) {
                Ok(()) => {
                    self.recorder.right(exchange, due, answer.began, answer.at);
                    self.all[client].failures = 0;
                    self.called(client, answer.at);
                }
                Err(error) => {
                    self.recorder.wrong(error, due, answer.at);
                    self.all[client].is_partial = true;
                    self.after_wrong(client, answer.status, answer.at);
                }
            },
            State::Asking => {
                self.all[client].state = State::Idle;
                self.reply = Some(Ok(Reply {
                    id,
                    status: answer.status,
                    form: answer.form,
                    body: answer.body.to_vec(),
                    at: answer.at,
                    latency: answer.at.saturating_duration_since(since),
                }));
            }
            State::Leaving => self.left(client, answer.status, answer.at),
            _ => {
                let text = format!("an answer to nothing, in state {state:?}");
                self.recorder.error(CallError::protocol(text));
            }
        }
    }

    /// Checks the answer to `initialize`. Returns the session.
    fn agree(&self, answer: &Answer<'_>, id: u32) -> CallResult<Option<Vec<u8>>> {
        let result = result(answer, id)?;
        let (revision, version) = (self.terms.revision, &result["protocolVersion"]);
        if version.as_str() != Some(&revision.to_string()) {
            let text = "asked for protocol revision";
            let text = format!("{text} {revision}, the server answers {version}");
            return Err(CallError::protocol(text));
        }
        let is_kept = self.terms.sessions.map(|one| one != Sessions::None);
        let text = match (is_kept, answer.session) {
            (Some(true), None) => "declared to keep sessions, but gave no Mcp-Session-Id",
            (Some(false), Some(_)) => "declared to keep no sessions, but gave an Mcp-Session-Id",
            (Some(true), Some(id)) if id.iter().all(u8::is_ascii_graphic) => {
                return Ok(Some(id.to_vec()));
            }
            (Some(true), Some(id)) => {
                return Err(CallError::unexpected(
                    "a session that is not visible ASCII",
                    id,
                ));
            }
            _ => return Ok(None),
        };
        Err(CallError::protocol(text))
    }

    /// The handshake is done: of this client, or of all on a shared transport.
    fn initialized(&mut self, client: usize, at: Instant) {
        if self.terms.is_shared {
            for client in 0..self.all.len() {
                self.all[client].is_initialized = true;
                self.ready(client, at);
            }
            return;
        }
        self.all[client].is_initialized = true;
        if self.terms.calls_per_session.is_some() && self.mode == Mode::Load {
            // There is no think time between the handshake and the first call.
            self.act_at(client, State::Idle, at);
        } else {
            self.ready(client, at);
        }
    }

    /// The client has become free at this instant.
    fn ready(&mut self, client: usize, at: Instant) {
        self.all[client].state = State::Idle;
        match self.mode {
            Mode::Load => self.free(client, at),
            // Each question is one attempt, without back-off.
            Mode::Ask => self.all[client].failures = 0,
            Mode::Handshake | Mode::Finish => {}
        }
    }

    /// The client waits for its next call, as the pace says; in a ramp it may have been the last.
    fn free(&mut self, client: usize, at: Instant) {
        let one = &mut self.all[client];
        let is_new = one.calls_made == 0;
        if is_new && self.schedule.has_ended(client, at) {
            return;
        }
        if let Some(due) = self.schedule.free(client, at, is_new)
            && due > at
        {
            one.pause_ends = due;
            self.recorder.paused(at, due);
        }
    }

    /// What is left of the pauses of all clients at this instant.
    pub(super) fn pausing(&self, at: Instant) -> Duration {
        let left = |one: &Client| one.pause_ends.saturating_duration_since(at);
        self.all.iter().map(left).sum()
    }

    /// A call of the client was answered: it may have been the last one of its iteration, or of its
    /// session.
    fn called(&mut self, client: usize, at: Instant) {
        let one = &mut self.all[client];
        one.calls_made += 1;
        if one.calls_made >= self.terms.calls_per_iteration {
            one.calls_made = 0;
            if self.terms.has_iterations() && !one.is_partial {
                self.recorder.iteration(one.begun, at);
            }
        }
        one.calls_left = one.calls_left.saturating_sub(1);
        if self.terms.calls_per_session.is_none() || one.calls_left > 0 {
            return self.ready(client, at);
        }
        if self.mode == Mode::Load {
            self.act_at(client, State::Ending, at);
        } else {
            one.state = State::Idle;
        }
    }

    /// A wrong answer leaves the connection open. A session that the server does not know any more
    /// is opened anew by the client that opened it: now if that is this one, otherwise when its
    /// next call is due.
    fn after_wrong(&mut self, client: usize, status: u16, at: Instant) {
        let lender = self.all[client].lender;
        if status == 404 && self.all[lender].session.take().is_some() {
            self.all[lender].is_initialized = false;
        }
        if self.all[client].is_initialized {
            self.called(client, at);
        } else {
            self.down(client);
        }
    }

    fn failed(&mut self, client: usize, error: CallError) {
        let Client { state, due, .. } = self.all[client];
        match state {
            State::Calling => {
                self.all[client].is_partial = true;
                self.recorder.wrong(error, due, Instant::now());
            }
            State::Leaving => {
                self.recorder.closing_error(error);
                return self.gone(client, Instant::now());
            }
            _ => self.stray(client, error),
        }
        self.down(client);
    }

    /// The client has no connection, and opens a new one: at once, or after a while if that failed
    /// before.
    pub(super) fn down(&mut self, client: usize) {
        let one = &mut self.all[client];
        one.state = State::Down;
        one.is_initialized &= self.terms.survives;
        let wait = match one.failures {
            0 => Duration::ZERO,
            failures => BACKOFF * (1 << (failures - 1).min(BACKOFF_DOUBLINGS)),
        };
        one.failures = one.failures.saturating_add(1);
        if self.mode != Mode::Finish {
            self.schedule.at(client, Instant::now() + wait);
        }
    }

    /// The client has ended its session, and begins the next one when that is due.
    pub(super) fn renew(&mut self, client: usize, at: Instant) {
        let one = &mut self.all[client];
        one.state = State::Down;
        one.is_initialized = self.terms.handshakes == 0;
        self.free(client, at);
    }

    /// The DELETE of a session is answered. A server may answer 405 (basic/transports, session
    /// management); 404 means that the session had ended.
    fn left(&mut self, client: usize, status: u16, at: Instant) {
        self.gone(client, at);
        if !matches!(status, 200..300 | 404 | 405) {
            let text = format!("status {status} to the DELETE of a session");
            self.recorder
                .closing_error(CallError::new(ErrorKind::Http, text));
        }
    }

    /// The session is ended: for good, or to begin the next one.
    fn gone(&mut self, client: usize, at: Instant) {
        self.all[client].session = None;
        if self.mode == Mode::Load {
            self.act_at(client, State::Ending, at);
        } else {
            self.all[client].state = State::Gone;
        }
    }

    /// Shared sessions: the client whose session comes after that of `last`; `None` when all are
    /// lost, or none is shared.
    pub(super) fn next_lender(&self, last: usize) -> Option<usize> {
        let Some(Sessions::Shared(count)) = self.terms.sessions else {
            return None;
        };
        let mut lenders = (1..=count).map(|step| (last + step) % count);
        lenders.find(|lender| {
            let one = &self.all[*lender];
            one.is_initialized && one.session.is_some()
        })
    }

    /// Open loop: a client for a call that is due.
    pub(super) fn next_call(&mut self, now: Instant) -> Option<Turn> {
        if self.mode != Mode::Load {
            return None;
        }
        let all = &self.all;
        self.schedule
            .pop_call(now, |client| all[client].state == State::Idle)
    }

    /// How many clients are in a state like this.
    pub(super) fn count(&self, is_like: impl Fn(State) -> bool) -> usize {
        self.all
            .iter()
            .filter(|client| is_like(client.state))
            .count()
    }

    /// When the calls were due that wait for a connection.
    fn queued_calls(&self) -> impl Iterator<Item = Instant> {
        let is_call = |turn: &Turn| self.all[turn.client].state == State::Idle;
        self.schedule.queued().filter(is_call).map(|turn| turn.due)
    }

    /// When the calls were due that are under way or wait for a connection.
    pub(super) fn outstanding(&self) -> Vec<Instant> {
        let calling = self
            .all
            .iter()
            .filter(|client| client.state == State::Calling);
        calling
            .map(|client| client.due)
            .chain(self.queued_calls())
            .collect()
    }

    /// Open loop: whether calls that were due before the end are still to be made.
    pub(super) fn owes_calls(&self) -> bool {
        self.schedule.is_open_loop()
            && (self.schedule.has_calls() || self.queued_calls().next().is_some())
    }

    /// Open loop: gives up the calls that were due before the end and are not made. Returns how
    /// many of them were due from `opened` on.
    pub(super) fn give_up_calls(&mut self, opened: Instant) -> usize {
        if !self.schedule.is_open_loop() {
            return 0;
        }
        let queued = self.queued_calls().filter(|due| *due >= opened).count();
        let given_up = self.schedule.given_up;
        queued
            + given_up
            + self
                .schedule
                .take_calls()
                .filter(|due| *due >= opened)
                .count()
    }
}
