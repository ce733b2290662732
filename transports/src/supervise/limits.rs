//! How long the calls of a tool may take.

use std::time::Duration;

use crate::runtime::{BoxFuture, Handle};

/// A limit for every call, and those of tools that have one of their own.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    runtime: Handle,
    call_timeout: Duration,
    /// A handful at most, which is searched faster than a map.
    tools: Vec<(String, Duration)>,
}

impl Limits {
    pub(super) fn new(runtime: Handle, call_timeout: Duration) -> Self {
        Self {
            runtime,
            call_timeout,
            tools: Vec::new(),
        }
    }

    /// The same with limits for `tools`.
    pub(super) fn with_tools(&self, tools: Vec<(String, Duration)>) -> Self {
        Self {
            tools,
            ..self.clone()
        }
    }

    /// The limit of calls of `tool`, and the flag that it comes from.
    pub(super) fn of(&self, tool: &str) -> (Duration, &'static str) {
        let own = self.tools.iter().find(|(name, _)| name == tool);
        own.map_or((self.call_timeout, "--call-timeout"), |(_, limit)| {
            (*limit, "--time-limit")
        })
    }

    /// Completes when a call of `tool` that begins now has taken too long.
    pub(crate) fn timer(&self, tool: &str) -> BoxFuture<()> {
        self.runtime.sleep(self.of(tool).0)
    }
}
