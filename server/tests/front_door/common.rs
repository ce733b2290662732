//! What every case needs: processes, wires, clients, and something for the servers to stand on.

pub(crate) mod client;
pub(crate) mod events;
pub(crate) mod fixtures;
pub(crate) mod gate;
pub(crate) mod http;
mod log;
pub(crate) mod peer;
pub(crate) mod rmcp_client;
pub(crate) mod server;

use std::time::{Duration, Instant};

pub(crate) use self::{client::Client, gate::Gate, server::Server};

/// How long anything may take before a test gives up on it. Generous: it is reached by what hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// One way of running one binary.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// The binary's name.
    pub(crate) name: &'static str,
    /// Its path.
    pub(crate) binary: &'static str,
    /// Flags that make it this subject.
    pub(crate) flags: &'static [&'static str],
    /// What it speaks.
    pub(crate) wire: Wire,
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Lines on standard input and output.
    Stdio,
    /// Legacy HTTP+SSE.
    Sse,
    /// Streamable HTTP without sessions.
    Stateless(Answers),
    /// Streamable HTTP with sessions.
    Stateful(Answers),
}

/// What a Streamable HTTP server answers a request with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One JSON message.
    Json,
    /// An event stream.
    EventStream,
}

impl Answers {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::EventStream => "text/event-stream",
        }
    }
}

impl Subject {
    /// Whether messages are answered before rmcp.
    pub(crate) fn has_fast_path(&self) -> bool {
        !self.flags.ends_with(&["--fast-path", "off"])
    }

    /// The field `server_type` of its results: the binary's name without `mcp-`.
    pub(crate) fn server_type(&self) -> &'static str {
        self.name.trim_start_matches("mcp-")
    }

    /// The content type of its answers over Streamable HTTP.
    pub(crate) fn content_type(&self) -> &'static str {
        match self.wire {
            Wire::Stateless(answers) | Wire::Stateful(answers) => answers.content_type(),
            Wire::Stdio | Wire::Sse => panic!("{} does not answer over Streamable HTTP", self.name),
        }
    }
}

/// Asks until `ask` has something, for what has no event to wait for.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
