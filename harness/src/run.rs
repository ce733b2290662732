//! The run: builds and starts what is measured, puts load on it window by window, reads what that
//! costs, and records it.

pub(crate) mod backends;
pub(crate) mod build;
mod capacity;
mod count;
pub(crate) mod discover;
mod environment;
mod live;
pub(crate) mod peers;
#[expect(unreachable_pub, reason = "its items are for the crate only")]
pub(crate) mod process;
mod processes;
pub(crate) mod profile;
mod progress;
pub(crate) mod resume;
pub(crate) mod row;
mod samples;
pub(crate) mod setup;
mod slices;
mod target;
pub(crate) mod testbed;
mod trial;
mod trial_order;
mod usage;
pub(crate) mod verify;
pub(crate) mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use self::environment::{environment, folder_name, now};
use self::live::Surroundings;
use self::progress::{Progress, expected};
use self::resume::Begun;
use self::row::{Calls, Job, blank};
use self::slices::process_round;
use self::testbed::Testbed;
use self::trial::{Found, long_trial};
use self::trial_order::{add_rate_suites, base_of, planned_trials, rounds};
use crate::config::capacity::CapacityBound;
use crate::config::experiment::Experiment;
use crate::config::replay::Replayed;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::results::environment::{Environment, State};
use crate::results::folder::{Kept, RunFolder};
use crate::results::trial::{Status, Trial, TrialWriter, read_trials};
use crate::results::trial_order::PlannedTrial;
use crate::results::{self, histogram};
use crate::stats::median;

/// What a run measures, and where it is recorded. It is handed over once, from the verb to the run.
#[derive(Debug, Default)]
pub(crate) struct RunPlan {
    /// The definitions, and which of the subjects take part.
    pub(crate) subjects: Subjects,
    pub(crate) names: Vec<String>,
    /// Suites with the run's settings, by name.
    pub(crate) suites: BTreeMap<String, Suite>,
    /// The experiments that the run is made for, by name.
    pub(crate) experiments: BTreeMap<String, Experiment>,
    /// The published claims that the run answers, and how.
    pub(crate) replayed: Replayed,
    /// Suites and subjects that are measured next to each other. Without any, every subject is
    /// measured in every suite.
    pub(crate) groups: Vec<Vec<(String, String)>>,
    /// A search for the highest rate within this bound, in the place of trials that are all alike.
    pub(crate) capacity: Option<CapacityBound>,
    /// Slices of an open loop at one rate, beside those of the closed loop.
    pub(crate) at_rate: Option<AtRate>,
    /// Seed of the order of the subjects.
    pub(crate) seed: u64,
    /// The folder that run folders are made in.
    pub(crate) results: PathBuf,
}

/// One rate at which all subjects of a suite are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum AtRate {
    /// Half of what the slowest subject does in the closed loop of the first process round.
    Auto,
    /// So many calls a second.
    Fixed(f64),
}

impl std::str::FromStr for AtRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(Self::Fixed(rate)),
            _ => Err(format!(
                "{text} is neither \"auto\" nor a number of calls a second"
            )),
        }
    }
}

/// So many failures to get ready in a row, and a subject is not started again in this run.
const MISSES: u32 = 2;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// Where it was recorded.
    pub(crate) folder: RunFolder,
    /// Whether all trials were made.
    pub(crate) state: State,
    /// Whether nothing went wrong in any trial.
    pub(crate) all_right: bool,
    /// What ended the run early, other than a signal.
    pub(crate) failure: Option<anyhow::Error>,
}

/// A run that is being made.
struct Run<'a> {
    bench: &'a Testbed,
    plan: &'a RunPlan,
    calls: BTreeMap<&'a str, Calls>,
    folder: RunFolder,
    environment: Environment,
    writer: TrialWriter,
    /// All rows so far.
    rows: Vec<Trial>,
    /// How often in a row each subject did not get ready.
    misses: BTreeMap<&'a str, u32>,
    all_right: bool,
    /// The subject whose trial has changed its store.
    changed: Option<&'a str>,
}

/// Makes a run over a testbed whose services are up, and records it. What ends it early after it has
/// begun (a service that dies, a disk that is full) is in [`Done::failure`], and in the folder.
pub(crate) fn run(
    bench: &Testbed,
    mut plan: RunPlan,
    interrupt: &Interrupt,
) -> anyhow::Result<Done> {
    add_rate_suites(&mut plan);
    let calls = calls(bench, &plan)?;
    let order = planned_trials(bench, &plan)?;
    let environment = environment(bench, &plan, order.len())?;
    let folder = RunFolder::create(&plan.results, &folder_name(&environment))?;
    environment.write(&folder.environment())?;
    let kept = Kept {
        subjects: &bench.effective()?,
        templates: bench.subjects(),
        suites: &plan.suites,
        experiments: &plan.experiments,
        replayed: &plan.replayed,
    };
    folder.write_definitions(&kept)?;
    results::trial_order::write(&folder.order(), &order)?;
    let run = Run {
        bench,
        plan: &plan,
        calls,
        writer: TrialWriter::create(&folder.trials())?,
        folder,
        environment,
        rows: Vec::new(),
        misses: BTreeMap::new(),
        all_right: true,
        changed: None,
    };
    match plan.capacity {
        Some(bound) => run.search(bound, &order, interrupt),
        None => run.make(&order, interrupt),
    }
}

/// Makes the trials that a run lacks, over a testbed that [`Begun::check`] has nothing against.
pub(crate) fn resume(
    bench: &Testbed,
    plan: &RunPlan,
    mut begun: Begun,
    interrupt: &Interrupt,
) -> anyhow::Result<Done> {
    let calls = calls(bench, plan)?;
    let writer = TrialWriter::reopen(&begun.folder.trials(), begun.trials.len())?;
    // Nobody else writes them from here on.
    begun.trials = read_trials(&begun.folder.trials())?;
    let run = Run {
        bench,
        plan,
        calls,
        writer,
        all_right: begun.trials.iter().all(Trial::is_right),
        environment: begun.environment_again(),
        rows: begun.trials,
        folder: begun.folder,
        misses: BTreeMap::new(),
        changed: None,
    };
    run.environment.write(&run.folder.environment())?;
    run.make(&begun.order, interrupt)
}

/// The prepared calls of all suites.
fn calls<'p>(bench: &Testbed, plan: &'p RunPlan) -> anyhow::Result<BTreeMap<&'p str, Calls>> {
    let prepared = plan.suites.iter().map(|(name, suite)| {
        let calls = Calls::prepare(suite, &bench.service_urls())
            .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
        Ok((name.as_str(), calls))
    });
    prepared.collect()
}

impl<'a> Run<'a> {
    /// Makes the trials that are not made yet, and records how that ended.
    fn make(mut self, order: &'a [PlannedTrial], interrupt: &Interrupt) -> anyhow::Result<Done> {
        let made = self.all_rounds(order, interrupt);
        self.close(made, interrupt)
    }

    fn all_rounds(
        &mut self,
        order: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let made: BTreeSet<PlannedTrial> = self.rows.iter().map(PlannedTrial::of).collect();
        let length = |round: &&[PlannedTrial]| -> Duration {
            let windows = round.iter().filter(|planned| !made.contains(planned));
            let suite = |planned: &PlannedTrial| self.plan.suites.get(&planned.suite);
            windows
                .filter_map(|planned| Some(expected(suite(planned)?, planned.slice)))
                .sum()
        };
        let rounds = rounds(order);
        let lengths: Vec<Duration> = rounds.iter().map(length).collect();
        let progress = Progress::new(order.len(), lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let around = Surroundings {
            bench: self.bench,
            progress: &progress,
            interrupt,
        };
        let (mut position, mut done) = (0, Duration::ZERO);
        for (round, length) in rounds.into_iter().zip(lengths) {
            if interrupt.is_set() {
                break;
            }
            if !round.iter().all(|planned| made.contains(planned)) {
                self.round(around, round, position, done)?;
            }
            position += round.len();
            done += length;
        }
        progress.finish();
        Ok(())
    }

    /// Makes one long trial, or a process round of slices.
    fn round(
        &mut self,
        around: Surroundings<'_>,
        round: &'a [PlannedTrial],
        position: usize,
        done: Duration,
    ) -> anyhow::Result<()> {
        self.bench.check_services()?;
        let mut suites: BTreeMap<&str, Suite> = BTreeMap::new();
        for planned in round {
            let suite = self.suite_of(planned)?;
            suites.insert(&planned.suite, suite);
        }
        let (calls, mut jobs) = (self.calls.clone(), Vec::new());
        for (index, planned) in round.iter().enumerate() {
            let suite = suites.get(planned.suite.as_str());
            let calls = calls.get(planned.suite.as_str());
            let (suite, calls) = suite
                .zip(calls)
                .context("a suite of the order is missing")?;
            let program = self.environment.programs.get(&planned.subject);
            let job = Job {
                suite_name: &planned.suite,
                suite,
                calls,
                subject_name: &planned.subject,
                planned,
                position: u32::try_from(position + index + 1).unwrap_or(u32::MAX),
                binary_bytes: program.map(|program| program.bytes),
            };
            let lacks_rate = base_of(&planned.suite).is_some() && suite.load.rate_per_s.is_none();
            if self.has_missed(&planned.subject) {
                let times = format!("it did not get ready {MISSES} times in a row");
                self.skip(&job, &times)?;
            } else if lacks_rate {
                self.skip(&job, "no subject had a rate in the closed loop")?;
            } else {
                jobs.push(job);
            }
        }
        let Some(first) = jobs.first() else {
            return Ok(());
        };
        around.progress.begin(first, done);
        if first.planned.slice > 0 {
            self.slices(around, &jobs)
        } else {
            self.trial(around, first, round)
        }
    }

    fn has_missed(&self, subject: &str) -> bool {
        self.misses
            .get(subject)
            .is_some_and(|misses| *misses >= MISSES)
    }

    /// The suite of a trial; one at a rate that is found by the run gets its rate here.
    fn suite_of(&self, planned: &PlannedTrial) -> anyhow::Result<Suite> {
        let suite = self.plan.suites.get(&planned.suite);
        let mut suite = suite.context("a suite of the order is missing")?.clone();
        if let Some(base) = base_of(&planned.suite)
            && suite.load.rate_per_s.is_none()
        {
            suite.load.rate_per_s = half_of_slowest(base, &self.rows);
            self.folder.write_suite(&planned.suite, &suite)?;
        }
        Ok(suite)
    }

    /// Makes and records one long trial.
    fn trial(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'_>,
        round: &'a [PlannedTrial],
    ) -> anyhow::Result<()> {
        let subject = round.first().map_or("", |planned| &planned.subject);
        self.reset_changed(job.suite, subject, around.interrupt)?;
        let found = long_trial(around, job)?;
        if around.interrupt.is_set() {
            // Cut short: what was found is not a trial.
            return Ok(());
        }
        self.bench.check_services()?;
        self.record(&found)?;
        around
            .progress
            .end(self.environment.trials_done, &found.trial);
        let is_ready = found.trial.status != Status::NotReady;
        self.note(around, subject, is_ready);
        Ok(())
    }

    /// Makes and records the slices of one process of each subject.
    fn slices(&mut self, around: Surroundings<'_>, jobs: &[Job<'_>]) -> anyhow::Result<()> {
        let members = process_round(around, jobs)?;
        if around.interrupt.is_set() {
            return Ok(());
        }
        self.bench.check_services()?;
        for member in &members {
            let file = member.rows.iter().find(|row| !row.histogram.is_empty());
            if let Some(row) = file {
                let path = self.folder.root().join(&row.histogram);
                histogram::write(&path, &member.intervals)?;
            }
        }
        let mut rows: Vec<&Trial> = members.iter().flat_map(|member| &member.rows).collect();
        rows.sort_by_key(|row| row.position);
        self.append(&rows)?;
        for member in &members {
            let summary = member.summary(around)?;
            around.progress.end(self.environment.trials_done, &summary);
            let subjects = &self.bench.subjects().subject;
            if let Some((name, _)) = subjects.get_key_value(&summary.subject) {
                self.note(around, name, member.was_ready());
            }
        }
        Ok(())
    }

    /// Takes note of whether a subject got ready.
    fn note(&mut self, around: Surroundings<'_>, subject: &'a str, is_ready: bool) {
        let misses = self.misses.entry(subject).or_default();
        *misses = if is_ready { 0 } else { *misses + 1 };
        if *misses == MISSES {
            let line = format!("{subject} takes no further part in this run");
            around.progress.line(&line);
        }
    }

    /// Records that a trial is not made.
    fn skip(&mut self, job: &Job<'_>, why: &str) -> anyhow::Result<()> {
        let subject = self.bench.subject(job.subject_name)?;
        let row = Trial {
            status: Status::Skipped,
            failure: format!("not made: {why}"),
            ..blank(job, subject, SystemTime::now())
        };
        self.append(&[&row])
    }

    /// Brings the store back to its first state where the last trial has changed it.
    fn reset_changed(
        &mut self,
        suite: &Suite,
        subject: &'a str,
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        if let Some(changed) = self.changed.take() {
            self.bench.reset_store(changed, interrupt)?;
        }
        self.changed = suite.changes_store.then_some(subject);
        Ok(())
    }

    /// Records how the run ended.
    fn close(mut self, made: anyhow::Result<()>, interrupt: &Interrupt) -> anyhow::Result<Done> {
        let failure = made.err();
        self.environment.state = match &failure {
            Some(_) => State::Failed,
            None if interrupt.is_set() => State::Interrupted,
            None => State::Complete,
        };
        self.environment.failure = failure
            .as_ref()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default();
        self.environment.ended = now();
        let written = self.environment.write(&self.folder.environment());
        match (written, failure) {
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(failure)) => Err(failure.context(format!(
                "the run failed, which could not be recorded ({error})"
            ))),
            (Ok(()), failure) => Ok(Done {
                folder: self.folder,
                state: self.environment.state,
                all_right: self.all_right,
                failure,
            }),
        }
    }

    fn record(&mut self, found: &Found) -> anyhow::Result<()> {
        let root = self.folder.root();
        if let Some(interval) = &found.interval {
            let path = root.join(&found.trial.histogram);
            histogram::write(&path, std::slice::from_ref(interval))?;
        }
        if !found.trial.samples.is_empty() {
            results::samples::write(&root.join(&found.trial.samples), &found.samples)?;
        }
        self.append(&[&found.trial])
    }

    /// Appends rows that belong together.
    fn append(&mut self, rows: &[&Trial]) -> anyhow::Result<()> {
        self.writer.append(rows.iter().copied())?;
        self.rows.extend(rows.iter().copied().cloned());
        self.all_right &= rows.iter().all(|row| row.is_right());
        let made = rows.iter().filter(|row| row.status != Status::Skipped);
        self.environment.trials_done += made.count() as u64;
        self.environment.write(&self.folder.environment())?;
        Ok(())
    }
}

/// Half the closed-loop rate of the slowest subject of a suite in its first process round, with two
/// significant digits: every subject keeps up with it.
fn half_of_slowest(suite: &str, rows: &[Trial]) -> Option<f64> {
    let mut rates: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let is_meant = |row: &&Trial| row.suite == suite && row.process == 1 && row.calls > 0;
    for row in rows.iter().filter(is_meant) {
        let ns = u128::from(row.elapsed_ns?.max(1));
        let rate = u128::from(row.calls) * 1_000_000_000 / ns;
        let rates = rates.entry(&row.subject).or_default();
        rates.push(u64::try_from(rate).unwrap_or(u64::MAX));
    }
    let slowest = rates.into_values().filter_map(median).min()?;
    let half = slowest as f64 / 2.0;
    let unit = 10_f64.powf(half.max(1.0).log10().floor() - 1.0);
    Some(((half / unit).floor() * unit).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::half_of_slowest;
    use crate::results::trial::Trial;

    #[test]
    fn the_common_rate_is_half_of_the_slowest_subjects() {
        let row = |subject: &str, process, calls| Trial {
            suite: "echo".to_owned(),
            subject: subject.to_owned(),
            process,
            calls,
            elapsed_ns: Some(200_000_000),
            ..Trial::default()
        };
        let rows = [
            row("fast", 1, 20_000),
            row("slow", 1, 4_900),
            row("slow", 1, 5_000),
            row("slow", 1, 900),
            row("slow", 2, 10),
        ];
        // Half of 4,900 calls in 0.2 s.
        assert_eq!(half_of_slowest("echo", &rows), Some(12_000.0));
        assert_eq!(half_of_slowest("other", &rows), None);
    }
}
