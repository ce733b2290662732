//! Measures of published figures: those that runs have too, and those that only others report.

use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use crate::analysis::metric::Metric;

/// A measure of a published figure: one of the harness's metrics, or one that only others report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    /// A metric of a run.
    Metric(Metric),
    /// Another.
    Other(Other),
}

/// Measures that are no metrics of a run's tables.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::Display,
    strum::EnumString,
    strum::EnumIter,
)]
#[strum(serialize_all = "snake_case")]
pub enum Other {
    /// Mean latency.
    MeanMs,
    /// Latency that one call in twenty exceeds.
    #[strum(serialize = "p95_ms")]
    P95Ms,
    /// Calls with a right answer, of all calls.
    RightPercent,
    /// Calls with no answer or a wrong one, of all calls.
    ErrorsPercent,
    /// Right answers of tools a second, without `tools/list`.
    ToolCallsPerS,
    /// Time of the window that the clients slept for, on average.
    SleptPercent,
    /// Processor time of the server, in percent of one core.
    CpuPercent,
    /// Counted requests a second for each percent of a core.
    PerSPerCpuPercent,
    /// Counted requests a second for each megabyte.
    PerSPerMb,
    /// A time of which the source does not say how it was taken.
    TimeMs,
    /// The same in microseconds.
    TimeUs,
    /// Memory of an idle server.
    IdleMb,
    /// Requests of `initialize` a second.
    InitializePerS,
    /// One figure divided by another.
    Times,
    /// A change, in percent.
    Percent,
    /// Something that is counted.
    Count,
}

impl Measure {
    /// The name used in TOML and JSON.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Metric(metric) => metric.key().to_owned(),
            Self::Other(other) => other.to_string(),
        }
    }

    /// Whether runs have it.
    #[must_use]
    pub const fn is_measured(self) -> bool {
        match self {
            Self::Metric(_) => true,
            Self::Other(other) => matches!(
                other,
                Other::MeanMs
                    | Other::P95Ms
                    | Other::RightPercent
                    | Other::ErrorsPercent
                    | Other::CpuPercent
                    | Other::ToolCallsPerS
                    | Other::SleptPercent
            ),
        }
    }

    /// The name used in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Metric(metric) => metric.name().to_owned(),
            Self::Other(Other::Count) => String::new(),
            Self::Other(other) => (other.to_string())
                .replace("per_s_per", "a second for each")
                .replace("_per_s", "/s")
                .replace("percent", "%")
                .replace('_', " "),
        }
    }
}

impl TryFrom<String> for Measure {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        if let Some(metric) = Metric::ALL.iter().find(|metric| metric.key() == key) {
            return Ok(Self::Metric(*metric));
        }
        key.parse().map(Self::Other).map_err(|_| {
            let metrics = Metric::ALL.iter().map(|metric| metric.key().to_owned());
            let known: Vec<String> = metrics
                .chain(Other::iter().map(|one| one.to_string()))
                .collect();
            format!("unknown metric \"{key}\"; known: {}", known.join(", "))
        })
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.key()
    }
}
