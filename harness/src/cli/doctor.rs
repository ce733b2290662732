//! `doctor`: whether this machine is fit to measure on, and whether the load client is fast enough.

use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, json};

use super::args::BenchFlags;
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict};
use crate::config::subject::{Role, Subjects};
use crate::host::checks::{self, Check, Grade, quiet};
use crate::host::cores::Topology;
use crate::host::facts;
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::render::table::{Style, Table};
use crate::run::peers::{Client, Turn};

/// Below this share of `wrk`'s rate a run would measure the client.
const LEAST_SHARE: f64 = 0.9;

/// About the size of an echo's answer.
const ANSWER_BYTES: u32 = 200;

/// Flags of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
The client and wrk (Debian: apt-get install wrk) each send the same request to a floor, over as many
connections, from the same core, after a warm-up. Below 90% of wrk's rate the check fails: a run would
measure the client. Where the floor is the limit for both, equal rates say little: then look at the CPU
time per call, which is printed and not graded. `agree` compares latencies too, with more clients.

Exit code 1 when a check is bad; fair is worth a look and no failure.")]
pub(super) struct Doctor {
    #[command(flatten)]
    bench: BenchFlags,
    /// Look at the machine only
    #[arg(long)]
    machine_only: bool,
    /// Length of the turn of the client and of wrk, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration_s: u64,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Doctor {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        // Before the testbed pins this thread, so that all cores are seen.
        let (machine, topology) = (facts::machine(), Topology::here()?);
        let layout = self.bench.layout(&topology, None)?;
        let mut checks = vec![checks::cores(&topology, &layout, &machine.cpu_model)];
        checks.extend(checks::machine(&machine));
        checks.extend(quiet(interrupt));
        if !self.machine_only {
            checks.push(self.client(places, interrupt)?);
        }
        self.format.show(&checks, text)?;
        Ok(Verdict::of(
            checks.iter().all(|check| check.grade != Grade::Bad),
        ))
    }

    /// Compares the client with `wrk` against the first floor.
    fn client(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Check> {
        let fair = |found: String, remedy: &str| Check::fair("client", found, false, remedy);
        let subjects = Subjects::read(&places.subjects())?;
        let mut all = subjects.subject.iter();
        let Some((floor, _)) = all.find(|(_, one)| one.role == Role::Floor) else {
            let remedy = "add one to the subjects file: the client is tried against it";
            return Ok(fair("no subject has the role floor".to_owned(), remedy));
        };
        let floor = floor.clone();
        let names = std::slice::from_ref(&floor);
        let bench = self.bench.bench(places, subjects, names, interrupt)?;
        let turn = Turn {
            bench: &bench,
            subject: &floor,
            answer_bytes: Some(ANSWER_BYTES),
            exchange: &Exchange {
                tool: Some("echo".to_owned()),
                arguments: json!({ "message": "abcdefghijklmnopqrstuvwxyz012345" }),
                meta: Map::new(),
                expect: Vec::new(),
                step: 0,
            },
            clients: usize::from(self.clients),
            rate_per_s: None,
            seconds: self.duration_s,
            sdk_client: Path::new(""),
            interrupt,
        };
        let theirs = turn.run(Client::Wrk)?;
        let ours = turn
            .run(Client::McpHarness)?
            .context("the client did not run")?;
        let found = format!(
            "{floor}: {:.0} calls/s, {:.2} us CPU per call",
            ours.calls_per_s, ours.cpu_us
        );
        let Some(theirs) = theirs else {
            let how = Client::Wrk.how_to_install();
            let remedy = format!("{how}: it shows whether the client is fast");
            return Ok(fair(format!("{found}; wrk is not installed"), &remedy));
        };
        let share = ours.calls_per_s / theirs.calls_per_s;
        Ok(Check::new(
            "client",
            format!(
                "{found}: {:.0}% of wrk's rate ({:.0}) and {:.0}% of its CPU time ({:.2})",
                share * 100.0,
                theirs.calls_per_s,
                ours.cpu_us / theirs.cpu_us * 100.0,
                theirs.cpu_us
            ),
            Grade::good_or_bad(share >= LEAST_SHARE),
            "at least 90% of wrk's rate is needed: measure with a release build on a quiet machine",
        ))
    }
}

fn text(checks: &Vec<Check>, style: Style) -> String {
    let mut table = Table::new(&["check", "grade", "found"], 3);
    let mut remedies = String::new();
    for check in checks {
        let grade = check.grade.name().to_owned();
        table.row(vec![check.what.to_owned(), grade, check.found.clone()]);
        if !check.remedy.is_empty() {
            remedies.extend(["- ", check.what, ": ", &check.remedy, "\n"]);
        }
    }
    if !remedies.is_empty() {
        remedies.insert_str(0, "\nWhat would help:\n\n");
    }
    with_notes(checks, &table, style, &remedies)
}
