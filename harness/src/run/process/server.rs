//! The process behind a wire: a child of the harness, or somebody else's.

use std::time::Duration;

use super::{Ended, Running, has_ended};
use crate::machine::proc::ProcessId;

/// A server that can be asked.
#[derive(Debug)]
pub enum Server {
    /// Started for this trial, and ended after it.
    Ours(Running),
    /// Runs already, and goes on after the trial.
    Theirs {
        /// Its process, where that is known.
        pid: Option<ProcessId>,
    },
}

impl Server {
    /// The processes whose cost can be read; none where they are not known.
    #[must_use]
    pub fn ids(&self) -> Vec<ProcessId> {
        match self {
            Self::Ours(running) => vec![running.id()],
            Self::Theirs { pid } => pid.iter().copied().collect(),
        }
    }

    /// Whether it is known to have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Ours(running) => running.has_ended(),
            Self::Theirs { pid } => pid.is_some_and(has_ended),
        }
    }

    /// For how long it has been running, if the harness started it.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        match self {
            Self::Ours(running) => Some(running.age()),
            Self::Theirs { .. } => None,
        }
    }

    /// The last lines of its stderr.
    #[must_use]
    pub fn last_lines(&self) -> String {
        match self {
            Self::Ours(running) => running.last_lines(),
            Self::Theirs { .. } => "  (not seen: the harness did not start it)".to_owned(),
        }
    }

    /// Waits a while until a child has ended by itself.
    pub fn await_end(&self) {
        if let Self::Ours(running) = self {
            running.await_end();
        }
    }

    /// Ends a child, and says how it ended. Somebody else's server goes on.
    pub fn stop(&mut self) -> Ended {
        match self {
            Self::Ours(running) => running.stop(),
            Self::Theirs { .. } => Ended {
                status: "not ended: the harness did not start it".to_owned(),
                killed: false,
                is_clean: true,
            },
        }
    }
}
