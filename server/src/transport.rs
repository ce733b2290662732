//! A transport as a program has it: a name, flags, and a way to serve.
//!
//! A new one is one more type here and one more line in `transports_with`.

use std::{future::Future, marker::PhantomData, net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::{Args, Command};
use transports::{
    conversation::ConversationFactory,
    fast_path::{Counters, FastTools, Framing},
    http::{HttpOptions, HttpService, Listeners, bind, serve_http},
    runtime::Runtime,
    shutdown::Shutdown,
    sse::{STREAM_PATH, SseOptions},
    stdio::serve_stdio,
    streamable::{Answer, MCP_PATH, Streamable, StreamableOptions},
};

use crate::flags::{SseFlags, StdioFlags, StreamableFlags};

/// One way for clients to reach the tools.
pub trait Transport: 'static {
    /// The name, as in the binary's.
    const NAME: &'static str;
    /// One line of `--help`.
    const ABOUT: &'static str;
    /// The flags that it has beyond those of every program.
    type Flags: Args + Send + 'static;

    /// How long a session lives without traffic, if `flags` ask for sessions that more than one
    /// instance of a server can know.
    fn session_ttl(_flags: &Self::Flags) -> Option<Duration> {
        None
    }

    /// Says when it is ready, then serves `handler` until `shutdown`.
    ///
    /// # Errors
    /// When it cannot listen, or a stream fails; the error says which.
    fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: Self::Flags,
        shutdown: Shutdown,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Whether transport `T` has `flag`.
pub(crate) fn has_flag<T: Transport>(flag: &str) -> bool {
    let command = T::Flags::augment_args(Command::new(T::NAME));
    command
        .get_arguments()
        .any(|arg| arg.get_long() == Some(flag))
}

/// The names of the transports that have `flag`.
pub(crate) fn transports_with(flag: &str) -> Vec<&'static str> {
    fn has<T: Transport>(flag: &str) -> Option<&'static str> {
        has_flag::<T>(flag).then_some(T::NAME)
    }
    [
        has::<Stdio>(flag),
        has::<Sse>(flag),
        has::<HttpJson>(flag),
        has::<HttpStream>(flag),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Standard input and output: one client, whose child this process is.
#[derive(Clone, Copy, Debug)]
pub enum Stdio {}

impl Transport for Stdio {
    const NAME: &'static str = "stdio";
    const ABOUT: &'static str =
        "An MCP server over standard input and output: one JSON message a line";
    type Flags = StdioFlags;

    async fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: StdioFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let streams = runtime
            .stdio()
            .context("opening standard input and output")?;
        let fast_path = flags.fast_path.fast_path.is_on();
        let factory =
            ConversationFactory::new(&runtime, handler, Framing::LINE, fast_path, flags.limits());
        eprintln!("ready stdio");
        serve_stdio(runtime, &factory, streams, shutdown)
            .await
            .context("serving on standard input and output")?;
        sum_up(factory.counters());
        Ok(())
    }
}

/// HTTP+SSE as of 2024-11-05: a stream for each client, and posts that it answers on.
#[derive(Clone, Copy, Debug)]
pub enum Sse {}

impl Transport for Sse {
    const NAME: &'static str = "sse";
    const ABOUT: &'static str =
        "An MCP server over legacy HTTP+SSE (2024-11-05): GET /sse, POST /messages";
    type Flags = SseFlags;

    async fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: SseFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let SseFlags { http, queue } = flags;
        let limits = queue.set(http.limits());
        let options = SseOptions {
            guard: http.guard(),
            limits,
            fast_path: http.fast_path.fast_path.is_on(),
        };
        let service = transports::sse::Sse::new(&runtime, handler, options);
        let listen_options = http.options(limits)?;
        listen(
            runtime,
            service,
            http.listen.listen,
            listen_options,
            STREAM_PATH,
            shutdown,
        )
        .await
    }
}

/// Streamable HTTP whose answers are of kind `K`.
#[derive(Clone, Copy, Debug)]
pub struct StreamableHttp<K>(PhantomData<K>);

/// Streamable HTTP whose answers are one JSON message.
pub type HttpJson = StreamableHttp<Json>;

/// Streamable HTTP whose answers are event streams.
pub type HttpStream = StreamableHttp<EventStream>;

/// How the requests of a Streamable HTTP server are answered.
pub trait Kind: 'static {
    /// The name of the transport.
    const NAME: &'static str;
    /// One line of `--help`.
    const ABOUT: &'static str;
    /// The answer itself.
    const ANSWER: Answer;
}

/// One JSON message.
#[derive(Clone, Copy, Debug)]
pub enum Json {}

/// An event stream.
#[derive(Clone, Copy, Debug)]
pub enum EventStream {}

impl Kind for Json {
    const NAME: &'static str = "http-json";
    const ABOUT: &'static str = "An MCP server over Streamable HTTP that answers JSON (in a session without the fast path: event streams)";
    const ANSWER: Answer = Answer::Json;
}

impl Kind for EventStream {
    const NAME: &'static str = "http-stream";
    const ABOUT: &'static str = "An MCP server over Streamable HTTP that answers event streams";
    const ANSWER: Answer = Answer::EventStream;
}

impl<K: Kind> Transport for StreamableHttp<K> {
    const NAME: &'static str = K::NAME;
    const ABOUT: &'static str = K::ABOUT;
    type Flags = StreamableFlags;

    fn session_ttl(flags: &StreamableFlags) -> Option<Duration> {
        flags.sessions.ttl()
    }

    async fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: StreamableFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let StreamableFlags { http, sessions } = flags;
        let limits = http.limits();
        let options = StreamableOptions {
            answer: K::ANSWER,
            session_ttl: sessions.ttl(),
            guard: http.guard(),
            limits,
            fast_path: http.fast_path.fast_path.is_on(),
        };
        let service = Streamable::start(&runtime, handler, options).await;
        let listen_options = http.options(limits)?;
        listen(
            runtime,
            service,
            http.listen.listen,
            listen_options,
            MCP_PATH,
            shutdown,
        )
        .await
    }
}

/// Binds `address`, says that it is ready at `path`, and serves `service` until `shutdown`. The
/// service need not be an MCP server.
///
/// # Errors
/// When it cannot listen; the error names the address.
pub async fn listen<R: Runtime>(
    runtime: R,
    service: impl HttpService,
    address: SocketAddr,
    options: HttpOptions,
    path: &str,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let (listeners, address) = bound(address, runtime.shards().len())?;
    eprintln!("ready {}://{address}{path}", options.scheme());
    serve_http(runtime, listeners, service.clone(), options, shutdown)
        .await
        .with_context(|| format!("serving on {address}"))?;
    sum_up(service.counters());
    Ok(())
}

fn bound(address: SocketAddr, count: usize) -> anyhow::Result<(Listeners, SocketAddr)> {
    let listeners = bind(address, count)
        .with_context(|| format!("listening on {address}; choose another with --listen"))?;
    let address = listeners
        .local_addr()
        .context("asking for the address that is listened on")?;
    Ok((listeners, address))
}

/// Logs at the end what the fast path has done.
fn sum_up(counters: Option<&Counters>) {
    if let Some(counters) = counters {
        tracing::info!("fast path: {counters}");
    }
}
