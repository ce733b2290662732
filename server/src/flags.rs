//! The flags, each with the same name and meaning on every binary that has it. A file holds what belongs
//! together in `--help`; what can only be judged beside other flags is judged in
//! [`command`](crate::run::command).

#![expect(
    clippy::doc_markdown,
    reason = "what documents a flag is its help text, and a terminal shows no Markdown"
)]

mod cache;
mod http;
mod process;
mod services;
mod tools;
mod values;

use clap::{Args, ValueEnum};

use self::values::bytes;
pub(crate) use self::{
    cache::{CacheFlags, CachePlace},
    http::{HttpFlags, ListenFlags, SessionFlags},
    process::ProcessFlags,
    services::ServiceFlags,
    tools::ToolFlags,
};

/// The flag of every MCP transport, however it is carried.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Fast path")]
pub(crate) struct FastPathFlag {
    /// Whether plain messages are answered before rmcp; off is the official SDK alone
    #[arg(
        long,
        env = "MCP_FAST_PATH",
        value_name = "SWITCH",
        default_value = "on"
    )]
    fast_path: Switch,
}

impl FastPathFlag {
    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        self.fast_path == Switch::On
    }
}

/// The flag of stdio.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "stdio")]
pub struct StdioFlags {
    #[command(flatten)]
    pub(crate) fast_path: FastPathFlag,

    /// Longest line that is taken
    #[arg(long, env = "MCP_MAX_BODY", value_name = "BYTES", default_value_t = transports::stdio::MAX_LINE_BYTES, value_parser = bytes)]
    pub(crate) max_body: usize,
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}
