//! Flags of the tools: which there are, how long they may take, where they work.

use std::time::Duration;

use clap::{Args, ValueEnum};
use workloads::tuning::CpuOffload;

use super::{
    Switch,
    values::{extra_tools, seconds, time_limit},
};

/// Flags of the tools.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tools")]
pub(crate) struct ToolFlags {
    /// Serve these tools only, as a list with commas; a listing costs its reader tokens
    /// [default: all of them]
    #[arg(long, env = "MCP_TOOLS", value_name = "LIST", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,

    /// Whether the tools behind the lessons are served, too: each does one thing in two ways
    #[arg(
        long,
        env = "MCP_LESSONS",
        value_name = "SWITCH",
        default_value = "off"
    )]
    pub(crate) lessons: Switch,

    /// So many more tools, which answer like echo: what a long listing costs
    #[arg(long, env = "MCP_EXTRA_TOOLS", value_name = "N", default_value = "0", value_parser = extra_tools)]
    pub(crate) extra_tools: usize,

    /// How long one tool call may take before it is answered with an error
    #[arg(long, env = "MCP_CALL_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) call_timeout: Duration,

    /// How long the calls of one tool may take, if that is less; may be given several times
    #[arg(
        long = "time-limit",
        value_parser = time_limit,
        env = "MCP_TIME_LIMITS",
        value_name = "TOOL=SECONDS",
        value_delimiter = ','
    )]
    pub(crate) time_limits: Vec<(String, Duration)>,

    /// Where CPU-bound work runs: `blocking` moves what is long to threads of its own, `inline` teaches what all
    /// others wait for when it stays where the network is read
    #[arg(
        long,
        env = "MCP_CPU_OFFLOAD",
        value_name = "WHERE",
        default_value = "blocking"
    )]
    pub(crate) cpu_offload: Offload,
}

/// Where CPU-bound work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Offload {
    /// Where the network is read.
    Inline,
    /// Where it may block.
    Blocking,
}

impl From<Offload> for CpuOffload {
    fn from(offload: Offload) -> Self {
        match offload {
            Offload::Inline => Self::Inline,
            Offload::Blocking => Self::Blocking,
        }
    }
}

impl ToolFlags {
    /// The lesser of the limits that hold for calls of `tool`.
    pub(crate) fn limit_of(&self, tool: &str) -> Duration {
        let own = self.time_limits.iter().find(|(name, _)| name == tool);
        own.map_or(self.call_timeout, |(_, limit)| *limit)
    }
}
