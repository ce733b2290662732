//! Streamable HTTP, answering JSON or an event stream.

use clap::Args;
use rmcp::ServerHandler;
use transports::{
    runtime::Runtime,
    shutdown::Shutdown,
    streamable::{Answer, MCP_PATH, Streamable, StreamableOptions},
};

use super::{Transport, listen};
use crate::flags::{HttpFlags, SessionFlags};

/// Streamable HTTP whose answers are one JSON message.
#[derive(Clone, Copy, Debug)]
pub enum HttpJson {}

/// Streamable HTTP whose answers are event streams.
#[derive(Clone, Copy, Debug)]
pub enum HttpStream {}

/// Flags of Streamable HTTP.
#[derive(Args, Clone, Debug)]
pub struct StreamableFlags {
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    sessions: SessionFlags,
}

impl Transport for HttpJson {
    const NAME: &'static str = "http-json";
    const ABOUT: &'static str =
        "An MCP server over Streamable HTTP that answers JSON (in a session: event streams)";
    type Flags = StreamableFlags;

    async fn serve<R: Runtime, H: ServerHandler + Clone>(
        runtime: R,
        handler: H,
        flags: StreamableFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        serve(Answer::Json, runtime, handler, flags, shutdown).await
    }
}

impl Transport for HttpStream {
    const NAME: &'static str = "http-stream";
    const ABOUT: &'static str = "An MCP server over Streamable HTTP that answers event streams";
    type Flags = StreamableFlags;

    async fn serve<R: Runtime, H: ServerHandler + Clone>(
        runtime: R,
        handler: H,
        flags: StreamableFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        serve(Answer::EventStream, runtime, handler, flags, shutdown).await
    }
}

async fn serve<R: Runtime, H: ServerHandler + Clone>(
    answer: Answer,
    runtime: R,
    handler: H,
    flags: StreamableFlags,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let options = StreamableOptions {
        answer,
        session_ttl: flags.sessions.ttl(),
        guard: flags.http.guard(),
        max_body_bytes: flags.http.max_body,
    };
    let service = Streamable::new(handler, options);
    listen(runtime, service, &flags.http.listen, MCP_PATH, shutdown).await
}
