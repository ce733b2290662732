//! What is asked for: the wire, the calls, the clients, the time.

use std::{
    process::{ChildStdin, ChildStdout},
    sync::atomic::AtomicBool,
    time::Duration,
};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    address::Address, expect::Expectation, outcome::LoadError, pace::Pace, revision::Revision,
};

/// The call timeout where nothing else is asked for.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// One prepared call: what is sent, and what a right answer is. The clients of a run take the plan's exchanges in turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The tool's name, `params.name` of `tools/call`.
    pub tool: String,
    /// The tool's arguments, `params.arguments`; an object.
    pub arguments: Value,
    /// Members of `params._meta`, beside those that the revision asks for.
    pub meta: Map<String, Value>,
    /// What the answer is held against. Not looked at on a [`Target::Floor`].
    pub expect: Expectation,
}

/// The sessions of Streamable HTTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sessions {
    /// The server keeps none.
    None,
    /// One for each client.
    PerClient,
    /// So many, opened by as many of the clients; calls take them in turn, whoever makes them.
    Shared(usize),
}

/// Where the subject is, and which wire it speaks.
#[derive(Debug)]
pub enum Target {
    /// Streamable HTTP; the answers may be JSON or event streams, each says itself which.
    Http {
        /// The address to connect to.
        address: Address,
        /// The path of the endpoint, for example `/mcp`.
        path: String,
        /// The sessions. A server that does not behave as declared here fails the handshake, so that no figure gets
        /// the wrong label.
        sessions: Sessions,
    },
    /// The HTTP+SSE transport of 2024-11-05.
    Sse {
        /// The address to connect to.
        address: Address,
        /// The path of the event stream, for example `/sse`.
        path: String,
    },
    /// The pipes of a child. Both are closed when the run is over, which ends a server that keeps to the specification.
    Stdio {
        /// The child's stdin.
        stdin: ChildStdin,
        /// The child's stdout.
        stdout: ChildStdout,
    },
    /// The pipes of a child over which earlier runs have opened the session: there is no handshake.
    OpenStdio {
        /// The child's stdin.
        stdin: ChildStdin,
        /// The child's stdout.
        stdout: ChildStdout,
        /// How many runs there were over these pipes: the ids of this one are others than theirs.
        runs: u32,
    },
    /// HTTP without a protocol: the requests are those of [`Target::Http`] after its handshake, but there is none, and
    /// an answer is right when its status is 200, its body has the length that was asked for, and it is the same as the
    /// first one's.
    Floor {
        /// The address to connect to.
        address: Address,
        /// The path to post to.
        path: String,
        /// The length in bytes of a right answer's body.
        answer_bytes: usize,
    },
}

impl Target {
    /// The same once more, for other clients; `None` for the pipes of a child, which there are once.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        Some(match self {
            Self::Http {
                address,
                path,
                sessions,
            } => Self::Http {
                address: address.clone(),
                path: path.clone(),
                sessions: *sessions,
            },
            Self::Sse { address, path } => Self::Sse {
                address: address.clone(),
                path: path.clone(),
            },
            Self::Floor {
                address,
                path,
                answer_bytes,
            } => Self::Floor {
                address: address.clone(),
                path: path.clone(),
                answer_bytes: *answer_bytes,
            },
            Self::Stdio { .. } | Self::OpenStdio { .. } => return None,
        })
    }
}

/// A point of a run that the caller may want to act at. The observer runs on the load thread: what it takes is missing
/// from the load, so it should read what it needs and return.
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
    /// The window has closed; what is outstanding is now awaited. Comes after every `MeasureStart`, also when the run
    /// ends early.
    MeasureEnd,
}

/// What the clients of a run are like. By default each has a connection of its own for as long as the run lasts, and
/// asks again at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// When a client's next call is due.
    pub pace: Pace,
    /// Connections that the clients use in turn over HTTP; `None`: each has its own.
    pub connections: Option<usize>,
    /// Added to each trip over the wire and back, the opening of a connection among them.
    pub round_trip: Duration,
    /// A client ends its session and connection after so many calls, and begins anew; `None`: never.
    pub calls_per_session: Option<u32>,
}

/// One run.
pub struct Plan<'a> {
    /// The subject.
    pub target: Target,
    /// The calls, taken in turn; at least one.
    pub exchanges: &'a [Exchange],
    /// How many clients there are, each with at most one call outstanding. Over HTTP and SSE each has its own
    /// connection, and its own session unless a few are shared; over stdio all share the pipe and its session.
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
    /// What the clients are like.
    pub shape: Shape,
    /// Ends the run within 100 ms when set.
    pub stop: &'a AtomicBool,
    /// Told at each [`Moment`], on the load thread.
    pub observer: &'a mut dyn FnMut(Moment),
}

impl Plan<'_> {
    /// Refuses what cannot be run.
    pub(super) fn check(&self) -> Result<(), LoadError> {
        let refuse = |text: String| Err(LoadError::Plan(text));
        if self.clients == 0 || self.clients > MAX_CLIENTS {
            return refuse(format!("{} clients; give 1 to {MAX_CLIENTS}", self.clients));
        }
        if self.duration.is_zero() {
            return refuse("the duration is zero; give at least a few milliseconds".to_owned());
        }
        if let Target::Http {
            sessions: Sessions::Shared(count),
            ..
        } = self.target
            && !(1..=self.clients).contains(&count)
        {
            return refuse(format!(
                "{count} shared sessions and {} clients; give 1 session to as many as there are clients",
                self.clients
            ));
        }
        self.check_shape()?;
        check_calls(
            self.exchanges,
            self.call_timeout,
            &self.target,
            self.revision,
        )
    }

    /// Refuses clients that cannot be like that over this wire.
    fn check_shape(&self) -> Result<(), LoadError> {
        let refuse = |text: &str| Err(LoadError::Plan(text.to_owned()));
        let is_http = matches!(self.target, Target::Http { .. } | Target::Floor { .. });
        if self.shape.connections.is_some() && !is_http {
            return refuse(
                "connections are shared over Streamable HTTP only; leave the number out",
            );
        }
        if self.shape.calls_per_session.is_none() {
            return Ok(());
        }
        match self.target {
            Target::Stdio { .. } | Target::OpenStdio { .. } => refuse(
                "the session of a process on stdio ends with the process, and not after so many calls; \
                 a subject may have a process for each call instead",
            ),
            Target::Http {
                sessions: Sessions::Shared(_),
                ..
            } => refuse("shared sessions do not end after so many calls of a client"),
            _ if matches!(self.shape.pace, Pace::Open { .. }) => {
                refuse("calls per session need a closed loop")
            }
            _ => Ok(()),
        }
    }
}

/// The most clients of a run: their sockets must fit the usual limits, and ids are shared out among them.
pub const MAX_CLIENTS: usize = 10_000;

/// The most threads of a load.
pub const MAX_THREADS: usize = 256;

/// The part of the check that a run and a verification have in common.
pub(super) fn check_calls(
    exchanges: &[Exchange],
    timeout: Duration,
    target: &Target,
    revision: Revision,
) -> Result<(), LoadError> {
    let refuse = |text: String| Err(LoadError::Plan(text));
    if exchanges.is_empty() {
        return refuse("there is no exchange; give at least one call".to_owned());
    }
    if let Some(bad) = exchanges
        .iter()
        .find(|exchange| !exchange.arguments.is_object())
    {
        return refuse(format!(
            "the arguments of {} are not an object: {}",
            bad.tool, bad.arguments
        ));
    }
    if !revision.has_handshake() {
        if !matches!(
            target,
            Target::Floor { .. }
                | Target::Http {
                    sessions: Sessions::None,
                    ..
                }
        ) {
            return refuse(format!(
                "revision {revision} is spoken over Streamable HTTP only, and has no sessions"
            ));
        }
        let is_unfit = |exchange: &&Exchange| !exchange.tool.bytes().all(|b| b.is_ascii_graphic());
        if let Some(bad) = exchanges.iter().find(is_unfit) {
            return refuse(format!(
                "the tool name {:?} does not fit into the header that revision {revision} wants",
                bad.tool
            ));
        }
    }
    if timeout.is_zero() {
        return refuse("the call timeout is zero; the default is 30 s".to_owned());
    }
    match target {
        Target::Http { path, .. } | Target::Sse { path, .. } | Target::Floor { path, .. }
            if !path.starts_with('/') || path.bytes().any(|byte| byte <= b' ' || byte == 0x7f) =>
        {
            refuse(format!("{path:?} is not a path; give one like /mcp"))
        }
        _ => Ok(()),
    }
}
