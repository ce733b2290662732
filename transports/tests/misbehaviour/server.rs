//! A server of tools that misbehave, in this process, in every way that it may be reached.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{
    conversation::Opening,
    fast_path::{Counters, Framing},
    http::{Guard, HttpOptions, HttpService, bind, serve_http},
    runtime::{Handle, Tokio},
    shutdown::Shutdown,
    sse::{Sse, SseOptions},
    stdio::serve_stdio,
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::Supervised,
};

use crate::tools::{Calls, Misbehaving};

/// Longer than any test waits for what should come.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// Short, so that a test can wait for it.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
const HEAD_TIMEOUT: Duration = Duration::from_millis(250);
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
const PIPE_BYTES: usize = 4096;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Stdio,
    Sse,
    /// Streamable HTTP, every request alone.
    Stateless(Answer),
    /// Streamable HTTP in a session.
    Session(Answer),
}

/// One way to reach the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) transport: Transport,
    pub(crate) fast_path: bool,
}

impl Way {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let (json, stream) = (Answer::Json, Answer::EventStream);
        let transports = [
            Transport::Stdio,
            Transport::Sse,
            Transport::Stateless(json),
            Transport::Stateless(stream),
            Transport::Session(json),
            Transport::Session(stream),
        ];
        transports.into_iter().flat_map(|transport| {
            [true, false].map(|fast_path| Self {
                transport,
                fast_path,
            })
        })
    }

    /// Those where a client's requests are known as one client's.
    pub(crate) fn remembering() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| !matches!(way.transport, Transport::Stateless(_)))
    }

    /// Streamable HTTP.
    pub(crate) fn streamable() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| way.answer().is_some())
    }

    /// Streamable HTTP in sessions.
    pub(crate) fn in_sessions() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| matches!(way.transport, Transport::Session(_)))
    }

    /// How requests are answered, over Streamable HTTP.
    pub(crate) fn answer(self) -> Option<Answer> {
        match self.transport {
            Transport::Stateless(answer) | Transport::Session(answer) => Some(answer),
            Transport::Stdio | Transport::Sse => None,
        }
    }
}

/// What a test may set about a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) call_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) session_ttl: Duration,
    pub(crate) max_sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_timeout: LONG,
            drain_timeout: Duration::from_secs(20),
            body_timeout: LONG,
            session_ttl: LONG,
            max_sessions: 100,
        }
    }
}

/// A server that runs in this process.
pub(crate) struct Server {
    pub(crate) way: Way,
    pub(crate) calls: Arc<Calls>,
    pub(crate) shutdown: Shutdown,
    pub(crate) at: At,
    taken: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    served: JoinHandle<std::io::Result<()>>,
}

/// Where a server is reached.
pub(crate) enum At {
    /// At the other ends of its standard input and output, once.
    Pipes(Option<(DuplexStream, DuplexStream)>),
    Address(SocketAddr),
}

impl Server {
    pub(crate) async fn start(way: Way) -> Self {
        Self::limited(way, Limits::default()).await
    }

    pub(crate) async fn limited(way: Way, limits: Limits) -> Self {
        let calls = Arc::new(Calls::default());
        let tools = Misbehaving::new(calls.clone());
        let tools = Supervised::new(tools, Handle::new(Tokio), limits.call_timeout);
        let started = Started {
            way,
            calls,
            shutdown: Shutdown::new(limits.drain_timeout),
        };
        let guard = Guard::default();
        match way.transport {
            Transport::Stdio => {
                started.pipes(Opening::new(&Tokio, tools, Framing::LINE, way.fast_path))
            }
            Transport::Sse => {
                let options = SseOptions {
                    guard,
                    max_body_bytes: MAX_BODY_BYTES,
                    body_timeout: limits.body_timeout,
                    fast_path: way.fast_path,
                };
                started.listen(Sse::new(&Tokio, tools, options))
            }
            Transport::Stateless(answer) | Transport::Session(answer) => {
                let has_sessions = matches!(way.transport, Transport::Session(_));
                let options = StreamableOptions {
                    answer,
                    session_ttl: has_sessions.then_some(limits.session_ttl),
                    max_sessions: limits.max_sessions,
                    guard,
                    max_body_bytes: MAX_BODY_BYTES,
                    body_timeout: limits.body_timeout,
                    fast_path: way.fast_path,
                };
                started.listen(Streamable::start(&Tokio, tools, options).await)
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.at {
            At::Address(address) => *address,
            At::Pipes(_) => panic!("it does not listen"),
        }
    }

    /// Its standard input and output, once.
    pub(crate) fn pipes(&mut self) -> (DuplexStream, DuplexStream) {
        match &mut self.at {
            At::Pipes(pipes) => pipes.take().expect("taken once"),
            At::Address(_) => panic!("it has no pipes"),
        }
    }

    /// How many messages the front has taken so far.
    pub(crate) fn taken(&self) -> Option<u64> {
        (self.taken)()
    }

    /// Waits until `count` calls in all, the last of them of `tool`, have been dropped and their ids are free.
    pub(crate) async fn is_rid_of(&self, count: usize, tool: &str) {
        self.calls.are_gone(count).await;
        if !self.way.fast_path || tool == "hang_slowly" {
            // rmcp throws the answer away a step later, and would take the next with this id for it. (No
            // id may be used twice: MCP 2025-11-25, "Requests".)
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Shuts down and waits until the server has ended.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.ended().await;
    }

    /// Waits until the server has ended.
    pub(crate) async fn ended(self) {
        let ended = tokio::time::timeout(LONG, self.served).await;
        ended.expect("it ends").unwrap().unwrap();
    }
}

/// A server that is about to be.
struct Started {
    way: Way,
    calls: Arc<Calls>,
    shutdown: Shutdown,
}

impl Started {
    fn pipes(self, opening: Opening<Supervised<Misbehaving>>) -> Server {
        let (stdin, server_stdin) = duplex(PIPE_BYTES);
        let (server_stdout, stdout) = duplex(PIPE_BYTES);
        let shutdown = self.shutdown.clone();
        let serving = opening.clone();
        let served = async move {
            let streams = (server_stdin.compat(), server_stdout.compat_write());
            serve_stdio(Tokio, &serving, streams, MAX_BODY_BYTES, shutdown).await
        };
        let taken = move || opening.counters().map(Counters::count_taken);
        self.serve(
            At::Pipes(Some((stdin, stdout))),
            Box::new(taken),
            tokio::spawn(served),
        )
    }

    fn listen(self, service: impl HttpService) -> Server {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let address = listener.local_addr().unwrap();
        let options = HttpOptions {
            head_timeout: HEAD_TIMEOUT,
            ..HttpOptions::default()
        };
        let serving = service.clone();
        let served = serve_http(Tokio, listener, serving, options, self.shutdown.clone());
        let taken = move || service.counters().map(Counters::count_taken);
        self.serve(At::Address(address), Box::new(taken), tokio::spawn(served))
    }

    fn serve(
        self,
        at: At,
        taken: Box<dyn Fn() -> Option<u64> + Send + Sync>,
        served: JoinHandle<std::io::Result<()>>,
    ) -> Server {
        Server {
            way: self.way,
            calls: self.calls,
            shutdown: self.shutdown,
            at,
            taken,
            served,
        }
    }
}
