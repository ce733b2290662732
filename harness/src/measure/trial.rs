//! One trial: a fresh server, a handshake, a warm-up, a window; then the server is ended.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde_json::{Map, Value};

use super::bench::{Bench, Started};
use super::doubts::warnings;
use super::progress::Progress;
use super::row::{blank, examples, fill, seconds};
use super::window::Window;
use crate::format::folder::RunFolder;
use crate::format::subjects::Wire;
use crate::format::suite::Suite;
use crate::format::trial::{Status, Trial, join_warnings};
use crate::interrupt::Interrupt;
use crate::load::{
    self, Ended, Exchange, LoadError, Moment, Outcome, Pace, Plan, Revision, Target,
};
use crate::machine::cores::pin_this_thread;
use crate::process;

/// One trial that is to be made.
#[derive(Debug)]
pub struct Job<'a> {
    /// Name of the suite.
    pub suite_name: &'a str,
    /// The suite with the run's settings.
    pub suite: &'a Suite,
    /// The prepared calls.
    pub exchanges: &'a [Exchange],
    /// Name of the subject.
    pub subject_name: &'a str,
    /// Number of the trial, from 1.
    pub trial: u32,
    /// Place in the order of the run, from 1.
    pub position: u32,
    /// Size of the subject's program.
    pub binary_bytes: Option<u64>,
}

/// How long a stdio server may take to end after its stdin is closed before it gets a signal.
const END_BY_ITSELF: Duration = Duration::from_secs(1);

/// What a trial found.
#[derive(Debug)]
pub struct Found {
    /// The row.
    pub trial: Trial,
    /// Latencies in nanoseconds, when the window was measured.
    pub histogram: Option<Histogram<u64>>,
    /// When the window opened; before that, when the trial began.
    pub started: SystemTime,
    /// Length of the window.
    pub length: Duration,
}

/// Makes one trial. What goes wrong with the subject is part of what is found.
///
/// # Errors
/// Only when the harness itself cannot go on. A signal shows in `interrupt`; what was found then is
/// not to be kept.
pub fn run(
    bench: &Bench,
    job: &Job<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> anyhow::Result<Found> {
    let subject = bench.subject(job.subject_name)?;
    let started = SystemTime::now();
    let mut found = Found {
        trial: blank(job, subject, started),
        histogram: None,
        started,
        length: Duration::ZERO,
    };
    let Started {
        mut running,
        target,
        startup,
    } = match bench.start(job.subject_name, job.suite.answer_bytes, interrupt) {
        Ok(started) => started,
        Err(error) => {
            found.trial.status = Status::NotReady;
            found.trial.failure = format!("{error:#}");
            return Ok(found);
        }
    };
    found.trial.startup_us = u64::try_from(startup.as_micros()).ok();
    let mut window = Window::new(running.id(), bench.service_ids());
    let outcome = load_on_its_cores(bench, job, target, &mut window, progress, interrupt)?;
    let has_died = match subject.wire {
        // The load closes the pipes when it is done, which ends the server: look at what the window
        // saw.
        Wire::Stdio => window_saw_the_end(&outcome, &window, bench),
        Wire::Http | Wire::Sse => running.has_ended(),
    };
    let last_lines = running.last_lines();
    if subject.wire == Wire::Stdio {
        // Its stdin is closed, so it ends by itself; a signal right now would hide how.
        running.await_end(END_BY_ITSELF);
    }
    let ended = running.stop();
    match outcome {
        Ok(outcome) => found.take(bench, job, outcome, &window)?,
        Err(error) => {
            found.trial.status = Status::NoLoad;
            found.trial.failure = format!("{error}\nits last lines:\n{last_lines}");
        }
    }
    found.end(has_died, &ended, &last_lines);
    Ok(found)
}

impl Found {
    /// Takes in how the server ended.
    fn end(&mut self, has_died: bool, ended: &process::Ended, last_lines: &str) {
        let trial = &mut self.trial;
        if has_died {
            trial.status = Status::Died;
            let death = format!("died ({}); its last lines:\n{last_lines}", ended.status);
            trial.failure.push_str(&death);
        } else if !ended.is_clean {
            trial.exit_unclean = 1;
            let end = if ended.killed {
                "did not end within the grace time after SIGTERM, was killed".to_owned()
            } else {
                format!("ended with {} instead of exit code 0", ended.status)
            };
            trial.failure.push_str(&end);
        }
        let length = trial.failure.trim_end().len();
        trial.failure.truncate(length);
    }

    /// Takes in what the load and the window found.
    fn take(
        &mut self,
        bench: &Bench,
        job: &Job<'_>,
        outcome: Outcome,
        window: &Window,
    ) -> anyhow::Result<()> {
        let setup = bench.setup();
        let is_built = bench.subject(job.subject_name)?.build.is_some();
        let is_release = !is_built || !matches!(setup.profile.as_str(), "dev" | "test");
        let cost = window.cost(&setup.layout);
        fill(&mut self.trial, &outcome, &cost);
        self.trial.warnings = join_warnings(&warnings(&cost, &outcome, &setup.layout, is_release));
        self.trial.histogram =
            RunFolder::histogram_name(job.suite_name, job.subject_name, job.trial);
        self.trial.failure = examples(&outcome);
        self.length = outcome.elapsed;
        self.started = window.opened().unwrap_or(self.started);
        self.histogram = Some(outcome.latency_ns);
        Ok(())
    }
}

fn window_saw_the_end(
    outcome: &Result<Outcome, LoadError>,
    window: &Window,
    bench: &Bench,
) -> bool {
    match outcome {
        Ok(outcome) => {
            outcome.ended == Ended::SubjectGone || window.cost(&bench.setup().layout).server_ended
        }
        Err(_) => false,
    }
}

/// Puts the load on, from a thread pinned to the load cores.
fn load_on_its_cores(
    bench: &Bench,
    job: &Job<'_>,
    target: Target,
    window: &mut Window,
    progress: &Progress,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Outcome, LoadError>> {
    let cores = &bench.setup().layout.load;
    let subject = bench.subject(job.subject_name)?;
    let asked = Asked {
        exchanges: job.exchanges,
        clients: job.suite.load.clients,
        warmup: seconds(job.suite.load.warmup_s),
        duration: seconds(job.suite.load.duration_s),
        call_timeout: seconds(job.suite.load.call_timeout_s),
        revision: subject.revision()?,
        extra_params: &subject.extra_params,
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("load".to_owned())
            .spawn_scoped(scope, || {
                pin_this_thread(cores)?;
                let mut observer = |moment| match moment {
                    Moment::HandshakeDone => {}
                    Moment::MeasureStart => window.open(),
                    Moment::Tick { .. } => window.sample(),
                    Moment::MeasureEnd => window.close(),
                };
                anyhow::Ok(put_load(target, &asked, &mut observer, interrupt))
            });
        let thread = thread.context("cannot start the load thread")?;
        // The bar is drawn from here, so that it is not in the load thread's time.
        progress.tick_until(|| thread.is_finished());
        thread.join().map_err(|_| {
            anyhow::anyhow!("the load thread panicked: this is a defect of the harness")
        })?
    })
}

/// The load of one trial.
struct Asked<'a> {
    exchanges: &'a [Exchange],
    clients: usize,
    warmup: Duration,
    duration: Duration,
    call_timeout: Duration,
    revision: Revision,
    extra_params: &'a Map<String, Value>,
}

fn put_load(
    target: Target,
    asked: &Asked<'_>,
    observer: &mut dyn FnMut(Moment),
    interrupt: &Interrupt,
) -> Result<Outcome, LoadError> {
    load::run(Plan {
        target,
        exchanges: asked.exchanges,
        clients: asked.clients,
        warmup: asked.warmup,
        duration: asked.duration,
        call_timeout: asked.call_timeout,
        revision: asked.revision,
        extra_params: asked.extra_params.clone(),
        pace: Pace::default(),
        stop: interrupt.flag(),
        observer,
    })
}
