//! `levers`: what each switch and size of a server is worth, measured in one run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;

use super::args::BenchFlags;
use super::record::{LoadFlags, RecordFlags};
use super::report::ReportFormat;
use super::{Places, Verdict, print, print_json};
use crate::analysis::experiments::{self, Weighed};
use crate::analysis::summary::Report;
use crate::config::experiment::Experiment;
use crate::config::experiment::expand;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::render::table::Style;
use crate::run::RunPlan;

/// Flags of `levers`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each experiment starts one server again and again with other flags, or asks it in another way, and holds the variants against
each other: interleaved, medians over trials, every answer checked. PostgreSQL and Redis, where an experiment names them,
are started in a folder of their own (scripts/services) and removed at the end. Recorded as `measure` does.

The ratio says how many times better the figure is with the lever; below 1 the lever costs. `doubtful` says that a figure holds
in no trial: the warnings of the report say why.

Examples:
  mcp-harness levers                                   all experiments
  mcp-harness levers --only pools,cache
  mcp-harness levers --only formats --trials 1 --duration-s 0.5

Exit code 1 when something went wrong in a trial, or a row could not be measured; the table is printed all the same."
)]
pub(super) struct Experiments {
    /// The experiments [default: ROOT/harness/levers]
    #[arg(long = "levers-dir", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Only these experiments (several: separated by commas)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    record: RecordFlags,
    /// How the tables are printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Experiments {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let folder = self.folder.clone().unwrap_or_else(|| places.levers());
        let mut levers = Experiment::read_folder(&folder)?;
        self.choose(&mut levers)?;
        let (report, verdict) = {
            let plan = self.plan(places, levers)?;
            self.record.make(places, &self.bench, plan, interrupt)?
        };
        self.print(&report)?;
        Ok(match (verdict, told(&report.levers)) {
            (Verdict::Right, true) => Verdict::Right,
            _ => Verdict::Wrong,
        })
    }

    fn choose(&self, levers: &mut BTreeMap<String, Experiment>) -> anyhow::Result<()> {
        if let Some(unknown) = self.only.iter().find(|name| !levers.contains_key(*name)) {
            let known = levers.keys().cloned().collect::<Vec<_>>().join(", ");
            bail!("there is no experiment \"{unknown}\"; known: {known}");
        }
        levers.retain(|name, _| self.only.is_empty() || self.only.contains(name));
        Ok(())
    }

    fn plan(
        &self,
        places: &Places,
        levers: BTreeMap<String, Experiment>,
    ) -> anyhow::Result<RunPlan> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        let made = expand(&levers, &subjects, &suites, &self.load.change())
            .map_err(|message| anyhow!(message))?;
        Ok(RunPlan {
            names: made.subjects.subject.keys().cloned().collect(),
            subjects: made.subjects,
            suites: made.suites,
            groups: made.groups,
            levers,
            ..RunPlan::default()
        })
    }

    fn print(&self, report: &Report) -> anyhow::Result<()> {
        let style = match self.format {
            ReportFormat::Json => return print_json(&report.levers),
            ReportFormat::Markdown => Style::Markdown,
            ReportFormat::Text => Style::Text,
            ReportFormat::Csv => Style::Csv,
        };
        let weighed = &report.levers;
        print(&format!(
            "{}\n{}",
            experiments::variants(weighed, style),
            experiments::table(weighed, style)
        ))
    }
}

/// Says on stderr how many rows are missing or doubtful; whether none is missing.
fn told(weighed: &[Weighed]) -> bool {
    let all = weighed.len();
    let missing = weighed.iter().filter(|one| one.ratio.is_none()).count();
    let doubtful = weighed.iter().filter(|one| !one.holds).count();
    if doubtful > 0 {
        eprintln!("warning: {doubtful} of {all} rows rest on figures that do not hold");
    }
    if missing > 0 {
        eprintln!("of {all} rows {missing} could not be measured");
    }
    missing == 0
}
