//! One trial: a fresh server, a handshake, a warm-up, a window; then the server is ended.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use super::ask::ask;
use super::count::count;
use super::processes;
use super::progress::Progress;
use super::row::{blank, examples, fill};
use super::testbed::{Started, Testbed};
use super::usage::{Cost, UsageWindow, sampled};
use super::warnings::{Conditions, warnings};
use super::warnings::{doubts, is_remote};
use crate::config::subject::{Processes, Wire};
use crate::config::suite::Suite;
use crate::config::template::Context;
use crate::interrupt::Interrupt;
use crate::load::{Ended, Exchange, LoadError, Outcome};
use crate::results::folder::RunFolder;
use crate::results::samples::Sample;
use crate::results::trial::{Status, Trial, join_warnings};
use crate::run::process;

/// One trial that is to be made.
#[derive(Debug)]
pub struct Job<'a> {
    /// Name of the suite.
    pub suite_name: &'a str,
    /// The suite with the run's settings.
    pub suite: &'a Suite,
    /// The prepared calls.
    pub calls: &'a Calls,
    /// Name of the subject.
    pub subject_name: &'a str,
    /// Number of the trial, from 1.
    pub trial: u32,
    /// Place in the order of the run, from 1.
    pub position: u32,
    /// Size of the subject's program.
    pub binary_bytes: Option<u64>,
}

/// The prepared calls of a suite.
#[derive(Debug, Clone)]
pub struct Calls {
    /// Those that are timed.
    pub timed: Vec<Exchange>,
    /// What other clients ask at the same time, and how many of them there are.
    pub beside: Option<(Exchange, usize)>,
}

impl Calls {
    /// Prepares the calls of a suite.
    ///
    /// # Errors
    /// As [`Suite::exchanges`].
    pub fn prepare(suite: &Suite, services: &Context) -> Result<Self, String> {
        let beside = suite.beside.as_ref();
        let beside = beside.map(|one| Ok::<_, String>((one.exchange(services)?, one.clients)));
        Ok(Self {
            timed: suite.exchanges(services)?,
            beside: beside.transpose()?,
        })
    }
}

/// What a trial found.
#[derive(Debug)]
pub struct Found {
    /// The row.
    pub trial: Trial,
    /// Latencies in nanoseconds, when the window was measured.
    pub histogram: Option<Histogram<u64>>,
    /// What was seen ten times a second in the window.
    pub samples: Vec<Sample>,
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
    bench: &Testbed,
    job: &Job<'_>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> anyhow::Result<Found> {
    let subject = bench.subject(job.subject_name)?;
    let started = SystemTime::now();
    let mut found = Found {
        trial: blank(job, subject, started),
        histogram: None,
        samples: Vec::new(),
        started,
        length: Duration::ZERO,
    };
    if subject.processes != Processes::Shared {
        found.take_processes(bench, job, interrupt)?;
        return Ok(found);
    }
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
    found.trial.startup_us = startup.and_then(|startup| u64::try_from(startup.as_micros()).ok());
    if let Some(counts) = job.suite.counts {
        match count(bench, job, counts, &target, interrupt)? {
            Ok(read) => (found.trial.text_bytes, found.trial.text_tokens) = read,
            Err(text) => {
                found.trial.status = Status::NoLoad;
                found.trial.failure = text;
                return Ok(found);
            }
        }
    }
    let is_remote = is_remote(&target);
    let mut window = UsageWindow::new(running.ids(), bench.service_ids());
    let samples = window.samples();
    let cores = &bench.setup().layout.load;
    let outcome = sampled(&samples, cores, || {
        ask(bench, job, target, &mut window, progress, interrupt)
    })??;
    let has_died = match subject.wire {
        // The load closes the pipes when it is done, which ends the server: look at what the window
        // saw.
        Wire::Stdio => window_saw_the_end(&outcome, &window, bench),
        Wire::Http | Wire::Sse => running.has_ended(),
    };
    let last_lines = running.last_lines();
    if subject.wire == Wire::Stdio {
        // Its stdin is closed, so it ends by itself; a signal right now would hide how.
        running.await_end();
    }
    let ended = running.stop();
    match outcome {
        Ok(outcome) => {
            found.started = window.opened().unwrap_or(found.started);
            let cost = window.cost(&bench.setup().layout);
            found.take(bench, job, outcome, &cost, is_remote)?;
            found.take_samples(job, samples.rows());
        }
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

    /// Measures with more processes than one, and takes in what was found.
    fn take_processes(
        &mut self,
        bench: &Testbed,
        job: &Job<'_>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        match processes::run(bench, job, interrupt)? {
            Ok((outcome, cost, samples)) => {
                self.take(bench, job, outcome, &cost, false)?;
                self.take_samples(job, samples);
                Ok(())
            }
            Err(text) => {
                self.trial.status = Status::NoLoad;
                self.trial.failure = text;
                Ok(())
            }
        }
    }

    /// Takes in what the load and the window found.
    fn take(
        &mut self,
        bench: &Testbed,
        job: &Job<'_>,
        outcome: Outcome,
        cost: &Cost,
        is_remote: bool,
    ) -> anyhow::Result<()> {
        let setup = bench.setup();
        let subject = bench.subject(job.subject_name)?;
        let is_built = subject.build.is_some();
        let is_release = !is_built || !matches!(setup.profile.as_str(), "dev" | "test");
        fill(&mut self.trial, &outcome, cost);
        let conditions = Conditions {
            layout: &setup.layout,
            machine: bench.machine(),
            is_release,
            is_open_loop: job.suite.load.rate_per_s.is_some(),
            clients: job.suite.load.clients(),
            server_memory_bytes: setup.limits.memory_bytes,
        };
        let mut raised = warnings(cost, &outcome, &conditions);
        raised.extend(doubts(subject, job.suite, is_remote));
        self.trial.warnings = join_warnings(&raised);
        self.trial.histogram =
            RunFolder::histogram_name(job.suite_name, job.subject_name, job.trial);
        self.trial.failure = examples(&outcome);
        self.length = outcome.elapsed;
        self.histogram = Some(outcome.latency_ns);
        Ok(())
    }

    /// Takes in the samples of the window.
    fn take_samples(&mut self, job: &Job<'_>, samples: Vec<Sample>) {
        self.trial.samples = RunFolder::samples_name(job.suite_name, job.subject_name, job.trial);
        self.samples = samples;
    }
}

fn window_saw_the_end(
    outcome: &Result<Outcome, LoadError>,
    window: &UsageWindow,
    bench: &Testbed,
) -> bool {
    match outcome {
        Ok(outcome) => {
            outcome.ended == Ended::SubjectGone || window.cost(&bench.setup().layout).server_ended
        }
        Err(_) => false,
    }
}
