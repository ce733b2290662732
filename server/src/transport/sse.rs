//! Legacy HTTP+SSE.

use rmcp::ServerHandler;
use transports::{
    runtime::Runtime,
    shutdown::Shutdown,
    sse::{STREAM_PATH, SseOptions},
};

use super::{Transport, listen};
use crate::flags::HttpFlags;

/// HTTP+SSE as of 2024-11-05: a stream for each client, and posts that it answers on.
#[derive(Clone, Copy, Debug)]
pub enum Sse {}

impl Transport for Sse {
    const NAME: &'static str = "sse";
    const ABOUT: &'static str =
        "An MCP server over legacy HTTP+SSE (2024-11-05): GET /sse, POST /messages";
    type Flags = HttpFlags;

    async fn serve<R: Runtime, H: ServerHandler + Clone>(
        runtime: R,
        handler: H,
        flags: HttpFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let options = SseOptions {
            guard: flags.guard(),
            max_body_bytes: flags.max_body,
        };
        let service = transports::sse::Sse::new(runtime.clone(), handler, options);
        listen(runtime, service, &flags.listen, STREAM_PATH, shutdown).await
    }
}
