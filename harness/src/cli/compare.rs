//! `compare`: two recorded runs, or two subjects of one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::report::Recorded;
use super::{Places, Verdict};
use crate::analysis::compare::{self, METRICS};
use crate::render::findings;
use crate::stats::Threshold;

/// Flags of `compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
The ratios are the figures of B over those of A. `faster` and `slower` need the whole interval beyond
the threshold, `equal` all of it within; else the verdict is `cannot tell`. Three trials of each side
are the least. All intervals together hold the true ratios with a probability of 95%.

Two runs have each an hour of their own. The unit is the process, and a floor that both measured is
the control: where it differs there is no verdict. Better measure both as subjects of one run. Runs of
different machines, limits, harnesses or questions are refused.

Examples:
  mcp-harness compare results/BEFORE results/AFTER                  two runs, subjects matched by name
  mcp-harness compare BEFORE latest                                 runs by their names in results/
  mcp-harness compare --run latest http-json-tokio http-json-smol   two subjects of a run")]
pub(super) struct Compare {
    /// A run; with --run a subject
    a: String,
    /// What is compared with it, of the same kind
    b: String,
    /// Compare two subjects of this run
    #[arg(long, value_name = "RUN")]
    run: Option<PathBuf>,
    /// Differences below this are ties
    #[arg(long, value_name = "SHARE", default_value = "2%")]
    threshold: Threshold,
    #[command(flatten)]
    recorded: Recorded,
}

impl Compare {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let read = |run: &Path| self.recorded.dataset(places, Some(run));
        let comparison = if let Some(run) = &self.run {
            compare::subjects(&read(run)?, &self.a, &[&self.b], &METRICS, self.threshold)?
        } else {
            let (a, b) = (read(Path::new(&self.a))?, read(Path::new(&self.b))?);
            compare::runs(&a, &b, &METRICS, self.threshold)?
        };
        self.recorded.show(&comparison, findings::comparison)?;
        Ok(Verdict::Right)
    }
}
