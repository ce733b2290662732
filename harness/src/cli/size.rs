//! `size`: file size, start-up time and idle memory of every program.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{BenchFlags, Selection, Wanted};
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict};
use crate::host::facts;
use crate::host::usage::Tree;
use crate::interrupt::Interrupt;
use crate::render::table::{Style, Table};
use crate::run::testbed::Testbed;
use crate::stats::median;

/// From the ready line until the memory is read: a server has settled by then.
const SETTLED: Duration = Duration::from_millis(300);

/// The length of floors' answers; they hold one in memory.
const ANSWER_BYTES: u32 = 200;

/// Flags of `size`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each program once, however many subjects run it (with the fast path on where it has one). Start-up is the
median from the start of the process to its ready line; memory is the resident set of the idle server,
median too. Filling an empty database is in neither."
)]
pub(super) struct Size {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    /// Starts of each program
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    starts: u16,
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// One program.
#[derive(Debug, Default, Serialize)]
struct Weight {
    subject: String,
    program: String,
    binary_bytes: Option<u64>,
    startup_us: Option<u64>,
    idle_rss_bytes: Option<u64>,
    /// Why figures are missing.
    failure: Option<String>,
}

impl Size {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let (subjects, mut names) = self.selection.subjects(places, Wanted::Measured)?;
        let subject = |name: &String| subjects.subject.get(name);
        // The first subject of a program stands for it: one with the fast path on.
        names.sort_by_key(|name| {
            subject(name).is_some_and(|one| one.fast_path.as_deref() == Some("off"))
        });
        let mut seen = BTreeSet::new();
        names.retain(|name| {
            let program = subject(name).and_then(|one| one.command.first());
            program.is_some_and(|program| seen.insert(program.clone()))
        });
        names.sort();
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let mut weights = Vec::new();
        for name in &names {
            weights.push(self.weigh(&bench, name, interrupt)?);
        }
        self.format.show(&weights, table)?;
        let is_whole = weights.iter().all(|weight| weight.failure.is_none());
        Ok(Verdict::of(is_whole))
    }

    /// Starts one program several times.
    fn weigh(&self, bench: &Testbed, name: &str, interrupt: &Interrupt) -> anyhow::Result<Weight> {
        let mut weight = Weight {
            subject: name.to_owned(),
            ..Weight::default()
        };
        if let Some(path) = bench.programs()?.get(name) {
            weight.program = path.display().to_string();
            weight.binary_bytes = facts::program(path).map(|program| program.bytes);
        }
        let (mut startups, mut memories) = (Vec::new(), Vec::new());
        for _ in 0..self.starts {
            let mut started = match bench.start(name, Some(ANSWER_BYTES), interrupt) {
                _ if interrupt.is_set() => bail!("interrupted"),
                Ok(started) => started,
                Err(error) => {
                    weight.failure = Some(format!("{error:#}"));
                    return Ok(weight);
                }
            };
            interrupt.wait(SETTLED, || None::<()>);
            let startup = started.startup.map(|startup| startup.as_micros());
            startups.extend(startup.and_then(|micros| u64::try_from(micros).ok()));
            let id = started.running.id();
            memories.extend(id.and_then(|id| Some(Tree::new(id).look(false)?.rss_bytes)));
            // Its pipes are closed before a server on stdio is ended.
            drop(started.target);
            started.running.stop();
        }
        weight.startup_us = median(startups);
        weight.idle_rss_bytes = median(memories);
        Ok(weight)
    }
}

fn table(weights: &Vec<Weight>, style: Style) -> String {
    let figure = |value: Option<u64>, unit: f64| match value {
        Some(value) => format!("{:.1}", value as f64 / unit),
        None => "-".to_owned(),
    };
    let mut table = Table::new(&["subject", "binary MB", "start ms", "idle RSS MB"], 1);
    let mut failures = String::new();
    for weight in weights {
        table.row(vec![
            weight.subject.clone(),
            figure(weight.binary_bytes, 1e6),
            figure(weight.startup_us, 1e3),
            figure(weight.idle_rss_bytes, 1e6),
        ]);
        if let Some(failure) = &weight.failure {
            failures.extend(["\n", &weight.subject, ": ", failure, "\n"]);
        }
    }
    with_notes(weights, &table, style, &failures)
}
