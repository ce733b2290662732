//! The clients: where each one is between its first connection and its last answer, and what an event does to it.
//!
//! It acts on nothing itself: what a client has to do next is put on the schedule, and the engine does it.

mod session;

use std::time::{Duration, Instant};

use super::{
    client::{Client, Mode, Reply, State, Terms},
    judge::Judge,
    outcome::{CallError, ErrorKind, Errors},
    schedule::{Schedule, Turn},
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
    pub(super) terms: Terms,
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
            due,
            id,
            exchange,
            ..
        } = self.clients[client];
        match state {
            State::Initializing => self.initialized(client, id, answer),
            State::Announcing => self.announced(client, answer),
            State::Calling => match self.judge.judge(exchange, id, answer) {
                Ok(()) => {
                    self.score.right(due, answer.began, answer.at);
                    self.clients[client].failures = 0;
                    self.called(client, answer.at);
                }
                Err(error) => {
                    self.score.wrong(error, due, answer.at);
                    self.clients[client].is_spoilt = true;
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
            State::Leaving => self.left(client, answer.status, answer.at),
            State::Ending
            | State::Down
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
            self.called(client, at);
        } else {
            self.down(client);
        }
    }

    /// Open loop: a client for a call that is due.
    pub(super) fn next_call(&mut self, now: Instant) -> Option<Turn> {
        if self.mode != Mode::Load {
            return None;
        }
        let clients = &self.clients;
        (self.schedule).pop_call(now, |client| clients[client].state == State::Idle)
    }

    fn failed(&mut self, client: usize, error: CallError) {
        let Client { state, due, .. } = self.clients[client];
        match (state, self.mode) {
            (State::Calling, _) => {
                self.clients[client].is_spoilt = true;
                self.score.wrong(error, due, Instant::now());
            }
            (State::Leaving, _) => {
                self.closing_errors.add(error);
                return self.gone(client, Instant::now());
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

    /// Whether every client is ready for its first call.
    pub(super) fn is_ready(&self) -> bool {
        self.clients
            .iter()
            .all(|client| client.state == State::Idle)
    }

    /// When the calls were due that are under way or wait for a connection.
    pub(super) fn outstanding(&self) -> Vec<Instant> {
        let calling = self
            .clients
            .iter()
            .filter(|client| client.state == State::Calling);
        let calling = calling.map(|client| client.due);
        calling.chain(self.queued_calls()).collect()
    }

    /// When the calls were due that wait for a connection.
    fn queued_calls(&self) -> impl Iterator<Item = Instant> {
        let is_call = |turn: &Turn| self.clients[turn.client].state == State::Idle;
        self.schedule.queued().filter(is_call).map(|turn| turn.due)
    }

    /// Open loop: whether calls that were due before the end are still to be made.
    pub(super) fn owes_calls(&self) -> bool {
        self.schedule.is_open_loop()
            && (self.schedule.has_calls() || self.queued_calls().next().is_some())
    }

    /// Open loop: gives up the calls that were due before the end and are not made. Returns how many of them were due from
    /// `opened` on.
    pub(super) fn give_up_calls(&mut self, opened: Instant) -> u64 {
        if !self.schedule.is_open_loop() {
            return 0;
        }
        let queued = self.queued_calls().filter(|due| *due >= opened).count();
        self.schedule.leave(opened) + queued as u64
    }

    /// Whether a call is under way.
    pub(super) fn is_calling(&self) -> bool {
        (self.clients.iter()).any(|client| client.state == State::Calling)
    }
}
