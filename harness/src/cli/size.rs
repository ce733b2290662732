//! `size`: what each program weighs before anybody asks it anything.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{BenchFlags, Format, Selection, Wanted};
use super::{Places, Verdict, print, print_json};
use crate::host::facts;
use crate::host::usage::Tree;
use crate::interrupt::Interrupt;
use crate::render::table::{Style, Table};
use crate::run::testbed::Testbed;
use crate::stats::median;

/// How long a server is left alone after its ready line before its memory is read: what it still
/// does by itself is over by then.
const SETTLED: Duration = Duration::from_millis(300);

/// The answer that floors are told to give; they hold it in memory.
const ANSWER_BYTES: u32 = 200;

/// Flags of `size`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each program once, however many subjects run it (with the fast path on where it has one). Start-up is the median from the
start of the process to its ready line; memory is the resident set of the idle server, median too. Filling an empty
database is in neither."
)]
pub(super) struct Size {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    /// Starts of each program
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    starts: u16,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One program.
#[derive(Debug, Serialize)]
struct Weight {
    subject: String,
    program: String,
    binary_bytes: Option<u64>,
    startup_us: Option<u64>,
    idle_rss_bytes: Option<u64>,
    /// Why there are figures missing.
    failure: Option<String>,
}

impl Size {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let (subjects, mut names) = self.selection.subjects(places, Wanted::NotOnRequest)?;
        // With the fast path on before off, so that the former is the one that stays.
        names.sort_by_key(|name| {
            let subject = subjects.subject.get(name);
            subject.is_some_and(|subject| subject.fast_path.as_deref() == Some("off"))
        });
        let mut seen = BTreeSet::new();
        names.retain(|name| {
            let program = (subjects.subject.get(name)).and_then(|one| one.command.first());
            program.is_some_and(|program| seen.insert(program.clone()))
        });
        names.sort();
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let mut weights = Vec::new();
        for name in &names {
            weights.push(self.weigh(&bench, name, interrupt)?);
        }
        match self.format {
            Format::Json => print_json(&weights)?,
            Format::Text => print(&table(&weights))?,
        }
        Ok(Verdict::of(
            weights.iter().all(|weight| weight.failure.is_none()),
        ))
    }

    /// Starts one program several times.
    fn weigh(&self, bench: &Testbed, name: &str, interrupt: &Interrupt) -> anyhow::Result<Weight> {
        let programs = bench.programs()?;
        let path = programs.get(name);
        let mut weight = Weight {
            subject: name.to_owned(),
            program: path.map_or_else(String::new, |path| path.display().to_string()),
            binary_bytes: path
                .and_then(|path| facts::program(path))
                .map(|program| program.bytes),
            startup_us: None,
            idle_rss_bytes: None,
            failure: None,
        };
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
            let ids = started.running.ids().into_iter();
            memories.extend(ids.filter_map(|id| Some(Tree::new(id).look(false)?.rss_bytes)));
            // The pipes of a stdio server go with its target, which is dropped after this.
            started.running.stop();
        }
        weight.startup_us = median(startups);
        weight.idle_rss_bytes = median(memories);
        Ok(weight)
    }
}

fn table(weights: &[Weight]) -> String {
    let figure = |value: Option<u64>, unit: f64| {
        value.map_or_else(
            || "-".to_owned(),
            |value| format!("{:.1}", value as f64 / unit),
        )
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
    table.draw(Style::Text) + &failures
}
