//! A whole MCP server: one tool, one flag of its own, and all that every server of this library
//! has.
//!
//! ```sh
//! cargo run --release --package server --example minimal -- --listen 127.0.0.1:8080 --max 1000
//! ```

use std::{process::ExitCode, sync::Arc};

use rmcp::{
    ServerHandler,
    handler::server::{
        router::tool::ToolRouter,
        wrapper::{Json, Parameters},
    },
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use server::{App, Context, HttpJson, Tokio};

/// The app's own flags. `--help` lists them beside those of every server.
#[derive(clap::Args)]
struct AdderFlags {
    /// Largest sum that `add` returns
    #[arg(long, env = "ADDER_MAX", value_name = "N", default_value_t = i64::MAX)]
    max: i64,
}

/// What `add` takes. rmcp makes the input schema from this type and the comments on its fields.
#[derive(Deserialize, JsonSchema)]
struct Summands {
    /// The first summand.
    a: i64,
    /// The second summand.
    b: i64,
}

/// What `add` returns.
#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

/// The tools. Sessions and requests get clones of it: keep what is large or shared behind an `Arc`.
#[derive(Clone)]
struct Adder {
    max: i64,
    tools: Arc<ToolRouter<Self>>,
}

#[tool_router]
impl Adder {
    /// An ordinary rmcp tool. An `Err` reaches the client in band, as a result with `isError`.
    #[tool(description = "Adds two integers.")]
    fn add(
        &self,
        Parameters(Summands { a, b }): Parameters<Summands>,
    ) -> Result<Json<Sum>, String> {
        match a.checked_add(b) {
            Some(sum) if sum <= self.max => Ok(Json(Sum { sum })),
            _ => Err(format!("{a} + {b} is more than {} (--max)", self.max)),
        }
    }
}

#[tool_handler(router = self.tools, name = "adder")]
impl ServerHandler for Adder {}

// The fast path calls these tools without the SDK in between. Tools that are not listed work, too.
server::fast_tools!(Adder: add);

impl App for Adder {
    type Flags = AdderFlags;
    type Handler = Self;

    /// Runs before the server is ready: open databases and clients here.
    async fn open(flags: AdderFlags, _context: Context) -> anyhow::Result<Self> {
        let tools = Arc::new(Self::tool_router());
        Ok(Self {
            max: flags.max,
            tools,
        })
    }
}

/// Another transport or runtime is another type here: `Stdio`, `Sse`, `HttpStream`; `PerCore`.
fn main() -> ExitCode {
    server::main::<HttpJson, Tokio, Adder>()
}
