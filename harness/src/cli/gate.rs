//! `gate`: whether a recorded run may pass, for continuous integration.

use std::path::{Path, PathBuf};

use clap::Args;

use super::rank::By;
use super::report::Recorded;
use super::{Places, Verdict};
use crate::analysis::compare;
use crate::analysis::gate;
use crate::analysis::metric::Metric;
use crate::analysis::summary::Report;
use crate::stats::Threshold;

/// Flags of `gate`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Against a baseline a figure fails when it is worse beyond the limit by the near end of its interval,
not by the point: with few or noisy trials a small regression is not seen, and no noise is taken for
one. The intervals are so wide that all of them together hold the true ratios with a probability of
95%. A subject none of whose figures can be judged fails.

Measure base and change as two subjects of one run, with a floor: what drifts falls on all alike.
Of two runs the unit is the process, and where a floor differs nothing can be judged. Targets are
those of [targets] in the run's suites.

Exit code 1 when something failed; the rows say what.

Examples:
  mcp-harness gate --baseline base --max-regression 5%     all servers of the latest run against one
  mcp-harness gate --baseline results/BEFORE               the latest run against another
  mcp-harness gate results/RUN                             its targets alone"
)]
pub(super) struct Gate {
    /// The run [default: the latest]
    run: Option<PathBuf>,
    /// The subject of the run, or the other run, that it is compared with
    #[arg(long, value_name = "SUBJECT|RUN")]
    baseline: Option<String>,
    /// The largest regression that passes
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    max_regression: Threshold,
    /// The figures that are judged (several: separated by commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [By::Cpu, By::Rate, By::P50, By::P99])]
    by: Vec<By>,
    #[command(flatten)]
    recorded: Recorded,
}

impl Gate {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let run = self.recorded.dataset(places, self.run.as_deref())?;
        let by: Vec<Metric> = self.by.iter().map(|by| by.metric()).collect();
        let comparison = match &self.baseline {
            None => None,
            Some(name) if run.subjects.subject.contains_key(name) => {
                Some(gate::against_subject(&run, name, &by, self.max_regression)?)
            }
            Some(name) => {
                let baseline = self.recorded.dataset(places, Some(Path::new(name)))?;
                Some(compare::runs(&baseline, &run, &by, self.max_regression)?)
            }
        };
        let found = gate::gate(&Report::of(&run)?, comparison)?;
        self.recorded.show(&found, gate::render)?;
        Ok(Verdict::of(found.passes()))
    }
}
