//! A server of misbehaving tools in this process, over every transport.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{DuplexStream, duplex},
    task::JoinHandle,
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{
    Limits,
    conversation::ConversationFactory,
    fast_path::{Counters, FastTools, Framing},
    http::{Access, Guard, HttpOptions, HttpService, bind, serve_http},
    runtime::{Handle, Tokio},
    shutdown::Shutdown,
    sse::{Sse, SseOptions},
    stdio::serve_stdio,
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::{CallHook, SuperviseOptions, Supervised},
    telemetry::Telemetry,
};

use crate::tools::{Calls, ChangingTools, Misbehaving};

/// Longer than anything takes that a test waits for.
pub(crate) const LONG: Duration = testkit::PATIENCE;
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
    /// Streamable HTTP without sessions.
    Stateless(Answer),
    /// Streamable HTTP with sessions.
    Session(Answer),
}

/// One way to reach the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) transport: Transport,
    pub(crate) fast_path: bool,
}

impl Way {
    /// Lists all ways.
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

    /// Lists the ways in which the server knows the client of a request.
    pub(crate) fn with_known_clients() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| !matches!(way.transport, Transport::Stateless(_)))
    }

    /// Lists the ways over Streamable HTTP.
    pub(crate) fn streamable() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| way.answer().is_some())
    }

    /// Lists the ways over Streamable HTTP with sessions.
    pub(crate) fn in_sessions() -> impl Iterator<Item = Self> {
        Self::all().filter(|way| matches!(way.transport, Transport::Session(_)))
    }

    /// Returns the form of the answers, over Streamable HTTP.
    pub(crate) fn answer(self) -> Option<Answer> {
        match self.transport {
            Transport::Stateless(answer) | Transport::Session(answer) => Some(answer),
            Transport::Stdio | Transport::Sse => None,
        }
    }
}

/// The settings of a server.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) call_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) session_ttl: Duration,
    pub(crate) limits: Limits,
    pub(crate) tools: Option<Vec<String>>,
    pub(crate) hook: Option<Arc<dyn CallHook>>,
    pub(crate) telemetry: Telemetry,
    /// Whether the tool list can change.
    pub(crate) list_changes: bool,
    /// The token that clients need over HTTP, and its name.
    pub(crate) token: Option<(&'static str, &'static str)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            call_timeout: LONG,
            drain_timeout: Duration::from_secs(20),
            session_ttl: LONG,
            limits: Limits {
                max_message_bytes: MAX_BODY_BYTES,
                head_timeout: HEAD_TIMEOUT,
                body_timeout: LONG,
                max_sessions: 100,
                ..Limits::default()
            },
            tools: None,
            hook: None,
            telemetry: Telemetry::default(),
            list_changes: false,
            token: None,
        }
    }
}

/// A server that runs in this process.
pub(crate) struct Server {
    pub(crate) way: Way,
    pub(crate) calls: Arc<Calls>,
    pub(crate) shutdown: Shutdown,
    pub(crate) at: At,
    token: Option<(&'static str, &'static str)>,
    fast_path_count: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    served: JoinHandle<std::io::Result<()>>,
}

/// How a client reaches the server.
pub(crate) enum At {
    /// The other ends of its standard input and output, until a client takes them.
    Pipes(Option<(DuplexStream, DuplexStream)>),
    Address(SocketAddr),
}

impl Server {
    pub(crate) async fn start(way: Way) -> Self {
        Self::with(way, Settings::default()).await
    }

    pub(crate) async fn with(way: Way, settings: Settings) -> Self {
        let calls = Arc::new(Calls::default());
        let tools = ChangingTools {
            tools: Misbehaving::new(calls.clone()),
            declares_changes: settings.list_changes,
        };
        let options = SuperviseOptions {
            tools: settings.tools,
            hook: settings.hook,
            telemetry: settings.telemetry,
            ..SuperviseOptions::new(Handle::new(Tokio), settings.call_timeout)
        };
        let tools = Supervised::new(tools, options);
        let limits = settings.limits;
        let starting = Starting {
            way,
            calls,
            limits,
            token: settings.token,
            shutdown: Shutdown::new(settings.drain_timeout),
        };
        let tokens = settings.token.map(|(token, name)| {
            let tokens = format!("another\n{token} {name}").parse();
            tokens.expect("a token with a name")
        });
        let guard = Guard {
            access: Access::new(tokens, None),
            ..Guard::default()
        };
        match way.transport {
            Transport::Stdio => {
                let framing = Framing::LINE;
                let factory =
                    ConversationFactory::new(&Tokio, tools, framing, way.fast_path, limits);
                starting.pipes(factory)
            }
            Transport::Sse => {
                let options = SseOptions {
                    guard,
                    limits,
                    fast_path: way.fast_path,
                };
                starting.listen(Sse::new(&Tokio, tools, options))
            }
            Transport::Stateless(answer) | Transport::Session(answer) => {
                let has_sessions = matches!(way.transport, Transport::Session(_));
                let options = StreamableOptions {
                    answer,
                    session_ttl: has_sessions.then_some(settings.session_ttl),
                    guard,
                    limits,
                    fast_path: way.fast_path,
                };
                starting.listen(Streamable::start(&Tokio, tools, options).await)
            }
        }
    }

    /// Returns the address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.at {
            At::Address(address) => *address,
            At::Pipes(_) => panic!("it does not listen"),
        }
    }

    /// Returns the header that brings the token, if there is one.
    pub(crate) fn authorization(&self) -> Vec<(&'static str, String)> {
        let token = self.token.iter();
        let header = token.map(|(token, _)| ("authorization", format!("Bearer {token}")));
        header.collect()
    }

    /// Returns its standard input and output, once.
    pub(crate) fn pipes(&mut self) -> (DuplexStream, DuplexStream) {
        match &mut self.at {
            At::Pipes(pipes) => pipes.take().expect("taken once"),
            At::Address(_) => panic!("it has no pipes"),
        }
    }

    /// Returns how many messages the fast path has taken.
    pub(crate) fn fast_path_count(&self) -> Option<u64> {
        (self.fast_path_count)()
    }

    /// Waits until `count` calls in all, the last of them of `tool`, are dropped and their ids are
    /// free.
    pub(crate) async fn has_freed(&self, count: usize, tool: &str) {
        self.calls.dropped(count).await;
        if !self.way.fast_path || tool == "hang_slowly" {
            // rmcp discards the answer a step later, and until then would discard the answer to
            // another request with this id. (MCP 2025-11-25, "Requests": an id must not be used
            // twice.)
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

/// A server before it runs.
struct Starting {
    way: Way,
    calls: Arc<Calls>,
    limits: Limits,
    token: Option<(&'static str, &'static str)>,
    shutdown: Shutdown,
}

impl Starting {
    fn pipes(self, factory: ConversationFactory<impl FastTools>) -> Server {
        let (stdin, server_stdin) = duplex(PIPE_BYTES);
        let (server_stdout, stdout) = duplex(PIPE_BYTES);
        let shutdown = self.shutdown.clone();
        let serving = factory.clone();
        let served = async move {
            let streams = (server_stdin.compat(), server_stdout.compat_write());
            serve_stdio(Tokio, &serving, streams, shutdown).await
        };
        let fast_path_count = move || factory.counters().map(Counters::count_taken);
        self.serve(
            At::Pipes(Some((stdin, stdout))),
            Box::new(fast_path_count),
            tokio::spawn(served),
        )
    }

    fn listen(self, service: impl HttpService) -> Server {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), 1).unwrap();
        let address = listener.local_addr().unwrap();
        let options = HttpOptions {
            limits: self.limits,
            ..HttpOptions::default()
        };
        let serving = service.clone();
        let served = serve_http(Tokio, listener, serving, options, self.shutdown.clone());
        let fast_path_count = move || service.counters().map(Counters::count_taken);
        self.serve(
            At::Address(address),
            Box::new(fast_path_count),
            tokio::spawn(served),
        )
    }

    fn serve(
        self,
        at: At,
        fast_path_count: Box<dyn Fn() -> Option<u64> + Send + Sync>,
        served: JoinHandle<std::io::Result<()>>,
    ) -> Server {
        Server {
            way: self.way,
            calls: self.calls,
            shutdown: self.shutdown,
            at,
            token: self.token,
            fast_path_count,
            served,
        }
    }
}
