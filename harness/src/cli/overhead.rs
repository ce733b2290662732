//! `overhead`: what a layer costs above another, measured in one run and held against marks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::args::BenchFlags;
use super::record::{LoadFlags, RecordFlags};
use super::report::ReportFormat;
use super::{Places, Verdict, print, print_json};
use crate::analysis::bounds::{self, Judged};
use crate::analysis::summary::Report;
use crate::config::bounds::Bounds;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::render::table::Style;
use crate::run::RunPlan;

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
    /// The marks [default: ROOT/harness/overhead.toml]
    #[arg(long, value_name = "FILE")]
    marks: Option<PathBuf>,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: LoadFlags,
    #[command(flatten)]
    record: RecordFlags,
    /// How the table is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Overhead {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let default = || places.root().join("harness/overhead.toml");
        let mut marks = Bounds::read(&self.marks.clone().unwrap_or_else(default))?;
        self.load.replace(&mut marks.load)?;
        let (report, verdict) = {
            let plan = plan(places, marks)?;
            self.record.make(places, &self.bench, plan, interrupt)?
        };
        self.print(&report)?;
        Ok(match (verdict, told(&report.marks)) {
            (Verdict::Right, true) => Verdict::Right,
            _ => Verdict::Wrong,
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

/// The subjects and suites of the marks, the suites with the load of the marks.
fn plan(places: &Places, marks: Bounds) -> anyhow::Result<RunPlan> {
    let subjects = Subjects::read(&places.subjects())?;
    let all = Suite::read_folder(&places.suites())?;
    let mut suites = BTreeMap::new();
    for name in &marks.suites {
        let Some(suite) = all.get(name) else {
            let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
            bail!("the marks name the suite \"{name}\", which does not exist; known: {known}");
        };
        let load = marks.load.clone();
        suites.insert(
            name.clone(),
            Suite {
                load,
                ..suite.clone()
            },
        );
    }
    let names: Vec<String> = marks
        .subjects()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| !subjects.subject.contains_key(*name))
    {
        bail!(
            "the marks name the subject \"{unknown}\", which does not exist; `mcp-harness list` shows them all"
        );
    }
    Ok(RunPlan {
        subjects,
        names,
        suites,
        marks: Some(marks),
        ..RunPlan::default()
    })
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
