//! What the verbs that make a run have in common: how hard, in which order, where to, and the making.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use clap::Args;

use super::args::BenchFlags;
use super::{Places, Verdict};
use crate::analysis::summary::Report;
use crate::config::FormatError;
use crate::config::load::{Load, LoadChange};
use crate::interrupt::Interrupt;
use crate::load::Arrivals;
use crate::render::table::Style;
use crate::render::text::render;
use crate::results::environment::State;
use crate::results::folder::RunFolder;
use crate::results::write_atomically;
use crate::run::{Done, RunPlan, run};

/// How hard a run asks.
#[derive(Debug, Args)]
pub(super) struct LoadFlags {
    /// Clients, each with at most one call outstanding [default: as the definition says]
    #[arg(long, value_name = "N")]
    clients: Option<usize>,
    /// Connections that the clients use in turn over HTTP [default: as the definition says, or one for each client]
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Open loop: so many calls a second, due whatever the server does, and timed from when they were due
    /// [default: as the definition says, or a closed loop]
    #[arg(long, value_name = "RATE")]
    rate_per_s: Option<f64>,
    /// When the calls of an open loop are due [default: as the definition says, or constant]
    #[arg(long, value_enum)]
    arrivals: Option<Arrivals>,
    /// Closed loop: between an answer and the client's next call [default: as the definition says, or none]
    #[arg(long, value_name = "MILLISECONDS")]
    think_time_ms: Option<f64>,
    /// Added to each trip over the wire and back [default: as the definition says, or nothing]
    #[arg(long, value_name = "MILLISECONDS")]
    round_trip_ms: Option<f64>,
    /// A client begins a new session after so many calls [default: as the definition says, or never]
    #[arg(long, value_name = "N")]
    calls_per_session: Option<u32>,
    /// Threads of the load [default: as the definition says, or one]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Load before the window, in seconds [default: as the definition says]
    #[arg(long, value_name = "SECONDS")]
    warmup_s: Option<f64>,
    /// Length of the measured window, in seconds [default: as the definition says]
    #[arg(long, value_name = "SECONDS")]
    duration_s: Option<f64>,
    /// Trials of each subject [default: as the definition says]
    #[arg(long, value_name = "N")]
    trials: Option<u32>,
    /// Starts of each subject whose windows are slices [default: as the definition says]
    #[arg(long, value_name = "N")]
    processes: Option<u32>,
    /// Slices of each process, measured by turns with the other subjects; 0 for long trials
    /// [default: as the definition says, or 0 with --trials, --duration-s, --rate-per-s or
    /// --calls-per-session]
    #[arg(long, value_name = "N")]
    slices: Option<u32>,
    /// Length of the measured part of a slice, in seconds [default: as the definition says]
    #[arg(long, value_name = "SECONDS")]
    slice_s: Option<f64>,
    /// Load before the measured part of a slice, in seconds [default: as the definition says]
    #[arg(long, value_name = "SECONDS")]
    lead_in_s: Option<f64>,
    /// Longest wait for an answer, in seconds [default: as the definition says]
    #[arg(long, value_name = "SECONDS")]
    call_timeout_s: Option<f64>,
}

impl LoadFlags {
    /// What the flags change.
    pub(super) fn change(&self) -> LoadChange {
        LoadChange {
            clients: self.clients,
            connections: self.connections,
            rate_per_s: self.rate_per_s,
            arrivals: self.arrivals,
            think_time_ms: self.think_time_ms,
            round_trip_ms: self.round_trip_ms,
            calls_per_session: self.calls_per_session,
            threads: self.threads,
            warmup_s: self.warmup_s,
            duration_s: self.duration_s,
            trials: self.trials,
            processes: self.processes,
            slices: self.slices,
            slice_s: self.slice_s,
            lead_in_s: self.lead_in_s,
            call_timeout_s: self.call_timeout_s,
        }
    }

    /// Puts the flags that were given in the place of what the definition says.
    pub(super) fn replace(&self, load: &mut Load) -> anyhow::Result<()> {
        self.change().apply(load);
        load.check().map_err(|message| anyhow!(message))
    }
}

/// Where a run is recorded, and in which order it is made.
#[derive(Debug, Args)]
pub(super) struct RecordFlags {
    /// Seed of the order of the subjects [default: from the clock; it is recorded]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The folder that run folders are made in [default: ROOT/results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl RecordFlags {
    /// Makes the run and writes its report; says whether nothing went wrong in it.
    pub(super) fn make(
        &self,
        places: &Places,
        flags: &BenchFlags,
        mut plan: RunPlan,
        interrupt: &Interrupt,
    ) -> anyhow::Result<(Report, Verdict)> {
        warn_of_debug_build();
        let subjects = std::mem::take(&mut plan.subjects);
        let bench = flags.bench(places, subjects, &plan.names, interrupt)?;
        plan.seed = self.seed.unwrap_or_else(seed_from_the_clock);
        plan.results = (self.out.clone()).unwrap_or_else(|| places.root().join("results"));
        let done = run(&bench, plan, interrupt)?;
        drop(bench);
        finish(done)
    }
}

/// Says so where this harness is not built for release.
pub(super) fn warn_of_debug_build() {
    if cfg!(debug_assertions) {
        eprintln!(
            "warning: this harness is a debug build; its client is slow and will be the limit"
        );
    }
}

/// Writes the report of a run; says whether nothing went wrong in it.
pub(super) fn finish(done: Done) -> anyhow::Result<(Report, Verdict)> {
    let written = write_report(&done.folder);
    eprintln!("recorded in {}", done.folder.root().display());
    if let Some(failure) = done.failure {
        if let Err(error) = written {
            eprintln!("warning: the report could not be written: {error}");
        }
        return Err(failure);
    }
    let report = written?;
    let missed = report.targets().filter(|held| !held.is_met).count();
    if missed > 0 {
        eprintln!("{missed} targets are missed, see the tables");
    }
    let is_right = done.all_right && done.state == State::Complete && missed == 0;
    Ok((report, Verdict::of(is_right)))
}

/// Puts the report into the folder of its run.
fn write_report(folder: &RunFolder) -> Result<Report, FormatError> {
    let report = Report::read(folder)?;
    let text = render(&report, Style::Markdown);
    write_atomically(&folder.report(), text.as_bytes())?;
    Ok(report)
}

/// Different from run to run; six digits, so that it can be typed again.
pub(super) fn seed_from_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::from(now.subsec_micros())
}
