//! What kind of work a suite stands for.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A kind of work that a server may mostly do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Workload {
    /// Computing: parsing, searching, arithmetic.
    Cpu,
    /// Waiting for other services.
    Io,
    /// Queries of a database.
    Database,
    /// Some of each.
    Mixed,
}

impl Workload {
    /// Whether a suite of that kind stands for this one. All of them stand for mixed work.
    #[must_use]
    pub fn takes(self, suite: Self) -> bool {
        self == Self::Mixed || self == suite
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Io => "io",
            Self::Database => "database",
            Self::Mixed => "mixed",
        })
    }
}
