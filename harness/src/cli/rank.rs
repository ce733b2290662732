//! `rank`: one order over all suites of a recorded run.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::report::Recorded;
use super::{Places, Verdict};
use crate::analysis::metric::Metric;
use crate::analysis::ranking;
use crate::render::findings;
use crate::stats::Threshold;

/// What an order goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum By {
    /// CPU time of the server per call: the steadiest figure.
    Cpu,
    /// Calls a second.
    Rate,
    /// Median latency.
    P50,
    /// The latency that one call in a hundred exceeds.
    P99,
}

impl By {
    pub(super) const fn metric(self) -> Metric {
        match self {
            Self::Cpu => Metric::CpuUsPerCall,
            Self::Rate => Metric::CallsPerS,
            Self::P50 => Metric::P50Ms,
            Self::P99 => Metric::P99Ms,
        }
    }
}

/// Flags of `rank`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
The mean is geometric, over the suites in which all ranked subjects have a figure that holds; the others are named with the reason. To
rank over more suites name fewer subjects.

Examples:
  mcp-harness rank                                             the latest run, by CPU per call
  mcp-harness rank --by rate --subject http-json-tokio,http-json-smol
  mcp-harness rank results/RUN --suite echo,query_products --format markdown"
)]
pub(super) struct Rank {
    /// The run [default: the latest]
    run: Option<PathBuf>,
    /// What the order goes by
    #[arg(long, value_enum, default_value_t = By::Cpu)]
    by: By,
    /// Only these subjects (several: separated by commas) [default: all servers]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    subject: Vec<String>,
    /// Only these suites [default: all of the run]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    suite: Vec<String>,
    /// Differences below this are ties
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    #[command(flatten)]
    recorded: Recorded,
}

impl Rank {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let run = self.recorded.dataset(places, self.run.as_deref())?;
        if let Some(unknown) = self
            .suite
            .iter()
            .find(|name| !run.suites.contains_key(*name))
        {
            let known = run.suites.keys().cloned().collect::<Vec<_>>().join(", ");
            bail!(
                "the run {} has no suite \"{unknown}\"; it has: {known}",
                run.run
            );
        }
        let suites = if self.suite.is_empty() {
            run.suites.keys().cloned().collect()
        } else {
            self.suite.clone()
        };
        let by = self.by.metric();
        let found = ranking::ranking(&run, &suites, &self.subject, by, self.threshold)?;
        self.recorded.show(&found, findings::ranking)?;
        Ok(Verdict::Right)
    }
}
