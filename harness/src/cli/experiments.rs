//! `experiments` and `overhead`: variants of servers, measured in one run.
//!
//! `experiments` shows what each flag and size of a server is worth, `overhead` whether the cost of each layer stays within
//! its bounds. Both are recorded as `measure` does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::args::BenchFlags;
use super::record::{RecordFlags, Recorded};
use super::report::ReportFormat;
use super::{Places, Verdict, print, print_json};
use crate::analysis::{bounds, experiments};
use crate::config::experiment::Experiment;
use crate::config::load::Load;
use crate::config::matrix;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::render::table::Style;
use crate::run::RunPlan;

/// Flags of both verbs.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    record: RecordFlags,
    /// How the tables are printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Flags of `experiments`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each experiment starts one server with other flags, or sends it other calls, and compares the variants:
measured in turn, every answer checked. The harness starts the PostgreSQL and Redis that an experiment
names in a folder of their own (scripts/services) and removes them at the end.

The ratio says how many times better the figure is with the lever; below 1 the lever costs. `doubtful`
says that a figure holds in no trial: the warnings of the report say why.

Examples:
  mcp-harness experiments                              all experiments
  mcp-harness experiments --only pools,cache
  mcp-harness experiments --only formats --trials 1 --duration-s 0.5

Exit code 1 when something went wrong in a trial, or a row could not be measured; the table is printed
all the same."
)]
pub(super) struct Experiments {
    /// The folder of the experiments [default: ROOT/harness/experiments]
    #[arg(long = "experiments-dir", alias = "levers-dir", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Only these experiments (several: separated by commas)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Flags of `overhead`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
All subjects that a mark names are measured in one run, in turn. A mark is met when it is met in every
suite. `doubtful` says that a figure holds in no trial: the warnings of the report say why.

Exit code 1 when a mark is missed or could not be measured; the table is printed all the same."
)]
pub(super) struct Overhead {
    /// An experiment with bounds [default: ROOT/harness/experiments/overhead.toml]
    #[arg(long, value_name = "FILE")]
    marks: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Experiments {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let folder = self.folder.clone().unwrap_or_else(|| places.experiments());
        let mut levers = Experiment::read_folder(&folder)?;
        if let Some(unknown) = self.only.iter().find(|name| !levers.contains_key(*name)) {
            let known = levers.into_keys().collect::<Vec<_>>().join(", ");
            bail!("there is no experiment \"{unknown}\"; known: {known}");
        }
        levers.retain(|name, one| {
            self.only.contains(name) || (self.only.is_empty() && !one.on_request)
        });
        let (made, verdict) = self.common.make(places, levers, interrupt)?;
        let rows = &made.report.levers;
        self.common.print(rows, |style| {
            let variants = experiments::variants(rows, style);
            format!("{variants}\n{}", experiments::table(rows, style))
        })?;
        let missing = rows.iter().filter(|one| one.ratio.is_none()).count();
        let doubtful = rows.iter().filter(|one| !one.holds).count();
        warn_of_doubtful("rows", doubtful, rows.len());
        if missing > 0 {
            eprintln!("of {} rows {missing} could not be measured", rows.len());
        }
        Ok(Verdict::of(verdict == Verdict::Right && missing == 0))
    }
}

impl Overhead {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let default = || places.experiments().join("overhead.toml");
        let file = self.marks.clone().unwrap_or_else(default);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let one = BTreeMap::from([(name.into_owned(), Experiment::read(&file)?)]);
        let (made, verdict) = self.common.make(places, one, interrupt)?;
        let rows = &made.report.marks;
        self.common
            .print(rows, |style| bounds::table(rows, style))?;
        let count = |verdict| rows.iter().filter(|one| one.verdict == verdict).count();
        let missed = count(bounds::Verdict::Missed);
        let not_measured = count(bounds::Verdict::NotMeasured);
        let doubtful = rows.iter().filter(|one| !one.holds).count();
        warn_of_doubtful("marks", doubtful, rows.len());
        let is_met = missed + not_measured == 0;
        if !is_met {
            let all = rows.len();
            eprintln!(
                "of {all} marks {missed} are missed and {not_measured} could not be measured"
            );
        }
        Ok(Verdict::of(verdict == Verdict::Right && is_met))
    }
}

impl Common {
    /// Makes the run of these experiments.
    fn make(
        &self,
        places: &Places,
        experiments: BTreeMap<String, Experiment>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Recorded, Verdict)> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        let made = matrix::experiments(&experiments, &subjects, &suites, &self.load)
            .map_err(|message| anyhow!(message))?;
        let names = made.subjects.subject.keys().cloned().collect();
        let plan = RunPlan {
            subjects: made.subjects,
            names,
            suites: made.suites,
            groups: made.groups,
            experiments,
            ..RunPlan::default()
        };
        self.record.make(places, &self.bench, plan, interrupt)
    }

    fn print<T: Serialize>(&self, rows: &T, table: impl Fn(Style) -> String) -> anyhow::Result<()> {
        match self.format {
            ReportFormat::Json => print_json(rows),
            ReportFormat::Markdown => print(&table(Style::Markdown)),
            ReportFormat::Text => print(&table(Style::Text)),
            ReportFormat::Csv => print(&table(Style::Csv)),
        }
    }
}

fn warn_of_doubtful(what: &str, doubtful: usize, all: usize) {
    if doubtful > 0 {
        eprintln!("warning: {doubtful} of {all} {what} rest on figures that do not hold");
    }
}
