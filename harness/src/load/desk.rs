//! What the event loop works on: does what the clients have to do, and hands them what comes in.

mod step;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use mio::{Registry, event::Event};

use super::{
    client::{Mode, State, Terms},
    crew::Crew,
    judge::Judge,
    message::{Ids, Message},
    outcome::{CallError, ErrorKind, LoadError},
    plan::{Sessions, Target},
    schedule::{Schedule, Turn},
    score::Score,
    setup::{Setup, wire},
    wire::{Happened, Traffic, Wire},
    wording::Wording,
};

/// How often the time limits are looked at.
const SWEEP: Duration = Duration::from_millis(10);

/// The wire, the clients on it, and the messages that they send.
pub(super) struct Desk<'a> {
    pub(super) wire: Box<dyn Wire>,
    pub(super) crew: Crew,
    initialize: Message,
    initialized: Message,
    calls: Vec<Message>,
    /// Which of the calls is next.
    next_call: usize,
    /// Where sessions are shared, whose the last call was made in.
    lender: usize,
    ids: Ids,
    /// Requests of JSON-RPC that were sent.
    json_rpc_requests: u64,
    /// Latencies count from the instant that a call was due, and not from when it was sent.
    counts_from_due: bool,
    pub(super) call_timeout: Duration,
    /// When the time limits were last looked at.
    swept: Instant,
    stop: &'a AtomicBool,
}

impl<'a> Desk<'a> {
    /// Prepares the messages; connects to nothing yet.
    pub(super) fn new(setup: Setup<'a>, registry: Registry) -> Result<Self, LoadError> {
        let Setup {
            target,
            exchanges,
            clients,
            call_timeout,
            revision,
            extra_params,
            shape,
            share,
            stop,
        } = setup;
        let floor_bytes = match target {
            Target::Floor { answer_bytes, .. } => Some(answer_bytes),
            _ => None,
        };
        let sessions = if let Target::Http { sessions, .. } = target {
            Some(sessions)
        } else {
            None
        };
        let earlier_runs = match target {
            Target::OpenStdio { runs, .. } => runs,
            _ => 0,
        };
        let wording = Wording::new(revision, extra_params);
        let handshakes = match sessions {
            _ if floor_bytes.is_some() || earlier_runs > 0 || !revision.has_handshake() => 0,
            Some(Sessions::Shared(count)) => count.min(clients),
            _ => clients,
        };
        let pool = shape
            .connections
            .filter(|connections| *connections < clients);
        let wire = wire(target, registry, revision, (clients, pool))?;
        let expectations = exchanges.iter().map(|exchange| exchange.expect.clone());
        let judge = floor_bytes.map_or_else(|| Judge::tools(expectations), Judge::floor);
        let terms = Terms {
            handshakes,
            revision,
            sessions,
            is_shared: wire.is_shared(),
            survives: wire.session_survives(),
            calls_per_session: shape.calls_per_session,
        };
        let schedule = Schedule::new(shape.pace, share, shape.round_trip, clients);
        let score = Score::new(schedule.is_open_loop());
        let counts_from_due = schedule.is_open_loop() || pool.is_some();
        Ok(Self {
            wire,
            crew: Crew::new(clients, terms, schedule, judge, score),
            initialize: wording.initialize(),
            initialized: Message::notification("notifications/initialized"),
            calls: exchanges
                .iter()
                .map(|exchange| wording.call(exchange))
                .collect(),
            next_call: share.index * exchanges.len() / share.of,
            lender: 0,
            ids: Ids::after(earlier_runs, clients),
            json_rpc_requests: 0,
            counts_from_due,
            call_timeout,
            swept: Instant::now(),
            stop,
        })
    }

    /// Whether the run is to end at once.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the subject can no longer be reached.
    pub(super) fn is_gone(&self) -> bool {
        self.wire.is_gone()
    }

    /// What went over the wire so far.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            json_rpc_requests: self.json_rpc_requests,
            ..self.wire.traffic()
        }
    }

    /// Lets every client make calls from now on.
    pub(super) fn begin_load(&mut self) {
        self.crew.mode = Mode::Load;
        let now = Instant::now();
        self.crew.schedule.begin(now);
        for client in 0..self.crew.clients.len() {
            let one = &mut self.crew.clients[client];
            // The first iteration is not a whole one: its handshake lies behind.
            (one.begun, one.is_spoilt) = (now, true);
            one.calls_left = self.crew.terms.calls_per_session.unwrap_or_default();
            self.crew.schedule.free(client, now);
        }
    }

    /// Hands over what came in, and lets the clients act on it at once.
    pub(super) fn ready(&mut self, event: &Event) {
        self.wire.ready(event, &mut self.crew.tell());
        if self.crew.schedule.next().is_some() {
            self.act(Instant::now());
        }
    }

    /// Does everything that is due, as long as there is somebody to do it with.
    pub(super) fn act(&mut self, mut now: Instant) {
        if self.wire.is_gone() && self.crew.mode != Mode::Handshake {
            return;
        }
        loop {
            while let Some(turn) = self.crew.schedule.pop_queued(|one| self.wire.has_room(one)) {
                self.step(turn, now);
            }
            while let Some(turn) = self.crew.schedule.pop(now) {
                self.step(turn, now);
            }
            while let Some(turn) = self.crew.next_call(now) {
                self.step(turn, now);
            }
            // What the steps have made due must not wait for the poll, whose time-outs are whole milliseconds.
            match self.crew.schedule.next() {
                Some(due) if due <= Instant::now() => now = Instant::now(),
                _ => break,
            }
        }
        self.wire.flush(&mut self.crew.tell());
    }

    /// The client begins to wait for the server, under a new id.
    fn begin(&mut self, client: usize, state: State, now: Instant) -> u32 {
        let id = self.ids.next(client);
        let client = &mut self.crew.clients[client];
        client.state = state;
        client.since = now;
        client.id = id;
        id
    }

    /// Sends a message of an idle client whose answer is to be kept.
    pub(super) fn ask(&mut self, client: usize, message: &Message) {
        let id = self.begin(client, State::Asking, Instant::now());
        self.wire.send(client, message, id, &mut self.crew.tell());
    }

    /// Begins to end the client's session, if the server keeps one.
    pub(super) fn leave(&mut self, client: usize) {
        let one = &mut self.crew.clients[client];
        if one.session.is_some() && matches!(one.state, State::Idle | State::Down | State::Ending) {
            if !self.wire.has_room(client) {
                one.state = State::Ending;
                let due = Instant::now();
                return self.crew.schedule.queue(Turn { client, due });
            }
            one.state = State::Leaving;
            one.since = Instant::now();
            self.wire.send_delete(client, &mut self.crew.tell());
        }
    }

    /// Ends what has taken too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        for client in 0..self.crew.clients.len() {
            let one = &self.crew.clients[client];
            if one.state.waits() && now.saturating_duration_since(one.since) >= self.call_timeout {
                let text = format!(
                    "no answer within {:?} (client in state {:?})",
                    self.call_timeout, one.state
                );
                self.wire.close(client);
                self.crew.happened(
                    client,
                    Happened::Failed(CallError::new(ErrorKind::Timeout, text)),
                );
            }
        }
    }
}
