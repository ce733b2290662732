//! Streamable HTTP, answering JSON or an event stream.

use std::marker::PhantomData;

use clap::Args;
use transports::{
    fast_path::FastTools,
    runtime::Runtime,
    shutdown::Shutdown,
    streamable::{Answer, BODY_TIMEOUT, MAX_SESSIONS, MCP_PATH, Streamable, StreamableOptions},
};

use super::{Transport, listen};
use crate::flags::{HttpFlags, SessionFlags};

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

/// Flags of Streamable HTTP.
#[derive(Args, Clone, Debug)]
pub struct StreamableFlags {
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    sessions: SessionFlags,
}

impl<K: Kind> Transport for StreamableHttp<K> {
    const NAME: &'static str = K::NAME;
    const ABOUT: &'static str = K::ABOUT;
    type Flags = StreamableFlags;

    async fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: StreamableFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let options = StreamableOptions {
            answer: K::ANSWER,
            session_ttl: flags.sessions.ttl(),
            max_sessions: MAX_SESSIONS,
            guard: flags.http.guard(),
            max_body_bytes: flags.http.max_body,
            body_timeout: BODY_TIMEOUT,
            fast_path: flags.http.fast_path.is_on(),
        };
        let service = Streamable::start(&runtime, handler, options).await;
        listen(runtime, service, &flags.http.listen, MCP_PATH, shutdown).await
    }
}
