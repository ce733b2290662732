//! Legacy HTTP+SSE.

use transports::{
    fast_path::FastTools,
    runtime::Runtime,
    shutdown::Shutdown,
    sse::{BODY_TIMEOUT, STREAM_PATH, SseOptions},
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

    async fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: HttpFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let options = SseOptions {
            guard: flags.guard(),
            max_body_bytes: flags.max_body,
            body_timeout: BODY_TIMEOUT,
            fast_path: flags.fast_path.is_on(),
        };
        let service = transports::sse::Sse::new(&runtime, handler, options);
        listen(runtime, service, &flags.listen, STREAM_PATH, shutdown).await
    }
}
