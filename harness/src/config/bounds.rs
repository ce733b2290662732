//! The figures that experiments, their bounds and gates are about.

use serde::{Deserialize, Serialize};

/// A figure of a subject in a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// CPU time of the server for a right answer, in microseconds.
    CpuUsPerCall,
    /// Right answers a second.
    CallsPerS,
    /// Peak of the resident memory, in megabytes (1,000,000 bytes).
    RssPeakMb,
    /// Median time until the first part of an answer that comes in several, in milliseconds.
    FirstMs,
    /// Median latency, in milliseconds.
    P50Ms,
    /// Latency that one call in a hundred exceeds, in milliseconds.
    P99Ms,
    /// The longest latency, in milliseconds.
    MaxMs,
    /// Bytes that a model would read.
    TextBytes,
    /// Tokens that a model would read.
    TextTokens,
}

impl Figure {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CpuUsPerCall => "CPU us/call",
            Self::CallsPerS => "calls/s",
            Self::RssPeakMb => "RSS peak MB",
            Self::FirstMs => "first ms",
            Self::P50Ms => "p50 ms",
            Self::P99Ms => "p99 ms",
            Self::MaxMs => "longest ms",
            Self::TextBytes => "bytes",
            Self::TextTokens => "tokens",
        }
    }

    /// Whether more of it is better.
    #[must_use]
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::CallsPerS)
    }
}
