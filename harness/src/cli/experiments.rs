//! `experiments` and `overhead`: variants of servers, measured in one run.
//!
//! `experiments` shows what each flag and size of a server is worth, `overhead` whether the cost of
//! each layer stays within its bounds. Both are recorded as `measure` does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;

use super::args::BenchFlags;
use super::record::{RecordFlags, RecordedRun};
use super::report::ReportFormat;
use super::{Places, Verdict, check_known};
use crate::analysis::experiments::{self, Finding, Outcome};
use crate::config::experiment::{Comparison, Experiment};
use crate::config::load::Load;
use crate::config::matrix::{self, Made};
use crate::config::replay::Replayed;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::run::{RunPlan, expected_in_all};

/// Flags of all verbs that measure experiments.
#[derive(Debug, Args)]
pub(super) struct Common {
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

The ratio says how many times better the figure is with the change; below 1 the change costs. `doubtful`
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
    #[arg(long = "experiments-dir", value_name = "DIR")]
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
All subjects that a bound names are measured in one run, in turn. A bound is met when it is met in every
suite. `doubtful` says that a figure holds in no trial: the warnings of the report say why.

Exit code 1 when a bound is missed or could not be measured; the table is printed all the same."
)]
pub(super) struct Overhead {
    /// An experiment with bounds [default: ROOT/harness/experiments/overhead.toml]
    #[arg(long, value_name = "FILE")]
    bounds: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Experiments {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let folder = self.folder.clone().unwrap_or_else(|| places.experiments());
        let mut chosen = places.read_experiments(&folder)?;
        check_known("experiment", &self.only, chosen.keys())?;
        chosen.retain(|name, one| {
            self.only.contains(name) || (self.only.is_empty() && !one.on_request)
        });
        let (made, verdict) = (self.common).make(places, chosen, Replayed::default(), interrupt)?;
        let rows = &made.report.experiments;
        (self.common.format).show(rows, |rows, style| experiments::render(rows, style))?;
        let missing = rows.iter().filter(|one| !one.is_measured()).count();
        warn_of_doubtful("rows", rows.iter().map(Finding::holds));
        if missing > 0 {
            eprintln!("of {} rows {missing} could not be measured", rows.len());
        }
        Ok(Verdict::of(verdict == Verdict::Right && missing == 0))
    }
}

impl Overhead {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let default = || places.experiments().join("overhead.toml");
        let file = self.bounds.clone().unwrap_or_else(default);
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let mut one = Experiment::read(&file)?;
        if !one.compare.iter().any(Comparison::has_bounds) {
            bail!(
                "{}: no [[compare]] has `at_most` or `at_least`, so there is nothing to hold",
                file.display()
            );
        }
        places.quote(&mut one)?;
        let one = BTreeMap::from([(name.into_owned(), one)]);
        let (made, verdict) = (self.common).make(places, one, Replayed::default(), interrupt)?;
        let rows = &made.report.bounds;
        (self.common.format).show(rows, |rows, style| experiments::bounds(rows).draw(style))?;
        let count = |outcome| rows.iter().filter(|one| one.outcome() == outcome).count();
        let missed = count(Outcome::Missed);
        let not_measured = count(Outcome::NotMeasured);
        warn_of_doubtful("bounds", rows.iter().map(Finding::holds));
        let is_met = missed + not_measured == 0;
        if !is_met {
            let all = rows.len();
            eprintln!(
                "of {all} bounds {missed} are missed and {not_measured} could not be measured"
            );
        }
        Ok(Verdict::of(verdict == Verdict::Right && is_met))
    }
}

impl Common {
    /// How the tables are printed.
    pub(super) const fn format(&self) -> ReportFormat {
        self.format
    }

    /// The folder that run folders are made in, where it is given.
    pub(super) fn out(&self) -> Option<&Path> {
        self.record.out()
    }

    /// Makes the run of these experiments, which may answer published claims.
    pub(super) fn make(
        &self,
        places: &Places,
        experiments: BTreeMap<String, Experiment>,
        replayed: Replayed,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(RecordedRun, Verdict)> {
        let made = self.expand(places, &experiments)?;
        let names = made.subjects.subject.keys().cloned().collect();
        let plan = RunPlan {
            subjects: made.subjects,
            names,
            suites: made.suites,
            groups: made.groups,
            experiments,
            replayed,
            ..RunPlan::default()
        };
        self.record.make(places, &self.bench, plan, interrupt)
    }

    /// How long the run of these experiments takes, about, without builds.
    pub(super) fn seconds(
        &self,
        places: &Places,
        experiments: &BTreeMap<String, Experiment>,
    ) -> anyhow::Result<f64> {
        let made = self.expand(places, experiments)?;
        let pairs = made.groups.iter().flatten();
        let suites = pairs.filter_map(|(suite, _)| made.suites.get(suite));
        Ok(suites
            .map(|suite| expected_in_all(suite).as_secs_f64())
            .sum())
    }

    /// The subjects and suites of these experiments.
    fn expand(
        &self,
        places: &Places,
        experiments: &BTreeMap<String, Experiment>,
    ) -> anyhow::Result<Made> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        matrix::experiments(experiments, &subjects, &suites, &self.load)
            .map_err(|message| anyhow!(message))
    }
}

fn warn_of_doubtful(what: &str, holds: impl ExactSizeIterator<Item = bool>) {
    let all = holds.len();
    let doubtful = holds.filter(|holds| !holds).count();
    if doubtful > 0 {
        eprintln!("warning: {doubtful} of {all} {what} rest on figures that do not hold");
    }
}
