//! Slices over live servers: all subjects of a suite are started, and load goes round in short
//! windows, in an order that is shuffled each time.
//!
//! What drifts (temperature, neighbours) falls on all subjects alike, and a start is paid once. All
//! of it together is a process round; the run repeats it with fresh processes, because a process can
//! have a pace of its own. A round is recorded as a whole.

use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;

use super::live::{Live, Measured, Span, Surroundings};
use super::row::{Job, blank, errors_in, fill, seconds, step_latencies};
use super::trial::count_text;
use super::usage::{Cost, UsageWindow};
use crate::load::Outcome;
use crate::results::folder::RunFolder;
use crate::results::histogram::{Interval, whole_us};
use crate::results::trial::{Status, Trial};
use crate::results::warning::Warning;

/// A server that uses more than this of a core while others are measured is not idle, in thousandths.
const IDLE_PERMILLE: u128 = 10;

/// A server may close its connections for so long before it has to be idle.
const SETTLE: Duration = Duration::from_millis(5);

/// One subject of a process round, and what was found of it.
pub(super) struct Member<'a> {
    /// Its first window.
    job: Job<'a>,
    state: State<'a>,
    /// One for each window, in their order.
    pub(super) rows: Vec<Trial>,
    /// The latencies of the windows that were measured.
    pub(super) intervals: Vec<Interval>,
    /// Of the process: when it got ready, and what a model would read of it.
    process: Trial,
    /// All measured windows together.
    total: Option<Outcome>,
    costs: Vec<Cost>,
    idle: Idle,
    is_remote: bool,
}

enum State<'a> {
    Live(Box<Live<'a>>),
    /// What the rows of all further windows say.
    Failed(Status, String),
}

/// What a server used outside of its own windows.
#[derive(Default)]
struct Idle {
    open: Option<(Instant, UsageWindow)>,
    time: Duration,
    cpu_ns: u64,
}

/// Makes a process round. `jobs` are its windows in their order, all of one process number.
pub(super) fn process_round<'a>(
    around: Surroundings<'a>,
    jobs: &[Job<'a>],
) -> anyhow::Result<Vec<Member<'a>>> {
    let mut members: Vec<Member<'a>> = Vec::new();
    for job in jobs {
        if around.interrupt.is_set() {
            return Ok(members);
        }
        if !members.iter().any(|member| member.is_of(job)) {
            members.push(Member::start(around, *job)?);
        }
    }
    for member in &mut members {
        member.warm_up(around)?;
    }
    for job in jobs {
        if around.interrupt.is_set() {
            break;
        }
        if let Some(member) = members.iter_mut().find(|member| member.is_of(job)) {
            member.slice(around, job)?;
        }
    }
    let busy: Vec<&str> = (members.iter())
        .filter(|member| !member.idle.was_idle())
        .map(|member| member.job.subject_name)
        .collect();
    if !busy.is_empty() {
        let line = format!("not idle while others were measured: {}", busy.join(", "));
        around.progress.line(&line);
    }
    let are_idle = busy.is_empty();
    for member in &mut members {
        member.end(around, are_idle)?;
    }
    Ok(members)
}

impl<'a> Member<'a> {
    fn is_of(&self, job: &Job<'_>) -> bool {
        (self.job.suite_name, self.job.subject_name) == (job.suite_name, job.subject_name)
    }

    fn start(around: Surroundings<'a>, job: Job<'a>) -> anyhow::Result<Self> {
        let mut process = Trial::default();
        let mut is_remote = false;
        let state = match Live::start(around, &job)? {
            Ok(live) => {
                is_remote = live.is_remote;
                process.startup_us = live.startup.map(whole_us);
                match count_text(around, &job, &live, &mut process)? {
                    Ok(()) => State::Live(Box::new(live)),
                    Err(failure) => State::Failed(Status::NoLoad, failure),
                }
            }
            Err(failure) => State::Failed(Status::NotReady, failure),
        };
        Ok(Self {
            job,
            state,
            rows: Vec::new(),
            intervals: Vec::new(),
            process,
            total: None,
            costs: Vec::new(),
            idle: Idle::default(),
            is_remote,
        })
    }

    /// Whether the process got ready.
    pub(super) fn was_ready(&self) -> bool {
        self.rows.iter().all(|row| row.status != Status::NotReady)
    }

    /// Load that is not counted; its errors are.
    fn warm_up(&mut self, around: Surroundings<'_>) -> anyhow::Result<()> {
        let span = Span {
            lead_in: Duration::ZERO,
            length: seconds(self.job.suite.load.warmup_s()),
            has_samples: false,
        };
        let State::Live(live) = &mut self.state else {
            return Ok(());
        };
        if span.length.is_zero() || around.interrupt.is_set() {
            return Ok(());
        }
        // Where there is no load now the first slice finds out why, and records it.
        if let Ok(measured) = live.window(around, &self.job, span)? {
            let outcome = &measured.outcome;
            self.process.errors_in_warmup = outcome.errors.total() + outcome.closing_errors.total();
            self.process.failure = errors_in(&outcome.errors, " in the warm-up");
        }
        self.idle.begin(&self.state);
        Ok(())
    }

    /// One window.
    fn slice(&mut self, around: Surroundings<'_>, job: &Job<'a>) -> anyhow::Result<()> {
        let subject = around.bench.subject(job.subject_name)?;
        let mut row = blank(job, subject, SystemTime::now());
        let load = &job.suite.load;
        let span = Span {
            lead_in: seconds(load.lead_in_s()),
            length: seconds(load.slice_s()),
            has_samples: false,
        };
        self.idle.end(around);
        let mut why_no_more = "";
        match &mut self.state {
            State::Live(live) => match live.window(around, job, span)? {
                Ok(measured) => self.take(job, &mut row, measured)?,
                Err(error) => {
                    row.status = Status::NoLoad;
                    row.failure = format!("{error}\nits last lines:\n{}", live.last_lines());
                    why_no_more = "not made: there was no load before";
                }
            },
            State::Failed(status, failure) => {
                (row.status, row.failure) = (*status, failure.clone());
            }
        }
        if matches!(&self.state, State::Live(live) if live.has_died()) {
            why_no_more = "not made: the server had died";
        }
        if why_no_more.is_empty() {
            self.idle.begin(&self.state);
        } else {
            let failed = State::Failed(Status::Skipped, why_no_more.to_owned());
            if let State::Live(live) = std::mem::replace(&mut self.state, failed) {
                live.end(&mut row);
            }
        }
        self.rows.push(row);
        Ok(())
    }

    fn take(&mut self, job: &Job<'_>, row: &mut Trial, measured: Measured) -> anyhow::Result<()> {
        fill(row, job, &measured);
        let planned = job.planned;
        row.histogram =
            RunFolder::histogram_name(&planned.suite, &planned.subject, planned.process);
        let Measured {
            outcome,
            cost,
            opened,
            ..
        } = measured;
        self.intervals.push(Interval {
            start: opened.unwrap_or_else(SystemTime::now),
            length: outcome.elapsed,
            latencies: outcome.latency_ns.clone(),
            steps: step_latencies(job, &outcome),
        });
        self.costs.push(cost);
        match &mut self.total {
            None => self.total = Some(outcome),
            Some(total) => {
                let elapsed = total.elapsed + outcome.elapsed;
                total.join(&outcome).context("cannot merge latencies")?;
                total.elapsed = elapsed;
            }
        }
        Ok(())
    }

    /// Ends the server, and completes the rows with what is known of the whole process: a window by
    /// itself is too short for ticks of 10 ms, so warnings are those of all windows together.
    fn end(&mut self, around: Surroundings<'_>, are_idle: bool) -> anyhow::Result<()> {
        self.idle.end(around);
        let gone = State::Failed(Status::Skipped, String::new());
        if let (State::Live(live), Some(last)) = (
            std::mem::replace(&mut self.state, gone),
            self.rows.last_mut(),
        ) {
            live.end(last);
        }
        if let Some(first) = self.rows.first_mut() {
            first.errors_in_warmup += self.process.errors_in_warmup;
            first.failure.insert_str(0, &self.process.failure);
        }
        let peak = self
            .costs
            .iter()
            .filter_map(|cost| cost.rss_peak_bytes)
            .max();
        let warnings = self.warnings(around, are_idle)?;
        let measured = |row: &&mut Trial| !row.histogram.is_empty();
        for row in self.rows.iter_mut().filter(measured) {
            row.startup_us = self.process.startup_us;
            row.text_bytes = self.process.text_bytes;
            row.text_tokens = self.process.text_tokens;
            row.rss_peak_bytes = peak;
            row.warnings.clone_from(&warnings);
        }
        Ok(())
    }

    fn warnings(&self, around: Surroundings<'_>, are_idle: bool) -> anyhow::Result<String> {
        let Some(total) = &self.total else {
            return Ok(String::new());
        };
        let cost = Cost::of_all(&self.costs);
        let found = (self.job).warnings(around.bench, (total, &cost), self.is_remote)?;
        let busy = (!are_idle).then(|| Warning::IdleServersBusy.name().to_owned());
        let all: Vec<String> = [found].into_iter().chain(busy).collect();
        Ok(all.join(";").trim_matches(';').to_owned())
    }

    /// A row of the whole process, for the progress only.
    pub(super) fn summary(&self, around: Surroundings<'_>) -> anyhow::Result<Trial> {
        let subject = around.bench.subject(self.job.subject_name)?;
        let mut row = blank(&self.job, subject, SystemTime::now());
        let failed = self.rows.iter().find(|row| row.status != Status::Measured);
        if let Some(total) = &self.total {
            let measured = Measured {
                outcome: total.clone(),
                cost: Cost::of_all(&self.costs),
                samples: Vec::new(),
                opened: None,
            };
            fill(&mut row, &self.job, &measured);
        }
        if let Some(failed) = failed {
            (row.status, row.failure) = (failed.status, failed.failure.clone());
        }
        row.exit_unclean = self.rows.iter().map(|row| row.exit_unclean).sum();
        Ok(row)
    }
}

impl Idle {
    fn begin(&mut self, state: &State<'_>) {
        if let State::Live(live) = state {
            std::thread::sleep(SETTLE);
            let mut window = UsageWindow::new(live.ids(), Vec::new());
            window.open();
            self.open = Some((Instant::now(), window));
        }
    }

    fn end(&mut self, around: Surroundings<'_>) {
        if let Some((since, mut window)) = self.open.take() {
            window.close();
            let cost = window.cost(&around.bench.setup().layout);
            if let Some(ns) = cost.server_cpu_ns {
                self.cpu_ns += ns;
                self.time += since.elapsed();
            }
        }
    }

    fn was_idle(&self) -> bool {
        u128::from(self.cpu_ns) * 1_000 <= self.time.as_nanos() * IDLE_PERMILLE
    }
}
