//! What the verbs that make a run share: flags of the load and the record, and making the run.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::args::BenchFlags;
use super::{Places, Verdict};
use crate::analysis::dataset::Dataset;
use crate::analysis::summary::Report;
use crate::interrupt::Interrupt;
use crate::report;
use crate::results::environment::State;
use crate::results::folder::RunFolder;
use crate::run::{Done, RunPlan, run};

/// A run that was made, and what is to be said of it.
pub(super) struct Recorded {
    pub(super) run: Dataset,
    pub(super) report: Report,
}

/// Where a run is recorded, and in which order it is made.
#[derive(Debug, Args)]
pub(super) struct RecordFlags {
    /// Seed of the order of the subjects [default: from the clock; it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl RecordFlags {
    /// Makes the run and writes its report; says whether nothing went wrong in it.
    pub(super) fn make(
        &self,
        places: &Places,
        flags: &BenchFlags,
        mut plan: RunPlan,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Recorded, Verdict)> {
        warn_of_debug_build();
        let subjects = std::mem::take(&mut plan.subjects);
        let bench = flags.bench(places, subjects, &plan.names, interrupt)?;
        plan.seed = self.seed.unwrap_or_else(seed_from_the_clock);
        plan.results = places.results(self.out.as_deref());
        let done = run(&bench, plan, interrupt)?;
        drop(bench);
        finish(done)
    }
}

/// Says so where this harness is not built for release.
pub(super) fn warn_of_debug_build() {
    if cfg!(debug_assertions) {
        eprintln!(
            "warning: this harness is a debug build; its client is slow and will be the limit"
        );
    }
}

/// Writes the report of a run; says whether nothing went wrong in it.
pub(super) fn finish(done: Done) -> anyhow::Result<(Recorded, Verdict)> {
    eprintln!("recorded in {}", done.folder.root().display());
    let written = write_report(&done.folder);
    if let Some(failure) = done.failure {
        if let Err(error) = written {
            eprintln!("warning: the report could not be written: {error:#}");
        }
        return Err(failure);
    }
    let recorded = written?;
    let missed = recorded
        .report
        .targets()
        .filter(|held| !held.is_met)
        .count();
    if missed > 0 {
        eprintln!("{missed} targets are missed, see the tables");
    }
    let is_right = done.all_right && done.state == State::Complete && missed == 0;
    Ok((recorded, Verdict::of(is_right)))
}

/// Puts the report into the folder of its run.
fn write_report(folder: &RunFolder) -> anyhow::Result<Recorded> {
    let run = Dataset::read(folder.clone())?;
    let report = Report::of(&run)?;
    let page = report::write(&[(&run, &report)], folder.root())?;
    eprintln!("report: {}", page.display());
    Ok(Recorded { run, report })
}

/// Different from run to run; six digits, so that it can be typed again.
pub(super) fn seed_from_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::from(now.subsec_micros())
}
