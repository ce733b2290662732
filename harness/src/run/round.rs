//! A round: each of its subjects is started, load goes round in windows, and the subjects are
//! ended.
//!
//! A round of slices has several subjects, all alive, and short windows in an order that is
//! shuffled each time: what drifts (temperature, neighbours) falls on all of them alike, and a
//! start is paid once. The run repeats it with fresh processes, because a process can have a pace
//! of its own. A long trial is a round of one subject and one window: tails of latency, open loops,
//! memory and capacity need it. A round is recorded as a whole.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use super::count::count;
use super::live::{Live, Measured, Span, Surroundings};
use super::per_call::per_call;
use super::row::{Job, blank, errors_in, fill, seconds, step_latencies, us};
use super::settle::{STEP, has_settled};
use super::usage::{Cost, Readings, UsageWindow};
use crate::config::load::Warmup;
use crate::config::subject::Processes;
use crate::load::{LoadError, Outcome};
use crate::results::folder::RunFolder;
use crate::results::histogram::Interval;
use crate::results::samples::Sample;
use crate::results::trial::{Status, Trial, join_warnings};
use crate::results::warmup::WarmupStep;
use crate::results::warning::Warning;
use crate::results::whole;

/// A server that uses more than this of a core while others are measured is not idle, in
/// thousandths.
const IDLE_PERMILLE: u128 = 10;

/// A server may close its connections for so long before it has to be idle.
const SETTLE: Duration = Duration::from_millis(5);

/// One subject of a round, and what was found of it.
pub(super) struct Member<'a> {
    /// Its first window.
    pub(super) job: Job<'a>,
    state: State<'a>,
    /// One for each window, in their order.
    pub(super) rows: Vec<Trial>,
    /// The latencies of the windows that were measured.
    pub(super) intervals: Vec<Interval>,
    /// The steps of a warm-up until the rate has settled.
    pub(super) warmup: Vec<WarmupStep>,
    /// The samples of a long trial.
    pub(super) samples: Vec<Sample>,
    /// Of the process: when it got ready, what a model would read of it, how its warm-up went.
    process: Trial,
    is_remote: bool,
    /// All measured windows together.
    total: Option<(Outcome, Cost)>,
    readings: Readings,
    /// What it used outside of its own windows, and the window over that while it is idle.
    idle: Readings,
    idle_now: Option<UsageWindow>,
}

enum State<'a> {
    Live(Box<Live<'a>>),
    /// Each call starts a process, and ends it.
    StartedByCalls,
    /// What the rows of all further windows say.
    Failed(Status, String),
}

/// Makes a round. `jobs` are its windows in their order, all of one process number.
pub(super) fn make_round<'a>(
    around: Surroundings<'a>,
    jobs: &[Job<'a>],
) -> anyhow::Result<Vec<Member<'a>>> {
    let mut members: Vec<Member<'a>> = Vec::new();
    for job in jobs {
        if !around.interrupt.is_set() && !members.iter().any(|member| member.is_of(job)) {
            members.push(Member::start(around, job.clone())?);
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
            member.measure(around, job)?;
        }
    }
    let busy = members.iter().filter(|member| !member.was_idle(around));
    let busy: Vec<&str> = busy
        .map(|member| member.job.planned.subject.as_str())
        .collect();
    let are_idle = busy.is_empty();
    if !are_idle {
        let line = format!("not idle while others were measured: {}", busy.join(", "));
        around.progress.line(&line);
    }
    for member in &mut members {
        member.end(around, are_idle)?;
    }
    Ok(members)
}

impl<'a> Member<'a> {
    fn is_of(&self, job: &Job<'_>) -> bool {
        (&self.job.planned.suite, &self.job.planned.subject)
            == (&job.planned.suite, &job.planned.subject)
    }

    fn start(around: Surroundings<'a>, job: Job<'a>) -> anyhow::Result<Self> {
        let mut process = Trial::default();
        let mut is_remote = false;
        let state = if around.bench.subject(&job.planned.subject)?.processes == Processes::PerCall {
            State::StartedByCalls
        } else {
            match Live::start(around, &job)? {
                Ok(live) => {
                    is_remote = live.is_remote();
                    process.startup_us = live.startup_us();
                    match count(&live, &job, &mut process, around.interrupt)? {
                        Ok(()) => State::Live(Box::new(live)),
                        Err(failure) => State::Failed(Status::NoLoad, failure),
                    }
                }
                Err(failure) => State::Failed(Status::NotReady, failure),
            }
        };
        Ok(Self {
            job,
            state,
            rows: Vec::new(),
            intervals: Vec::new(),
            warmup: Vec::new(),
            samples: Vec::new(),
            process,
            is_remote,
            total: None,
            readings: Readings::default(),
            idle: Readings::default(),
            idle_now: None,
        })
    }

    /// Whether the process got ready.
    pub(super) fn was_ready(&self) -> bool {
        self.rows.iter().all(|row| row.status != Status::NotReady)
    }

    /// Load before the windows that is not counted; its errors are. A long trial with a fixed
    /// warm-up has it before its window.
    fn warm_up(&mut self, around: Surroundings<'_>) -> anyhow::Result<()> {
        let load = &self.job.suite.load;
        let length = seconds(load.warmup_s());
        match load.warmup() {
            Warmup::Auto => self.settle(around)?,
            Warmup::Fixed if self.job.planned.slice == 0 || length.is_zero() => {}
            Warmup::Fixed => {
                self.warm(around, length)?;
            }
        }
        self.begin_idle();
        Ok(())
    }

    /// Load until the rate has settled, within its bounds.
    fn settle(&mut self, around: Surroundings<'_>) -> anyhow::Result<()> {
        let load = &self.job.suite.load;
        let (least, most) = (seconds(load.warmup_s()), seconds(load.warmup_max_s()));
        let (mut warmed, mut rates) = (Duration::ZERO, Vec::new());
        while warmed < least || !has_settled(&rates) {
            if warmed >= most {
                let name = &self.job.planned.subject;
                let line = format!("{name}: the rate has not settled after {most:?} of warm-up");
                around.progress.line(&line);
                break;
            }
            let Some(found) = self.warm(around, STEP)? else {
                break;
            };
            warmed += STEP;
            rates.push(found.calls_per_s());
            self.warmup.push(WarmupStep {
                at_ms: us(warmed) / 1_000,
                calls_per_s: whole(found.calls_per_s()),
            });
        }
        self.process.warmup_us = us(warmed);
        Ok(())
    }

    /// Load of this length; none where the subject is not there. Where there is no load now the
    /// first window finds out why, and records it.
    fn warm(
        &mut self,
        around: Surroundings<'_>,
        length: Duration,
    ) -> anyhow::Result<Option<Outcome>> {
        let span = Span {
            lead_in: Duration::ZERO,
            length,
            has_samples: false,
        };
        let State::Live(live) = &mut self.state else {
            return Ok(None);
        };
        if around.interrupt.is_set() || live.has_died() {
            return Ok(None);
        }
        let measured = live.window(around, &self.job, span)?;
        let outcome = measured.ok().map(|measured| measured.outcome);
        if let Some(outcome) = &outcome {
            let errors = outcome.errors.total() + outcome.closing_errors.total();
            self.process.errors_in_warmup += errors;
            if self.process.failure.is_empty() {
                self.process.failure = errors_in(&outcome.errors, " in the warm-up");
            }
        }
        Ok(outcome)
    }

    /// Makes one window, and its row.
    fn measure(&mut self, around: Surroundings<'_>, job: &Job<'a>) -> anyhow::Result<()> {
        let subject = around.bench.subject(&job.planned.subject)?;
        let load = &job.suite.load;
        let (lead_in, length) = match (job.planned.slice, &self.warmup[..]) {
            (0, []) => (load.warmup_s(), load.duration_s()),
            (0, _) => (load.lead_in_s(), load.duration_s()),
            _ => (load.lead_in_s(), load.slice_s()),
        };
        let span = Span {
            lead_in: seconds(lead_in),
            length: seconds(length),
            has_samples: job.planned.slice == 0,
        };
        let mut row = Trial {
            startup_us: self.process.startup_us,
            text_bytes: self.process.text_bytes,
            text_tokens: self.process.text_tokens,
            ..blank(job, subject, SystemTime::now())
        };
        if span.has_samples && !self.warmup.is_empty() {
            row.warmup_us = self.process.warmup_us + us(span.lead_in);
        }
        self.end_idle();
        let found = match &mut self.state {
            State::Live(live) => live.window(around, job, span)?,
            State::StartedByCalls => Ok(per_call(around, job)?),
            State::Failed(status, failure) => {
                (row.status, row.failure) = (*status, failure.clone());
                self.rows.push(row);
                return Ok(());
            }
        };
        let is_loaded = self.take(around, job, &mut row, found)?;
        let why_no_more = match &self.state {
            _ if !is_loaded => "not made: there was no load before",
            State::Live(live) if live.has_died() => "not made: the server had died",
            _ => "",
        };
        if why_no_more.is_empty() {
            self.begin_idle();
        } else {
            let failed = State::Failed(Status::Skipped, why_no_more.to_owned());
            self.leave(failed, &mut row);
        }
        self.rows.push(row);
        Ok(())
    }

    /// Ends a live server, and puts into the row how that went.
    fn leave(&mut self, state: State<'a>, row: &mut Trial) {
        if let State::Live(live) = std::mem::replace(&mut self.state, state) {
            live.end(row);
        }
    }

    /// Takes in what a window found; says whether there was load.
    fn take(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'a>,
        row: &mut Trial,
        found: Result<Measured, LoadError>,
    ) -> anyhow::Result<bool> {
        let measured = match found {
            Ok(measured) => measured,
            Err(error) => {
                (row.status, row.failure) = (Status::NoLoad, error.to_string());
                if let State::Live(live) = &self.state {
                    let lines = format!("\nits last lines:\n{}", live.last_lines());
                    row.failure.push_str(&lines);
                }
                return Ok(false);
            }
        };
        let Measured {
            outcome,
            cost,
            mut readings,
        } = measured;
        fill(row, job, &outcome, &cost);
        let planned = job.planned;
        let (suite, subject) = (&planned.suite, &planned.subject);
        row.histogram = RunFolder::histogram_name(suite, subject, planned.process);
        if planned.slice == 0 {
            row.samples = RunFolder::samples_name(suite, subject, planned.trial);
            self.samples = std::mem::take(&mut readings.samples);
        }
        self.intervals.push(Interval {
            start: readings.opened().unwrap_or_else(SystemTime::now),
            length: outcome.elapsed,
            latencies: outcome.latency_ns.clone(),
            steps: step_latencies(job, &outcome),
        });
        self.readings.join(readings);
        match &mut self.total {
            None => self.total = Some((outcome, cost)),
            Some((total, of_all)) => {
                let elapsed = total.elapsed + outcome.elapsed;
                total.join(&outcome).context("cannot merge latencies")?;
                total.elapsed = elapsed;
                let layout = around.bench.setup().layout_of(&job.suite.load);
                *of_all = self.readings.cost(layout);
            }
        }
        Ok(true)
    }

    /// Ends the server, and completes the rows with what is known of the whole process: a slice by
    /// itself is too short for ticks of 10 ms, so warnings are those of all windows together.
    fn end(&mut self, around: Surroundings<'_>, are_idle: bool) -> anyhow::Result<()> {
        self.end_idle();
        if let Some(mut last) = self.rows.pop() {
            self.leave(State::Failed(Status::Skipped, String::new()), &mut last);
            self.rows.push(last);
        }
        if let Some(first) = self.rows.first_mut() {
            first.errors_in_warmup += self.process.errors_in_warmup;
            first.failure.insert_str(0, &self.process.failure);
        }
        let Some((outcome, cost)) = &self.total else {
            return Ok(());
        };
        let mut warnings = (self.job).warnings(around.bench, (outcome, cost), self.is_remote)?;
        warnings.extend((!are_idle).then_some(Warning::IdleServersBusy));
        let measured = |row: &&mut Trial| !row.histogram.is_empty();
        for row in self.rows.iter_mut().filter(measured) {
            row.rss_peak_bytes = cost.rss_peak_bytes;
            row.warnings = join_warnings(&warnings);
        }
        Ok(())
    }

    /// A row of the whole process, for the progress only.
    pub(super) fn summary(&self, around: Surroundings<'_>) -> anyhow::Result<Trial> {
        let subject = around.bench.subject(&self.job.planned.subject)?;
        let mut row = blank(&self.job, subject, SystemTime::now());
        if let Some((outcome, cost)) = &self.total {
            fill(&mut row, &self.job, outcome, cost);
        }
        let mut failed = self.rows.iter().find(|row| row.status != Status::Measured);
        failed = failed.or_else(|| self.rows.iter().find(|row| !row.failure.is_empty()));
        if let Some(failed) = failed {
            (row.status, row.failure) = (failed.status, failed.failure.clone());
        }
        row.exit_unclean = self.rows.iter().map(|row| row.exit_unclean).sum();
        Ok(row)
    }

    fn begin_idle(&mut self) {
        if let (State::Live(live), 1..) = (&self.state, self.job.planned.slice) {
            std::thread::sleep(SETTLE);
            let window = UsageWindow::new(live.ids(), Vec::new());
            window.edge();
            self.idle_now = Some(window);
        }
    }

    fn end_idle(&mut self) {
        if let Some(window) = self.idle_now.take() {
            window.edge();
            self.idle.join(window.finish());
        }
    }

    fn was_idle(&self, around: Surroundings<'_>) -> bool {
        let layout = around.bench.setup().layout_of(&self.job.suite.load);
        let used = self.idle.cost(layout).server_cpu_ns;
        let time = self.idle.length().as_nanos();
        u128::from(used.unwrap_or(0)) * 1_000 <= time * IDLE_PERMILLE
    }
}
