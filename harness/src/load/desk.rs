//! What the event loop works on: does what the clients have to do, and hands them what comes in.

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
    pace::{Pace, Schedule},
    plan::{Exchange, Target},
    revision::Revision,
    score::Score,
    wire::{Happened, Sse, Stdio, Streamable, Traffic, Wire},
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
    pub(super) pace: Pace,
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
            pace,
            stop,
        } = setup;
        let floor_bytes = match target {
            Target::Floor { answer_bytes, .. } => Some(answer_bytes),
            _ => None,
        };
        let session = if let Target::Http { session, .. } = target {
            Some(session)
        } else {
            None
        };
        let wire = wire(target, registry, revision, clients)?;
        let expectations = exchanges.iter().map(|exchange| exchange.expect.clone());
        let judge = floor_bytes.map_or_else(|| Judge::tools(expectations), Judge::floor);
        let terms = Terms {
            handshake: floor_bytes.is_none(),
            revision,
            session,
            is_shared: wire.is_shared(),
            survives: wire.session_survives(),
        };
        let call = |exchange: &Exchange| Message::call(&exchange.tool, &exchange.arguments);
        Ok(Self {
            wire,
            crew: Crew::new(
                clients,
                terms,
                Schedule::new(pace, clients),
                judge,
                Score::new()?,
            ),
            initialize: Message::initialize(revision),
            initialized: Message::notification("notifications/initialized"),
            calls: exchanges.iter().map(call).collect(),
            turn: 0,
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
            State::Idle if self.crew.mode == Mode::Load => {
                let id = self.begin(client, State::Calling, now);
                let exchange = self.turn;
                self.turn = if exchange + 1 == self.calls.len() {
                    0
                } else {
                    exchange + 1
                };
                self.crew.clients[client].exchange = exchange;
                self.wire
                    .send(client, &self.calls[exchange], id, &mut self.crew.tell());
            }
            _ => {}
        }
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
        Target::Http { address, path, .. } => {
            Box::new(Streamable::new(registry, address, &path, revision, clients))
        }
        Target::Floor { address, path, .. } => Box::new(
            Streamable::new(registry, address, &path, revision, clients).without_handshake(),
        ),
        Target::Sse { address, path } => Box::new(Sse::new(registry, address, &path, clients)),
        Target::Stdio { stdin, stdout } => Box::new(Stdio::new(&registry, stdin, stdout, clients)?),
    })
}
