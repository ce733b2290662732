//! `measure`: makes a run, records it, and prints its tables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::args::{BenchFlags, Selection, Wanted};
use super::record::RecordFlags;
use super::report::ReportFormat;
use super::server::ServerFlags;
use super::{Places, Verdict, check_known, record};
use crate::config::capacity::CapacityBound;
use crate::config::load::Load;
use crate::config::scenario::{ALL, Scenario};
use crate::config::subject::Subjects;
use crate::config::suite::{Suite, incompatibility};
use crate::interrupt::Interrupt;
use crate::results::whole;
use crate::run::{AtRate, RunPlan};

/// Flags of `measure`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each trial starts a fresh server on its own cores, opens real MCP sessions, warms up, and measures. The order of the
subjects is shuffled in every round. Everything is recorded in RESULTS/<date>-<host>-<commit>/, trial by trial; Ctrl-C
ends all children and keeps the trials that were done, and --resume makes the others.

Examples:
  mcp-harness measure --trials 1 --duration-s 2 --warmup-s 0.5        a quick look
  mcp-harness measure --suite echo,query_products --clients 10
  mcp-harness measure --subject http-json-tokio,floor-http --suite echo --seed 7
  mcp-harness measure --scenario team,memory --runtime tokio
  mcp-harness measure --resume results/20260101T120000Z-host-0123456789ab

A server of your own, in any folder and without any definition (docs/bring-your-own-server.md):
  mcp-harness measure --command \"node server.mjs\" --tool add --arguments '{\"a\": 1, \"b\": 2}' --expect text=3
  mcp-harness measure --url http://127.0.0.1:8000/mcp --tool add --arguments '{\"a\": 1, \"b\": 2}' --expect contains=3"
)]
pub(super) struct Measure {
    #[command(flatten)]
    selection: Selection,
    /// The suites of these situations at their load, in the place of suites: names of
    /// harness/scenarios.toml, or `all`
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with_all = ["suite", "resume", "find_capacity", "at_rate", "ServerFlags"]
    )]
    scenario: Vec<String>,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    record: RecordFlags,
    /// Make the trials that a run lacks which was interrupted, killed or failed, with its own
    /// definitions, order and cores. What it was begun with has to be there unchanged; a URL with a
    /// password has to be given again
    #[arg(long, value_name = "RUN", conflicts_with_all = RESUME_HAS)]
    resume: Option<PathBuf>,
    /// Find the highest rate that each subject keeps up with: an open loop (--rate-per-s is where
    /// it begins, by default 1,000), --trials trials at the rate that is found
    #[arg(long, conflicts_with = "resume")]
    find_capacity: bool,
    /// With --find-capacity: 99 of 100 calls are answered within this, from when they were due
    #[arg(
        long,
        value_name = "MILLISECONDS",
        default_value_t = 100.0,
        requires = "find_capacity",
        value_parser = milliseconds
    )]
    p99_ms: f64,
    /// Beside the closed loop, compare CPU per call at one rate that every subject keeps up with:
    /// slices of an open loop in a suite SUITE@rate. `auto` is half of what the slowest subject
    /// does
    #[arg(long, value_name = "auto|RATE", conflicts_with_all = ["resume", "find_capacity"])]
    at_rate: Option<AtRate>,
    /// How the report is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// Flags whose values a continued run has already: all but the URLs of its databases.
const RESUME_HAS: [&str; 12] = [
    "subject",
    "suite",
    "Labels",
    "ServerFlags",
    "Load",
    "RecordFlags",
    "LimitFlags",
    "no_build",
    "profile",
    "server_cores",
    "server_core_list",
    "load_core_list",
];

impl Measure {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        if let Some(root) = &self.resume {
            let (made, verdict) = record::resume(root, places, &self.bench, interrupt)?;
            self.format.print(&made.run, &made.report)?;
            return Ok(verdict);
        }
        let mut plan = if self.server.is_given() {
            self.selection.refuse_beside("--url and --command")?;
            self.server.plan(places, &self.bench, interrupt)?
        } else {
            let suites = if self.scenario.is_empty() {
                self.selection.suites(places, Wanted::Measured)?
            } else {
                suites_of(&self.scenario, places)?
            };
            let (subjects, mut names) = self.selection.subjects(places, Wanted::Measured)?;
            if !self.scenario.is_empty() {
                keep_asked(&mut names, &subjects, &suites);
            }
            RunPlan {
                subjects,
                names,
                suites,
                ..RunPlan::default()
            }
        };
        for suite in plan.suites.values_mut() {
            suite.load.apply_flags(&self.load)?;
        }
        plan.at_rate = self.at_rate;
        plan.capacity = self.find_capacity.then(|| CapacityBound {
            p99_us: whole(self.p99_ms * 1_000.0),
        });
        let (made, verdict) = self.record.make(places, &self.bench, plan, interrupt)?;
        self.format.print(&made.run, &made.report)?;
        Ok(verdict)
    }
}

/// The suites of these scenarios.
fn suites_of(names: &[String], places: &Places) -> anyhow::Result<BTreeMap<String, Suite>> {
    let defined = Scenario::read_file(&places.scenarios())?;
    let all = ALL.to_owned();
    check_known("scenario", names, defined.keys().chain([&all]))?;
    let suites = Suite::read_folder(&places.suites())?;
    let is_meant = |name: &String| names.contains(name) || names.contains(&all);
    let meant = defined.iter().filter(|(name, _)| is_meant(name));
    let mut made = BTreeMap::new();
    for (_, scenario) in meant {
        made.extend(scenario.suites(&suites).map_err(anyhow::Error::msg)?);
    }
    Ok(made)
}

/// Keeps the subjects that some suite asks: a scenario asks few, and the others need no build. Where
/// it asks none of them all stay, and the run says why each is left out.
fn keep_asked(names: &mut Vec<String>, subjects: &Subjects, suites: &BTreeMap<String, Suite>) {
    let is_asked = |name: &String| {
        let subject = subjects.subject.get(name);
        let takes = |one| (suites.values()).any(|suite| incompatibility(suite, one).is_none());
        subject.is_some_and(takes)
    };
    if names.iter().any(is_asked) {
        names.retain(is_asked);
    }
}

/// A time of at least a microsecond.
fn milliseconds(text: &str) -> Result<f64, String> {
    let time: f64 = text
        .parse()
        .map_err(|_| format!("{text} is not a number of milliseconds"))?;
    if (0.001..=3_600_000.0).contains(&time) {
        return Ok(time);
    }
    Err(format!("{time} ms is not between 0.001 and 3600000"))
}
