//! `gate`: whether a recorded run may pass, for continuous integration.

use std::path::PathBuf;

use clap::Args;

use super::rank::By;
use super::recorded::folder;
use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::analysis::compare;
use crate::analysis::dataset::Dataset;
use crate::analysis::gate;
use crate::analysis::summary::Report;
use crate::config::bounds::Figure;
use crate::stats::Threshold;

/// Flags of `gate`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Against a baseline a figure fails when it is worse beyond the limit by the near end of its interval, not by the point: with few or noisy
trials a small regression is not seen, and no noise is taken for one. A subject none of whose figures can be judged fails. Both runs
must be of the same machine and harness and have three trials or more. Targets are those of [targets] in the run's suites.

Exit code 1 when something failed; the rows say what.

Examples:
  mcp-harness gate --baseline results/BEFORE --max-regression 5%          the latest run against another
  mcp-harness gate results/RUN                                            its targets alone"
)]
pub(super) struct Gate {
    /// The run [default: the latest]
    run: Option<PathBuf>,
    /// The run that it is held against
    #[arg(long, value_name = "RUN")]
    baseline: Option<PathBuf>,
    /// The largest regression that passes
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    max_regression: Threshold,
    /// The figures that are judged (several: separated by commas)
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [By::Cpu, By::Rate, By::P50, By::P99])]
    by: Vec<By>,
    /// The folder that holds the runs [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Gate {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let out = self.out.as_deref();
        let run = folder(places, out, self.run.as_deref())?;
        let report = Report::read(&run)?;
        let comparison = match &self.baseline {
            None => None,
            Some(baseline) => {
                let baseline = Dataset::read(folder(places, out, Some(baseline))?)?;
                let run = Dataset::read(run)?;
                Some(compare::runs(&baseline, &run, self.max_regression)?)
            }
        };
        let by: Vec<Figure> = self.by.iter().map(|by| by.figure()).collect();
        let found = gate::gate(&report, comparison, &by, self.max_regression)?;
        self.format
            .show(&found, gate::render, |found| Ok(gate::csv(found)))?;
        Ok(Verdict::of(found.passes()))
    }
}
