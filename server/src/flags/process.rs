//! Flags of the process itself.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use clap::Args;

use super::values::{seconds, up_to_1024};

/// Flags of every binary.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
pub(crate) struct ProcessFlags {
    /// Threads that run the server [default: the cores this process may use]
    #[arg(long, env = "MCP_WORKERS", value_name = "N", value_parser = up_to_1024)]
    pub(crate) workers: Option<NonZeroU32>,

    /// After SIGTERM or SIGINT, how long calls in flight may take to be answered
    #[arg(long, env = "MCP_DRAIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) drain_timeout: Duration,
}

impl ProcessFlags {
    /// The number of threads to run on.
    pub(crate) fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.workers
            .map_or_else(cores, |workers| workers.get() as usize)
    }
}
