//! The event loop: carries out what is due, and hands the clients what comes in.

use std::{
    mem,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use mio::Events;
use nix::time::{ClockId, clock_gettime};

use super::{
    checker::Checker,
    clients::{Clients, Mode, Reply, State, Terms},
    errors::{CallError, CallResult, ErrorKind, LoadError, LoadResult},
    message::{Ids, Message},
    plan::{Plan, Sessions, Target},
    poller::{Poller, SLEEP, TIMER},
    recorder::{Edge, Recorder},
    requests::Requests,
    schedule::{Schedule, Share, Turn},
    transport::{self, Happened, Transport},
};

/// How often the time limits are looked at.
const SWEEP: Duration = Duration::from_millis(10);
/// How long the sessions may take to end.
const LEAVE: Duration = Duration::from_secs(5);

/// The transport, the clients on it, and the messages that they send.
pub(super) struct Driver<'a> {
    poller: Poller,
    transport: Box<dyn Transport>,
    pub(super) clients: Clients,
    initialize: Message,
    initialized: Message,
    calls: Vec<Message>,
    /// The calls come in groups of so many, each of which one client makes in order.
    steps: usize,
    /// Which of the groups is next.
    next_group: usize,
    /// Shared sessions: the client in whose session the last call was made.
    lender: usize,
    ids: Ids,
    json_rpc_requests: u64,
    /// Latencies count from the instant that a call was due, and not from when it was sent.
    counts_from_due: bool,
    call_timeout: Duration,
    /// When the time limits were last looked at.
    swept: Instant,
    stop: &'a AtomicBool,
}

impl<'a> Driver<'a> {
    /// Prepares a thread's share of a load; connects to nothing yet.
    pub(super) fn new(plan: Plan<'a>, share: Share) -> LoadResult<Self> {
        let (clients, revision) = (plan.clients, plan.revision);
        let schedule = Schedule::new(&plan.shape, share, clients);
        let poller = Poller::new(schedule.is_timed()).map_err(LoadError::io("make a poll"))?;
        let registry = poller.registry().map_err(LoadError::io("make a poll"))?;
        let (sessions, earlier_runs) = (plan.target.sessions(), plan.target.earlier_runs());
        let mut handshakes = match sessions {
            Some(Sessions::Shared(count)) => count,
            _ => clients,
        };
        let expected = plan.exchanges.iter().map(|one| one.expect.clone());
        let mut checker = Checker::tools(expected);
        if let Target::Floor { answer_bytes, .. } = plan.target {
            checker = Checker::Floor(answer_bytes, None);
        }
        let is_floor = matches!(checker, Checker::Floor(..));
        if is_floor || earlier_runs > 0 || !revision.has_handshake() {
            handshakes = 0;
        }
        let pool = plan.shape.connections.filter(|count| *count < clients);
        let transport = transport::new(plan.target, registry, revision, (clients, pool))?;
        let terms = Terms {
            handshakes,
            revision,
            sessions,
            is_shared: transport.is_shared(),
            survives: transport.session_survives(),
            calls_per_session: plan.shape.calls_per_session,
            calls_per_iteration: plan.shape.calls_per_iteration(),
        };
        let steps = plan.exchanges.iter().map(|one| one.step).collect();
        let recorder = Recorder::new(schedule.is_open_loop(), plan.shape.latency_after, steps);
        let groups = plan.exchanges.len() / plan.shape.steps.unwrap_or(1);
        let requests = Requests::new(revision, plan.extra_params);
        Ok(Self {
            poller,
            transport,
            counts_from_due: schedule.is_open_loop() || pool.is_some(),
            clients: Clients::new(clients, terms, schedule, checker, recorder),
            initialize: requests.initialize(),
            initialized: Message::notification("notifications/initialized"),
            calls: plan
                .exchanges
                .iter()
                .map(|one| requests.call(one))
                .collect(),
            steps: plan.exchanges.len() / groups,
            // Threads that are in step would make the same call at the same time.
            next_group: share.index * groups / share.of,
            lender: 0,
            ids: Ids::after(earlier_runs, clients),
            json_rpc_requests: 0,
            call_timeout: plan.call_timeout,
            swept: Instant::now(),
            stop: plan.stop,
        })
    }

    /// Whether the run has to end at once.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the subject cannot be reached any more.
    pub(super) fn is_gone(&self) -> bool {
        self.transport.is_gone()
    }

    /// What the client has used and sent so far.
    pub(super) fn edge(&self) -> LoadResult<Edge> {
        let cpu = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
            .map_err(|errno| LoadError::io("read the CPU time of the load thread")(errno.into()))?;
        let mut traffic = self.transport.traffic();
        traffic.json_rpc_requests = self.json_rpc_requests;
        Ok(Edge {
            at: Instant::now(),
            cpu: cpu.into(),
            spun: self.poller.spun,
            traffic,
        })
    }

    /// Opens all sessions.
    pub(super) fn open_sessions(&mut self) -> LoadResult {
        // The handshake of a session that all clients share is made once.
        let most = if self.transport.is_shared() && self.clients.terms.handshakes > 0 {
            1
        } else {
            usize::MAX
        };
        let count = self.clients.all.len().min(most);
        let now = Instant::now();
        (0..count).for_each(|client| self.clients.schedule.at(client, now));
        while self.clients.count(|state| state != State::Idle) > 0 {
            if let Some((client, error)) = self.clients.fatal.take() {
                return Err(LoadError::Handshake { client, error });
            }
            if self.is_stopped() {
                return Err(LoadError::Stopped);
            }
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(())
    }

    /// Sends a message of the first client and waits for the answer. The outer error ends the
    /// verification, the inner one says why there is no answer.
    pub(super) fn ask(&mut self, message: &Message) -> LoadResult<CallResult<Reply>> {
        self.clients.mode = Mode::Ask;
        self.clients.reply = None;
        let mut is_sent = false;
        loop {
            if let Some(reply) = self.clients.reply.take() {
                if reply.is_err() {
                    self.transport.close(0);
                    self.clients.down(0);
                }
                return Ok(reply);
            }
            if self.is_gone() {
                return Ok(Err(CallError::transport("the subject has ended")));
            }
            if self.is_stopped() {
                return Err(LoadError::Stopped);
            }
            if self.clients.all[0].state == State::Idle && !is_sent {
                is_sent = true;
                let id = self.begin(0, State::Asking, Instant::now());
                let sent = self.transport.send(0, message, id);
                self.check(0, sent);
            }
            self.turn(Instant::now() + SLEEP)?;
        }
    }

    /// Lets every client make calls from now on.
    pub(super) fn begin_load(&mut self) {
        let (clients, now) = (&mut self.clients, Instant::now());
        clients.mode = Mode::Load;
        for client in &mut clients.all {
            (client.begun, client.is_partial) = (now, true);
            client.calls_left = clients.terms.calls_per_session.unwrap_or_default();
        }
        clients.schedule.begin(now);
    }

    /// Open loop: makes the calls that were due before the window closed, for so long at the most.
    /// Returns how many calls of the window are given up then.
    pub(super) fn catch_up(
        &mut self,
        (opened, closed): (Instant, Instant),
        limit: Duration,
    ) -> LoadResult<usize> {
        self.clients.schedule.end(closed);
        while self.clients.owes_calls()
            && !self.is_stopped()
            && !self.is_gone()
            && closed.elapsed() < limit
        {
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(self.clients.give_up_calls(opened))
    }

    /// Waits for the calls that are outstanding; each has its time limit.
    pub(super) fn drain(&mut self) -> LoadResult {
        self.clients.mode = Mode::Finish;
        while self.clients.count(|state| state == State::Calling) > 0 && !self.is_stopped() {
            self.turn(Instant::now() + SLEEP)?;
        }
        Ok(())
    }

    /// Ends the sessions that the server keeps, if it answers within a few seconds.
    pub(super) fn end_sessions(&mut self) -> LoadResult {
        self.clients.mode = Mode::Finish;
        let end = Instant::now() + LEAVE.min(self.call_timeout);
        (0..self.clients.all.len()).for_each(|client| self.end_session(client));
        let is_leaving = |state| matches!(state, State::Leaving | State::Ending);
        while self.clients.count(is_leaving) > 0 && !self.is_stopped() && Instant::now() < end {
            self.turn(end)?;
        }
        for _ in 0..self.clients.count(is_leaving) {
            let text = "the DELETE of a session was not answered in time";
            let error = CallError::new(ErrorKind::Timeout, text);
            self.clients.recorder.closing_error(error);
        }
        Ok(())
    }

    /// Carries out what is due, waits, and handles once what comes in.
    pub(super) fn turn(&mut self, until: Instant) -> LoadResult {
        let now = Instant::now();
        self.act(now);
        self.sweep(now);
        let due = self.clients.schedule.next().unwrap_or(until);
        let wake = due.min(until).min(now + SLEEP);
        self.poller
            .wait(wake)
            .map_err(LoadError::io("wait for the connections"))?;
        let events = mem::replace(&mut self.poller.events, Events::with_capacity(0));
        for event in events.iter().filter(|event| event.token() != TIMER) {
            self.transport.ready(event, &mut self.clients.tell());
            if self.clients.schedule.is_busy() {
                self.act(Instant::now());
            }
            if self.is_stopped() {
                break;
            }
        }
        self.poller.events = events;
        Ok(())
    }

    /// Carries out everything that is due and possible.
    fn act(&mut self, mut now: Instant) {
        if self.is_gone() && self.clients.mode != Mode::Handshake {
            return;
        }
        loop {
            let schedule = &mut self.clients.schedule;
            let turn = schedule
                .pop_queued(|client| self.transport.has_room(client))
                .or_else(|| schedule.pop(now))
                .or_else(|| self.clients.next_call(now));
            if let Some(turn) = turn {
                self.step(turn, now);
                continue;
            }
            // What the steps have made due must not wait for the poll.
            match self.clients.schedule.next() {
                Some(due) if due <= Instant::now() => now = Instant::now(),
                _ => break,
            }
        }
        self.transport.flush(&mut self.clients.tell());
    }

    /// Carries out one action of one client.
    fn step(&mut self, turn: Turn, now: Instant) {
        let client = turn.client;
        let Clients { all, mode, .. } = &self.clients;
        let (one, state) = (&all[client], all[client].state);
        let sends = matches!(
            state,
            State::Opened | State::Agreed | State::Idle | State::Ending
        );
        if sends && !self.transport.has_room(client) {
            return self.clients.schedule.queue(turn);
        }
        match state {
            State::Down => {
                self.begin(client, State::Opening, now);
                self.begin_session(turn);
                let opened = self.transport.open(client, &mut self.clients.tell());
                self.check(client, opened);
            }
            State::Opened => {
                self.transport.forget(client);
                self.send(client, State::Initializing, now);
            }
            State::Agreed => {
                self.transport.agree(client, one.session.as_deref());
                self.send(client, State::Announcing, now);
            }
            State::Ending if one.session.is_none() => {
                self.transport.close(client);
                self.clients.renew(client, now);
            }
            State::Ending => self.end_session(client),
            // The call of another client has found that the session of this one is lost.
            State::Idle if !one.is_initialized => self.clients.down(client),
            State::Idle if *mode == Mode::Load => self.call(turn, now),
            _ => {}
        }
    }

    /// The client opens its connection: for a new session, if it has made all calls of the last.
    fn begin_session(&mut self, turn: Turn) {
        let calls_per_session = self.clients.terms.calls_per_session;
        let one = &mut self.clients.all[turn.client];
        if let Some(calls) = calls_per_session.filter(|_| one.calls_left == 0) {
            one.calls_left = calls;
            if one.calls_made == 0 {
                (one.begun, one.is_partial) = (turn.due, false);
            }
        }
    }

    /// The client's next exchange: that of its group, or the first one of the next group.
    fn next_exchange(&mut self, turn: Turn) -> usize {
        let one = &mut self.clients.all[turn.client];
        let made = usize::try_from(one.calls_made).unwrap_or_default();
        if made == 0 && self.clients.terms.calls_per_session.is_none() {
            (one.begun, one.is_partial) = (turn.due, false);
        }
        let step = made % self.steps;
        if step == 0 {
            one.group = self.next_group * self.steps;
            self.next_group += 1;
            if self.next_group * self.steps == self.calls.len() {
                self.next_group = 0;
            }
        }
        one.group + step
    }

    /// Makes the next call; where sessions are shared, in the next of them.
    fn call(&mut self, turn: Turn, now: Instant) {
        let Turn { due, client } = turn;
        let lender = match self.clients.next_lender(self.lender) {
            Some(lender) => {
                self.lender = lender;
                self.transport.lend(client, lender);
                lender
            }
            None => client,
        };
        let round_trip = self.clients.schedule.round_trip;
        let begun = now.checked_sub(round_trip).unwrap_or(now);
        let exchange = self.next_exchange(turn);
        let one = &mut self.clients.all[client];
        (one.exchange, one.lender) = (exchange, lender);
        one.due = if self.counts_from_due { due } else { begun };
        self.clients.recorder.sent(due, begun);
        self.send(client, State::Calling, now);
    }

    /// Sends the message that leads to this state.
    fn send(&mut self, client: usize, state: State, now: Instant) {
        let id = self.begin(client, state, now);
        let message = match state {
            State::Initializing => &self.initialize,
            State::Announcing => &self.initialized,
            _ => &self.calls[self.clients.all[client].exchange],
        };
        self.json_rpc_requests += u64::from(message.is_request);
        let sent = self.transport.send(client, message, id);
        self.check(client, sent);
    }

    /// A client whose message cannot be sent has lost its connection.
    fn check(&mut self, client: usize, sent: CallResult) {
        if let Err(error) = sent {
            self.transport.close(client);
            self.clients.happened(client, Happened::Failed(error));
        }
    }

    /// The client begins to wait for the server, under a new id.
    fn begin(&mut self, client: usize, state: State, now: Instant) -> u32 {
        let id = self.ids.next(client);
        let client = &mut self.clients.all[client];
        (client.state, client.since, client.id) = (state, now, id);
        id
    }

    /// Begins to end the client's session, if the server keeps one.
    fn end_session(&mut self, client: usize) {
        let one = &mut self.clients.all[client];
        let is_free = matches!(one.state, State::Idle | State::Down | State::Ending);
        if one.session.is_none() || !is_free {
            return;
        }
        let due = Instant::now();
        if self.transport.has_room(client) {
            (one.state, one.since) = (State::Leaving, due);
            let sent = self.transport.send_delete(client);
            self.check(client, sent);
        } else {
            one.state = State::Ending;
            self.clients.schedule.queue(Turn { due, client });
        }
    }

    /// Ends what has taken too long.
    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let limit = self.call_timeout;
        for client in 0..self.clients.all.len() {
            let one = &self.clients.all[client];
            if one.state.waits() && now.saturating_duration_since(one.since) >= limit {
                let state = one.state;
                let text = format!("no answer within {limit:?} (client in state {state:?})");
                let error = CallError::new(ErrorKind::Timeout, text);
                self.check(client, Err(error));
            }
        }
    }
}
