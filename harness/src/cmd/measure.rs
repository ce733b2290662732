//! `measure`: makes a run, records it, and shows its tables.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use clap::Args;

use super::args::{BenchFlags, Selection};
use super::report::ReportFormat;
use super::{Places, Verdict};
use crate::format::FormatError;
use crate::format::environment::State;
use crate::format::folder::RunFolder;
use crate::format::suite::Suite;
use crate::format::write_atomically;
use crate::interrupt::Interrupt;
use crate::measure::run::{Questions, run};
use crate::report::render::render;
use crate::report::summary::Report;
use crate::report::table::Style;

/// Flags of `measure`.
#[derive(Debug, Args)]
#[command(after_help = "\
Each trial starts a fresh server on its own cores, opens real MCP sessions, warms up, and measures. The order of the
subjects is shuffled in every round. Everything is recorded in RESULTS/<date>-<host>-<commit>/, trial by trial; Ctrl-C
ends all children and keeps the trials that were done.

Examples:
  mcp-harness measure --trials 1 --duration-s 2 --warmup-s 0.5        a quick look
  mcp-harness measure --suite echo,query_products --clients 10
  mcp-harness measure --subject http-json-tokio,floor-http --suite echo --seed 7")]
pub(super) struct Measure {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    /// Clients, each with one call outstanding [default: as the suite says]
    #[arg(long, value_name = "N")]
    clients: Option<usize>,
    /// Load before the window, in seconds [default: as the suite says]
    #[arg(long, value_name = "SECONDS")]
    warmup_s: Option<f64>,
    /// Length of the measured window, in seconds [default: as the suite says]
    #[arg(long, value_name = "SECONDS")]
    duration_s: Option<f64>,
    /// Trials of each subject [default: as the suite says]
    #[arg(long, value_name = "N")]
    trials: Option<u32>,
    /// Longest wait for an answer, in seconds [default: as the suite says]
    #[arg(long, value_name = "SECONDS")]
    call_timeout_s: Option<f64>,
    /// Seed of the order of the subjects [default: from the clock; it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the report is printed at the end
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Measure {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let mut suites = self.selection.suites(places)?;
        for suite in suites.values_mut() {
            self.override_load(suite)?;
        }
        let (subjects, names) = self.selection.subjects(places)?;
        if cfg!(debug_assertions) {
            eprintln!(
                "warning: this harness is a debug build; its client is slow and will be the limit"
            );
        }
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let questions = Questions {
            suites,
            seed: self.seed.unwrap_or_else(seed_from_the_clock),
            results: self
                .out
                .clone()
                .unwrap_or_else(|| places.root().join("results")),
            command: std::env::args().collect(),
        };
        let done = run(&bench, &questions, interrupt)?;
        drop(bench);
        let written = write_report(&done.folder);
        eprintln!("recorded in {}", done.folder.root().display());
        if let Some(failure) = done.failure {
            if let Err(error) = written {
                eprintln!("warning: the report could not be written: {error}");
            }
            return Err(failure);
        }
        self.format.print(&written?)?;
        Ok(Verdict::of(done.all_right && done.state == State::Complete))
    }

    fn override_load(&self, suite: &mut Suite) -> anyhow::Result<()> {
        let load = &mut suite.load;
        load.clients = self.clients.unwrap_or(load.clients);
        load.warmup_s = self.warmup_s.unwrap_or(load.warmup_s);
        load.duration_s = self.duration_s.unwrap_or(load.duration_s);
        load.trials = self.trials.unwrap_or(load.trials);
        load.call_timeout_s = self.call_timeout_s.unwrap_or(load.call_timeout_s);
        load.check().map_err(|message| anyhow!(message))
    }
}

/// Puts the report into the folder of its run.
fn write_report(folder: &RunFolder) -> Result<Report, FormatError> {
    let report = Report::read(folder)?;
    let text = render(&report, Style::Markdown);
    write_atomically(&folder.report(), text.as_bytes())?;
    Ok(report)
}

/// Different from run to run; six digits, so that it can be typed again.
fn seed_from_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::from(now.subsec_micros())
}
