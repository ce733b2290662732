//! Standard input and output.

use anyhow::Context;
use rmcp::ServerHandler;
use transports::{runtime::Runtime, shutdown::Shutdown, stdio::serve_stdio};

use super::Transport;
use crate::flags::StdioFlags;

/// One client, whose child this process is.
#[derive(Clone, Copy, Debug)]
pub enum Stdio {}

impl Transport for Stdio {
    const NAME: &'static str = "stdio";
    const ABOUT: &'static str =
        "An MCP server over standard input and output: one JSON message a line";
    type Flags = StdioFlags;

    async fn serve<R: Runtime, H: ServerHandler + Clone>(
        runtime: R,
        handler: H,
        flags: StdioFlags,
        shutdown: Shutdown,
    ) -> anyhow::Result<()> {
        let streams = runtime
            .stdio()
            .context("opening standard input and output")?;
        eprintln!("ready stdio");
        serve_stdio(runtime, handler, streams, flags.max_body, shutdown)
            .await
            .context("serving on standard input and output")
    }
}
