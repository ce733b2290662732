//! A long trial: a fresh server, its handshake, a warm-up, one window; then the server is ended.
//!
//! Open loops, the search for a capacity, samples, memory and soak need it, and subjects that start a
//! process for each call or cannot live beside others.

use std::time::SystemTime;

use super::count::count;
use super::live::{Live, Measured, Span, Surroundings};
use super::processes::per_call;
use super::row::{Job, blank, fill, seconds, step_latencies};
use crate::config::subject::Processes;
use crate::load::LoadError;
use crate::results::folder::RunFolder;
use crate::results::histogram::{Interval, whole_us};
use crate::results::samples::Sample;
use crate::results::trial::{Status, Trial};

/// What a trial found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) trial: Trial,
    /// Its latencies, when the window was measured.
    pub(super) interval: Option<Interval>,
    /// Usage during the window.
    pub(super) samples: Vec<Sample>,
}

/// Makes one trial. What goes wrong with the subject is part of what is found.
pub(super) fn long_trial(around: Surroundings<'_>, job: &Job<'_>) -> anyhow::Result<Found> {
    let subject = around.bench.subject(job.subject_name)?;
    let load = &job.suite.load;
    let span = Span {
        lead_in: seconds(load.warmup_s()),
        length: seconds(load.duration_s()),
        has_samples: true,
    };
    let mut found = Found {
        trial: blank(job, subject, SystemTime::now()),
        interval: None,
        samples: Vec::new(),
    };
    if subject.processes == Processes::PerCall {
        let measured = per_call(around, job)?;
        found.take(around, job, Ok(measured), false)?;
        return Ok(found);
    }
    let mut live = match Live::start(around, job)? {
        Ok(live) => live,
        Err(failure) => {
            (found.trial.status, found.trial.failure) = (Status::NotReady, failure);
            return Ok(found);
        }
    };
    found.trial.startup_us = live.startup.map(whole_us);
    if let Err(failure) = count_text(around, job, &live, &mut found.trial)? {
        (found.trial.status, found.trial.failure) = (Status::NoLoad, failure);
        return Ok(found);
    }
    let measured = live.window(around, job, span)?;
    found.take(around, job, measured, live.is_remote)?;
    if found.trial.status == Status::NoLoad {
        let lines = format!("\nits last lines:\n{}", live.last_lines());
        found.trial.failure.push_str(&lines);
    }
    live.end(&mut found.trial);
    Ok(found)
}

/// Counts what a model would read of it, where the suite says so. The inner error says what went
/// wrong with the subject.
pub(super) fn count_text(
    around: Surroundings<'_>,
    job: &Job<'_>,
    live: &Live<'_>,
    trial: &mut Trial,
) -> anyhow::Result<Result<(), String>> {
    let Some(counts) = job.suite.counts else {
        return Ok(Ok(()));
    };
    let Some(target) = live.address() else {
        let text = "the suite counts what a model reads, which needs a wire over HTTP";
        return Ok(Err(text.to_owned()));
    };
    let read = count(live.subject, job, counts, target, around.interrupt)?;
    Ok(read.map(|read| (trial.text_bytes, trial.text_tokens) = read))
}

impl Found {
    /// Takes in what the window found.
    fn take(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'_>,
        measured: Result<Measured, LoadError>,
        is_remote: bool,
    ) -> anyhow::Result<()> {
        let measured = match measured {
            Ok(measured) => measured,
            Err(error) => {
                (self.trial.status, self.trial.failure) = (Status::NoLoad, error.to_string());
                return Ok(());
            }
        };
        let planned = job.planned;
        let (suite, subject) = (&planned.suite, &planned.subject);
        fill(&mut self.trial, job, &measured);
        self.trial.warnings =
            job.warnings(around.bench, (&measured.outcome, &measured.cost), is_remote)?;
        self.trial.histogram = RunFolder::histogram_name(suite, subject, planned.process);
        self.trial.samples = RunFolder::samples_name(suite, subject, planned.trial);
        self.samples = measured.samples;
        self.interval = Some(Interval {
            start: measured.opened.unwrap_or_else(SystemTime::now),
            length: measured.outcome.elapsed,
            steps: step_latencies(job, &measured.outcome),
            latencies: measured.outcome.latency_ns,
        });
        Ok(())
    }
}
