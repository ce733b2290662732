//! How far a run is: a bar with the time left on a terminal, a line for each trial elsewhere. All
//! of it on stderr.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::row::{Job, seconds};
use crate::config::suite::Suite;
use crate::results::trial::{Status, Trial};

/// What a trial takes besides warm-up and window: start, handshake, end. An estimate, for the time
/// left only.
const AROUND_A_TRIAL: Duration = Duration::from_millis(300);

/// What a slice takes besides its load: connections, handshakes, readings.
const AROUND_A_SLICE: Duration = Duration::from_millis(30);

/// How often the bar moves: seldom, because the harness shares the load's cores.
const TICK: Duration = Duration::from_millis(250);

/// The bar, or the lines.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    trials: usize,
    begun: Instant,
    /// How long the rounds before this one were to take, in milliseconds.
    past_ms: AtomicU64,
}

/// How long a window of this suite takes, about: a long trial, or the slice of this number.
pub(super) fn expected(suite: &Suite, slice: u32) -> Duration {
    let load = &suite.load;
    let start = seconds(load.warmup_s()) + AROUND_A_TRIAL;
    let window = seconds(load.lead_in_s()) + seconds(load.slice_s()) + AROUND_A_SLICE;
    match slice {
        0 => start + seconds(load.duration_s()),
        1 => start + window,
        _ => window,
    }
}

/// How long all windows of one subject take in this suite, about.
pub(crate) fn expected_in_all(suite: &Suite) -> Duration {
    let load = &suite.load;
    match load.slices() {
        0 => expected(suite, 0) * load.trials(),
        slices => {
            let process: Duration = (1..=slices).map(|slice| expected(suite, slice)).sum();
            process * load.processes()
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds, and from two minutes on minutes.
fn in_words(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 120.0 => format!("{seconds:.0} s"),
        seconds => format!("{:.0} min", seconds / 60.0),
    }
}

impl Progress {
    /// Begins; `total` is how long all trials take, about.
    pub(crate) fn new(trials: usize, total: Duration) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(ms(total));
            let style =
                ProgressStyle::with_template("{bar:30} {percent:>3}%  {eta} left  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        let progress = Self {
            bar,
            trials,
            begun: Instant::now(),
            past_ms: AtomicU64::new(0),
        };
        progress.line(&format!("{trials} trials, about {}", in_words(total)));
        progress
    }

    /// A round of this first window begins.
    pub(super) fn begin(&self, job: &Job<'_>) {
        if let Some(bar) = &self.bar {
            let planned = job.planned;
            let (suite, subject, trial) = (&planned.suite, &planned.subject, planned.trial);
            bar.set_position(self.past_ms.load(Ordering::Relaxed));
            bar.set_message(format!("{suite} {subject} #{trial}"));
        }
    }

    /// A round that was to take so long is over.
    pub(super) fn is_past(&self, length: Duration) {
        self.past_ms.fetch_add(ms(length), Ordering::Relaxed);
    }

    /// Moves the bar with the clock until `is_done`; without a bar there is nothing to do, and it
    /// returns at once.
    pub(crate) fn tick_until(&self, is_done: impl Fn() -> bool) {
        let Some(bar) = &self.bar else {
            return;
        };
        while !is_done() {
            std::thread::sleep(TICK);
            bar.inc(ms(TICK));
        }
    }

    /// A trial is over, or all slices of a process are; `done` is how many windows are made.
    pub(super) fn end(&self, done: u64, trial: &Trial) {
        let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
        let figures = match (trial.status, trial.calls_per_s) {
            (Status::Measured, Some(rate)) => {
                let cpu = trial
                    .server_cpu_ns_per_call
                    .map(|ns| format!("{:.1}", ns as f64 / 1e3));
                let (cpu, p50) = (or_dash(cpu), or_dash(trial.p50_us.map(|us| us.to_string())));
                let first = trial.failure.lines().next().unwrap_or_default();
                let errors = match trial.errors + trial.errors_around() {
                    0 if trial.exit_unclean > 0 => format!(", UNCLEAN EXIT: {first}"),
                    0 => String::new(),
                    errors => format!(", {errors} ERRORS: {first}"),
                };
                format!("{rate} calls/s, p50 {p50} us, server CPU {cpu} us/call{errors}")
            }
            _ => format!("FAILED: {}", trial.failure),
        };
        self.line(&format!(
            "[{done}/{} {:.0} s] {} {} #{}: {figures}",
            self.trials,
            self.begun.elapsed().as_secs_f64(),
            trial.suite,
            trial.subject,
            trial.process,
        ));
    }

    /// A line for the user.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    /// All is over.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
