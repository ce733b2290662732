//! What the event loop works on: does what the clients have to do, and hands them what comes in.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use mio::{Registry, event::Event};
use serde_json::{Map, Value};

use super::{
    client::{Mode, State, Terms},
    crew::Crew,
    judge::Judge,
    message::{Ids, Message},
    outcome::{CallError, ErrorKind, LoadError},
    pace::Schedule,
    plan::{Exchange, Sessions, Shape, Target},
    revision::Revision,
    score::Score,
    wire::{Happened, Sse, Stdio, Streamable, Traffic, Wire},
    wording::Wording,
};

/// How often the time limits are looked at.
const SWEEP: Duration = Duration::from_millis(10);

/// What a run and a verification both need.
pub(super) struct Setup<'a> {
    pub(super) target: Target,
    pub(super) exchanges: &'a [Exchange],
    pub(super) clients: usize,
    pub(super) call_timeout: Duration,
    pub(super) revision: Revision,
    pub(super) extra_params: Map<String, Value>,
    pub(super) shape: Shape,
    pub(super) stop: &'a AtomicBool,
}

/// The wire, the clients on it, and the messages that they send.
pub(super) struct Desk<'a> {
    pub(super) wire: Box<dyn Wire>,
    pub(super) crew: Crew,
    initialize: Message,
    initialized: Message,
    calls: Vec<Message>,
    /// Which of the calls is next.
    turn: usize,
    /// Where sessions are shared, whose the last call was made in.
    lender: usize,
    ids: Ids,
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
        let wording = Wording::new(revision, extra_params);
        let handshakes = match sessions {
            _ if floor_bytes.is_some() || !revision.has_handshake() => 0,
            Some(Sessions::Shared(count)) => count.min(clients),
            _ => clients,
        };
        let wire = wire(target, registry, revision, clients)?;
        let expectations = exchanges.iter().map(|exchange| exchange.expect.clone());
        let judge = floor_bytes.map_or_else(|| Judge::tools(expectations), Judge::floor);
        let terms = Terms {
            handshakes,
            revision,
            sessions,
            is_shared: wire.is_shared(),
            survives: wire.session_survives(),
        };
        Ok(Self {
            wire,
            crew: Crew::new(
                clients,
                terms,
                Schedule::new(shape.pace, clients),
                judge,
                Score::new(),
            ),
            initialize: wording.initialize(),
            initialized: Message::notification("notifications/initialized"),
            calls: exchanges
                .iter()
                .map(|exchange| wording.call(exchange))
                .collect(),
            turn: 0,
            lender: 0,
            ids: Ids::new(clients),
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
        self.wire.traffic()
    }

    /// Lets every client make calls from now on.
    pub(super) fn begin_load(&mut self) {
        self.crew.mode = Mode::Load;
        let now = Instant::now();
        (0..self.crew.clients.len()).for_each(|client| self.crew.schedule.free(client, now));
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
            while let Some(client) = self.crew.schedule.pop(now) {
                self.step(client, now);
            }
            // What the steps have made due must not wait for the poll, whose time-outs are whole milliseconds.
            match self.crew.schedule.next() {
                Some(due) if due <= Instant::now() => now = Instant::now(),
                _ => break,
            }
        }
        self.wire.flush(&mut self.crew.tell());
    }

    fn step(&mut self, client: usize, now: Instant) {
        match self.crew.clients[client].state {
            State::Down => {
                self.begin(client, State::Opening, now);
                self.wire.open(client, &mut self.crew.tell());
            }
            State::Opened => {
                let id = self.begin(client, State::Initializing, now);
                self.wire.forget(client);
                self.wire
                    .send(client, &self.initialize, id, &mut self.crew.tell());
            }
            State::Agreed => {
                let id = self.begin(client, State::Announcing, now);
                self.wire
                    .agree(client, self.crew.clients[client].session.as_deref());
                self.wire
                    .send(client, &self.initialized, id, &mut self.crew.tell());
            }
            // Another client's call has found that the session which this one opened is lost.
            State::Idle if !self.crew.clients[client].is_shaken => self.crew.down(client),
            State::Idle if self.crew.mode == Mode::Load => self.call(client, now),
            _ => {}
        }
    }

    /// Makes the next call, where sessions are shared in the next of them.
    fn call(&mut self, client: usize, now: Instant) {
        let id = self.begin(client, State::Calling, now);
        let exchange = self.turn;
        self.turn = if exchange + 1 == self.calls.len() {
            0
        } else {
            exchange + 1
        };
        let lender = match self.crew.next_lender(self.lender) {
            Some(lender) => {
                self.lender = lender;
                self.wire.lend(client, lender);
                lender
            }
            None => client,
        };
        let one = &mut self.crew.clients[client];
        (one.exchange, one.lender) = (exchange, lender);
        self.wire
            .send(client, &self.calls[exchange], id, &mut self.crew.tell());
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
        if one.session.is_some() && matches!(one.state, State::Idle | State::Down) {
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

fn wire(
    target: Target,
    registry: Registry,
    revision: Revision,
    clients: usize,
) -> Result<Box<dyn Wire>, LoadError> {
    Ok(match target {
        Target::Http { address, path, .. } if revision.has_handshake() => {
            Box::new(Streamable::new(registry, address, &path, revision, clients))
        }
        Target::Http { address, path, .. } | Target::Floor { address, path, .. } => Box::new(
            Streamable::new(registry, address, &path, revision, clients).without_handshake(),
        ),
        Target::Sse { address, path } => Box::new(Sse::new(registry, address, &path, clients)),
        Target::Stdio { stdin, stdout } => Box::new(Stdio::new(&registry, stdin, stdout, clients)?),
    })
}
