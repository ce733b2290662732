//! What a load is: the server, the calls, the clients and the time.

use std::{
    fmt,
    net::SocketAddr,
    process::{ChildStdin, ChildStdout},
    sync::atomic::AtomicBool,
    time::Duration,
};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    errors::{LoadError, LoadResult},
    expect::Check,
    requests::Revision,
};

/// The default call timeout.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The most clients of a load: their sockets must fit the usual limits, and they share the ids.
pub const MAX_CLIENTS: usize = 10_000;

/// The most threads of a load.
pub const MAX_THREADS: usize = 256;

/// One prepared request and its right answer. The clients of a load take the exchanges in turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The tool's name, `params.name` of `tools/call`; `None` for a `tools/list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The tool's arguments, `params.arguments`; an object.
    pub arguments: Value,
    /// Members of `params._meta`, in addition to those that the revision requires.
    pub meta: Map<String, Value>,
    /// What must hold for the result of a right answer, which has no `isError`. Not used for a
    /// [`Target::Floor`].
    pub expect: Vec<Check>,
    /// Which of a suite's steps it is, from 0: each has latencies of its own.
    #[serde(skip_serializing_if = "is_first")]
    pub step: usize,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_first(step: &usize) -> bool {
    *step == 0
}

impl Exchange {
    /// The tool, or the method where no tool is called.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tool.as_deref().unwrap_or("tools/list")
    }
}

/// An address with the host that `Host` names: servers may reject other hosts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// The address to connect to.
    pub socket: SocketAddr,
    host: String,
}

impl Address {
    /// The address of a host, which may end with its port: `localhost:8080`.
    #[must_use]
    pub fn new(socket: SocketAddr, host: &str) -> Self {
        let host = host.to_owned();
        Self { socket, host }
    }

    /// Whether a server at this address may call itself by this host and port.
    pub(super) fn is_called(&self, host: &str) -> bool {
        host == self.host
            || host == self.socket.to_string()
            || host == format!("localhost:{}", self.socket.port())
    }
}

impl From<SocketAddr> for Address {
    /// An address that is its own host.
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket, &socket.to_string())
    }
}

/// The host, as it stands in `Host` and in URLs.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

/// The sessions of Streamable HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sessions {
    /// The server keeps none.
    None,
    /// One for each client.
    PerClient,
    /// This many, opened by as many of the clients; the calls of all clients take them in turn.
    Shared(usize),
}

/// Where the subject is, and which transport it speaks.
#[derive(Debug)]
pub enum Target {
    /// Streamable HTTP; each answer may be JSON or an event stream.
    Http {
        /// The address to connect to.
        address: Address,
        /// The path of the endpoint, for example `/mcp`.
        path: String,
        /// The sessions. A server that behaves otherwise fails the handshake, so that no figure
        /// gets the wrong label.
        sessions: Sessions,
    },
    /// The HTTP+SSE transport of 2024-11-05.
    Sse {
        /// The address to connect to.
        address: Address,
        /// The path of the event stream, for example `/sse`.
        path: String,
    },
    /// The pipes of a child. Both are closed when the load is over, which ends a server that
    /// follows the specification.
    Stdio {
        /// The child's stdin.
        stdin: ChildStdin,
        /// The child's stdout.
        stdout: ChildStdout,
        /// How many runs there were over these pipes. The first one makes the handshake, and the
        /// ids of each differ from those of the others.
        earlier_runs: u32,
    },
    /// HTTP without a protocol: the requests are those of [`Target::Http`] after its handshake, but
    /// there is none. An answer is right when its status is 200 and its body is the same as that of
    /// the first answer, which has to have the expected length.
    Floor {
        /// The address to connect to.
        address: Address,
        /// The path to post to.
        path: String,
        /// The length of a right answer's body, in bytes.
        answer_bytes: usize,
    },
}

impl Target {
    /// A copy for other clients; `None` for the pipes of a child, which exist once.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        let (address, path) = self.place()?;
        let (address, path) = (address.clone(), path.to_owned());
        Some(match *self {
            Self::Http { sessions, .. } => Self::Http {
                address,
                path,
                sessions,
            },
            Self::Floor { answer_bytes, .. } => Self::Floor {
                address,
                path,
                answer_bytes,
            },
            Self::Sse { .. } | Self::Stdio { .. } => Self::Sse { address, path },
        })
    }

    pub(super) fn place(&self) -> Option<(&Address, &str)> {
        match self {
            Self::Http { address, path, .. }
            | Self::Sse { address, path }
            | Self::Floor { address, path, .. } => Some((address, path)),
            Self::Stdio { .. } => None,
        }
    }

    /// How many loads there were over the same session.
    pub(super) fn earlier_runs(&self) -> u32 {
        match self {
            Self::Stdio { earlier_runs, .. } => *earlier_runs,
            _ => 0,
        }
    }

    /// The sessions of Streamable HTTP; `None` on a transport without.
    pub(super) fn sessions(&self) -> Option<Sessions> {
        match self {
            Self::Http { sessions, .. } => Some(*sessions),
            _ => None,
        }
    }

    /// Replaces the number of shared sessions, if sessions are shared.
    pub(super) fn share_sessions(&mut self, change: impl FnOnce(usize) -> Sessions) {
        if let Self::Http { sessions, .. } = self
            && let Sessions::Shared(count) = *sessions
        {
            *sessions = change(count);
        }
    }
}

/// When the calls of an open loop are due.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, strum::Display, Eq, PartialEq, Serialize, ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Constant,
    /// At exponential distances, like those of many independent people.
    Poisson,
}

/// When a call is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Closed loop: a client's next call is due this long after the answer to its last one.
    Closed {
        /// The time between an answer and the next call.
        think_time: Duration,
    },
    /// Open loop: calls are due at instants planned beforehand, and wait for a free client.
    Open {
        /// Calls a second, of all clients and threads together.
        rate_per_s: f64,
        /// How they are spread.
        arrivals: Arrivals,
    },
}

impl Default for Pace {
    /// A closed loop without think time.
    fn default() -> Self {
        let think_time = Duration::ZERO;
        Self::Closed { think_time }
    }
}

/// How clients behave. By default each has its own connection and calls again at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// When a client's next call is due.
    pub pace: Pace,
    /// Connections that the clients use in turn over HTTP; `None`: each has its own.
    pub connections: Option<usize>,
    /// Added to each round trip to the server, that of a connection included.
    pub round_trip: Duration,
    /// A client ends its session and connection after so many calls, and begins anew; `None`:
    /// never.
    pub calls_per_session: Option<u32>,
    /// The exchanges come in groups of so many, and a client makes those of a group one after the
    /// other: that is an iteration. `None`: an iteration is a session that ends, or else one call.
    pub steps: Option<usize>,
    /// Closed loop: added to the think time after the last call of an iteration.
    pub iteration_pause: Duration,
    /// Closed loop: the clients begin at equal distances within this time, from the begin of the
    /// warm-up on.
    pub ramp: Duration,
    /// Closed loop: the clients end at equal distances within this time, which is the last part of
    /// the window. Each of them ends its iteration before.
    pub ramp_down: Duration,
    /// Calls that were due in this first part of the window count, but their latencies do not.
    pub latency_after: Duration,
    /// Open loop: a call that no client was free to send for so long is never sent; `None`: it
    /// waits.
    pub give_up: Option<Duration>,
}

impl Shape {
    /// How many calls make an iteration.
    pub(super) fn calls_per_iteration(&self) -> u32 {
        let steps = self.steps.and_then(|count| u32::try_from(count).ok());
        steps.or(self.calls_per_session).unwrap_or(1)
    }
}

/// A point of a run that the caller may want to act at. The observer runs on the load thread: the
/// time that it takes is missing from the load.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// All sessions are open; the warm-up begins.
    HandshakeDone,
    /// The warm-up is over and the window is open.
    MeasureStart,
    /// About every 100 ms, from the begin of the warm-up to the end of the window.
    Tick {
        /// Right calls of the window so far (0 during the warm-up).
        calls: u64,
        /// Errors of the window so far (0 during the warm-up).
        errors: u64,
    },
    /// The window has closed; outstanding calls are awaited. Comes after every `MeasureStart`, also
    /// when the run ends early.
    MeasureEnd,
}

/// One load.
pub struct Plan<'a> {
    /// The subject.
    pub target: Target,
    /// The calls, taken in turn; at least one.
    pub exchanges: &'a [Exchange],
    /// The number of clients, each with at most one call outstanding. Over HTTP and SSE each has
    /// its own connection, and its own session unless sessions are shared; over stdio all share
    /// the pipe and its session.
    pub clients: usize,
    /// How long the load runs before it counts.
    pub warmup: Duration,
    /// How long the window is.
    pub duration: Duration,
    /// How long a call, a connection or a step of a handshake may take.
    pub call_timeout: Duration,
    /// The protocol revision to agree on.
    pub revision: Revision,
    /// Members that are added to the `params` of every call.
    pub extra_params: Map<String, Value>,
    /// How clients behave.
    pub shape: Shape,
    /// Ends the run within 100 ms when set.
    pub stop: &'a AtomicBool,
}

impl Plan<'_> {
    /// Rejects a plan that cannot be carried out by so many threads.
    pub(super) fn check(&self, threads: usize) -> LoadResult {
        if self.clients == 0 || self.clients > MAX_CLIENTS {
            return LoadError::plan(format!("{} clients; give 1 to {MAX_CLIENTS}", self.clients));
        }
        if self.duration.is_zero() {
            return LoadError::plan("the duration is zero; give at least a few milliseconds");
        }
        if self.call_timeout.is_zero() {
            return LoadError::plan("the call timeout is zero; the default is 30 s");
        }
        if let Some(Sessions::Shared(count)) = self.target.sessions()
            && !(1..=self.clients).contains(&count)
        {
            return LoadError::plan(format!(
                "{count} shared sessions and {} clients; give 1 session to as many as there are clients",
                self.clients
            ));
        }
        let is_path = |path: &str| {
            path.starts_with('/') && !path.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
        };
        if let Some((_, path)) = self.target.place().filter(|(_, path)| !is_path(path)) {
            return LoadError::plan(format!("{path:?} is not a path; give one like /mcp"));
        }
        self.check_shape()?;
        self.check_exchanges()?;
        self.check_threads(threads)
    }

    /// Rejects clients that cannot behave like that over this transport.
    fn check_shape(&self) -> LoadResult {
        let is_http = matches!(self.target, Target::Http { .. } | Target::Floor { .. });
        if self.shape.connections.is_some() && !is_http {
            return LoadError::plan(
                "connections are shared over Streamable HTTP only; leave the number out",
            );
        }
        let is_open_loop = matches!(self.shape.pace, Pace::Open { .. });
        let paces = [
            self.shape.iteration_pause,
            self.shape.ramp,
            self.shape.ramp_down,
        ];
        if is_open_loop && paces.iter().any(|time| !time.is_zero()) {
            return LoadError::plan("pauses between iterations and ramps need a closed loop");
        }
        if self.shape.calls_per_session.is_none() {
            return Ok(());
        }
        if matches!(self.target, Target::Stdio { .. }) {
            return LoadError::plan(
                "the session of a process on stdio ends with the process, and not after so many calls; \
                 a subject may have a process for each call instead",
            );
        }
        if matches!(self.target.sessions(), Some(Sessions::Shared(_))) {
            return LoadError::plan("shared sessions do not end after so many calls of a client");
        }
        if is_open_loop {
            return LoadError::plan("calls per session need a closed loop");
        }
        Ok(())
    }

    fn check_exchanges(&self) -> LoadResult {
        if self.exchanges.is_empty() {
            return LoadError::plan("there is no exchange; give at least one call");
        }
        if let Some(bad) = self.exchanges.iter().find(|one| !one.arguments.is_object()) {
            let text = format!("the arguments of {} are not an object", bad.name());
            return LoadError::plan(format!("{text}: {}", bad.arguments));
        }
        let (count, steps) = (self.exchanges.len(), self.shape.steps.unwrap_or(1));
        if steps == 0 || !count.is_multiple_of(steps) {
            return LoadError::plan(format!("{count} exchanges are no whole groups of {steps}"));
        }
        let revision = self.revision;
        if revision.has_handshake() {
            return Ok(());
        }
        let is_floor = matches!(self.target, Target::Floor { .. });
        if !is_floor && self.target.sessions() != Some(Sessions::None) {
            return LoadError::plan(format!(
                "revision {revision} is spoken over Streamable HTTP only, and has no sessions"
            ));
        }
        let fits = |one: &&Exchange| one.name().bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(bad) = self.exchanges.iter().find(|one| !fits(one)) {
            return LoadError::plan(format!(
                "the tool name {:?} does not fit into the header that revision {revision} requires",
                bad.name()
            ));
        }
        Ok(())
    }

    /// Rejects what so many threads cannot share.
    fn check_threads(&self, threads: usize) -> LoadResult {
        let few = |count: usize| threads > 1 && count < threads;
        let text = match (self.target.sessions(), self.shape.connections) {
            _ if few(self.clients) => format!("{} clients", self.clients),
            (_, Some(count)) if few(count) => format!("{count} connections"),
            (Some(Sessions::Shared(count)), _) if few(count) => format!("{count} shared sessions"),
            _ => return Ok(()),
        };
        LoadError::plan(format!(
            "{threads} threads cannot share {text}; give as many or more"
        ))
    }
}
