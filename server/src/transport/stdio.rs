//! Standard input and output.

use anyhow::Context;
use transports::{
    conversation::Opening,
    fast_path::{FastTools, Framing},
    runtime::Runtime,
    shutdown::Shutdown,
    stdio::serve_stdio,
};

use super::{Transport, sum_up};
use crate::flags::StdioFlags;

/// One client, whose child this process is.
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
        let opening = Opening::new(&runtime, handler, Framing::LINE, flags.fast_path.is_on());
        eprintln!("ready stdio");
        serve_stdio(runtime, &opening, streams, flags.max_body, shutdown)
            .await
            .context("serving on standard input and output")?;
        sum_up(opening.counters());
        Ok(())
    }
}
