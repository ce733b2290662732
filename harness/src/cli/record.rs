//! What the verbs that make a run share: flags of the load and the record, and making the run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::args::BenchFlags;
use super::{Places, Verdict};
use crate::analysis::summary::Report;
use crate::config::FormatError;
use crate::config::capacity::CapacityBound;
use crate::config::experiment::Experiment;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::render::table::Style;
use crate::render::text::render;
use crate::results::environment::State;
use crate::results::folder::RunFolder;
use crate::results::write_atomically;
use crate::run::{Done, Questions, run};

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

/// What a run measures.
pub(super) struct Wish {
    pub(super) subjects: Subjects,
    pub(super) names: Vec<String>,
    pub(super) suites: BTreeMap<String, Suite>,
    pub(super) experiments: BTreeMap<String, Experiment>,
    /// A search; see [`Questions::capacity`].
    pub(super) capacity: Option<CapacityBound>,
    /// Who is measured next to each other; see [`Questions::groups`].
    pub(super) groups: Vec<Vec<(String, String)>>,
}

impl Wish {
    /// These subjects in these suites, and nothing special.
    pub(super) fn new(
        subjects: Subjects,
        names: Vec<String>,
        suites: BTreeMap<String, Suite>,
    ) -> Self {
        Self {
            subjects,
            names,
            suites,
            experiments: BTreeMap::new(),
            capacity: None,
            groups: Vec::new(),
        }
    }
}

impl RecordFlags {
    /// Makes the run and writes its report; says whether nothing went wrong in it.
    pub(super) fn make(
        &self,
        places: &Places,
        flags: &BenchFlags,
        wish: Wish,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Report, Verdict)> {
        warn_of_debug_build();
        let bench = flags.bench(places, wish.subjects, &wish.names, interrupt)?;
        let questions = Questions {
            suites: wish.suites,
            experiments: wish.experiments,
            capacity: wish.capacity,
            groups: wish.groups,
            seed: self.seed.unwrap_or_else(seed_from_the_clock),
            results: places.results(self.out.as_deref()),
            command: std::env::args().collect(),
        };
        let done = run(&bench, &questions, interrupt)?;
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
pub(super) fn finish(done: Done) -> anyhow::Result<(Report, Verdict)> {
    let written = write_report(&done.folder);
    eprintln!("recorded in {}", done.folder.root().display());
    if let Some(failure) = done.failure {
        if let Err(error) = written {
            eprintln!("warning: the report could not be written: {error}");
        }
        return Err(failure);
    }
    let report = written?;
    let missed = report.targets().filter(|held| !held.is_met).count();
    if missed > 0 {
        eprintln!("{missed} targets are missed, see the tables");
    }
    let is_right = done.all_right && done.state == State::Complete && missed == 0;
    Ok((report, Verdict::of(is_right)))
}

/// Puts the report into the folder of its run.
fn write_report(folder: &RunFolder) -> Result<Report, FormatError> {
    let report = Report::read(folder)?;
    let text = render(&report, Style::Markdown);
    write_atomically(&folder.report(), text.as_bytes())?;
    Ok(report)
}

/// Different from run to run; six digits, so that it can be typed again.
pub(super) fn seed_from_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::from(now.subsec_micros())
}
