//! `overhead`: what a layer costs above another, measured in one run and held against marks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::args::BenchFlags;
use super::record::{RecordFlags, Wish};
use super::report::ReportFormat;
use super::{Places, Verdict, print, print_json};
use crate::analysis::bounds::{self, Judged};
use crate::analysis::summary::Report;
use crate::config::experiment::Experiment;
use crate::config::load::Load;
use crate::config::matrix;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::render::table::Style;

/// Flags of `overhead`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
All subjects that a mark names are measured in one run, interleaved, and recorded as `measure` does; the table stands in
the run's report too. A ratio is that of the medians, in brackets its least and most over the rounds. A mark is met when it
is in every suite. `doubtful` says that a figure holds in no trial: the warnings of the report say why.

Exit code 1 when a mark is missed or could not be measured; the table is printed all the same."
)]
pub(super) struct Overhead {
    /// An experiment with bounds [default: ROOT/harness/experiments/overhead.toml]
    #[arg(long, value_name = "FILE")]
    marks: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    record: RecordFlags,
    /// How the table is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Overhead {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let default = || places.experiments().join("overhead.toml");
        let file = self.marks.clone().unwrap_or_else(default);
        let (report, verdict) = {
            let wish = self.wish(places, &file)?;
            self.record.make(places, &self.bench, wish, interrupt)?
        };
        self.print(&report)?;
        Ok(match (verdict, told(&report.marks)) {
            (Verdict::Right, true) => Verdict::Right,
            _ => Verdict::Wrong,
        })
    }

    /// The subjects and suites of the experiment.
    fn wish(&self, places: &Places, file: &Path) -> anyhow::Result<Wish> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let experiments = BTreeMap::from([(name.into_owned(), Experiment::read(file)?)]);
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        let made = matrix::experiments(&experiments, &subjects, &suites, &self.load)
            .map_err(|message| anyhow!(message))?;
        Ok(Wish {
            names: made.subjects.subject.keys().cloned().collect(),
            subjects: made.subjects,
            suites: made.suites,
            experiments,
            capacity: None,
            groups: made.groups,
        })
    }

    fn print(&self, report: &Report) -> anyhow::Result<()> {
        let style = match self.format {
            ReportFormat::Json => return print_json(&report.marks),
            ReportFormat::Markdown => Style::Markdown,
            ReportFormat::Text => Style::Text,
            ReportFormat::Csv => Style::Csv,
        };
        print(&bounds::table(&report.marks, style))
    }
}

/// Says on stderr how many marks are not met; whether all are.
fn told(judged: &[Judged]) -> bool {
    let count = |verdict| judged.iter().filter(|one| one.verdict == verdict).count();
    let (missed, not_measured) = (
        count(bounds::Verdict::Missed),
        count(bounds::Verdict::NotMeasured),
    );
    let doubtful = judged.iter().filter(|one| !one.holds).count();
    let all = judged.len();
    if doubtful > 0 {
        eprintln!("warning: {doubtful} of {all} marks rest on figures that do not hold");
    }
    if missed + not_measured == 0 {
        return true;
    }
    eprintln!("of {all} marks {missed} are missed and {not_measured} could not be measured");
    false
}
