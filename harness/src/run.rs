//! The run: builds and starts what is measured, puts load on it window by window, reads what that
//! costs, and records it.

mod backends;
mod capacity;
mod count;
pub(crate) mod discover;
mod environment;
pub(crate) mod live;
pub(crate) mod peers;
mod per_call;
#[expect(unreachable_pub, reason = "its items are for the crate only")]
pub(crate) mod process;
pub(crate) mod profile;
mod progress;
pub(crate) mod resume;
mod round;
pub(crate) mod row;
mod settle;
pub(crate) mod setup;
mod target;
pub(crate) mod testbed;
mod trial_order;
mod usage;
pub(crate) mod verify;
mod warnings;

pub(crate) use self::progress::expected_in_all;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use self::capacity::TRIALS_OF_A_SEARCH;
use self::environment::{environment, folder_name, now};
use self::live::Surroundings;
use self::progress::{Progress, expected};
use self::resume::Begun;
use self::round::make_round;
use self::row::{Calls, Job, blank};
use self::testbed::Testbed;
use self::trial_order::{add_rate_suites, base_of, planned_trials, rounds};
use crate::config::capacity::CapacityBound;
use crate::config::experiment::Experiment;
use crate::config::replay::Replayed;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::results::capacity::FoundCapacity;
use crate::results::environment::{Environment, State};
use crate::results::folder::{Kept, RunFolder};
use crate::results::trial::{Status, Trial, TrialWriter, read_trials};
use crate::results::trial_order::PlannedTrial;
use crate::results::{self, histogram, samples, warmup};
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
    calls: CallsOf<'a>,
    folder: RunFolder,
    environment: Environment,
    writer: TrialWriter,
    /// All rows so far.
    rows: Vec<Trial>,
    /// What searches have found.
    capacities: Vec<FoundCapacity>,
    /// How often in a row each subject did not get ready.
    misses: BTreeMap<String, u32>,
    all_right: bool,
    /// The subject whose trial has changed its store.
    changed: Option<String>,
}

/// Makes a run over a testbed whose services are up, and records it. What ends it early after it
/// has begun (a service that dies, a disk that is full) is in [`Done::failure`], and in the folder.
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
    folder.write_definitions(&Kept {
        subjects: &bench.effective()?,
        templates: bench.subjects(),
        suites: &plan.suites,
        experiments: &plan.experiments,
        replayed: &plan.replayed,
    })?;
    results::trial_order::write(&folder.order(), &order)?;
    let writer = TrialWriter::create(&folder.trials())?;
    let begun = Begun {
        folder,
        environment,
        order,
        trials: Vec::new(),
    };
    make(bench, &plan, calls, begun, writer, interrupt)
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
    begun.go_on();
    begun.environment.write(&begun.folder.environment())?;
    make(bench, plan, calls, begun, writer, interrupt)
}

/// The prepared calls of suites, by name.
type CallsOf<'p> = BTreeMap<&'p str, Arc<Calls>>;

fn calls<'p>(bench: &Testbed, plan: &'p RunPlan) -> anyhow::Result<CallsOf<'p>> {
    let prepared = plan.suites.iter().map(|(name, suite)| {
        let calls = Calls::prepare(suite, &bench.service_urls())
            .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
        Ok((name.as_str(), Arc::new(calls)))
    });
    prepared.collect()
}

/// Makes the trials that are not made yet, and records how that ended.
fn make(
    bench: &Testbed,
    plan: &RunPlan,
    calls: CallsOf<'_>,
    begun: Begun,
    writer: TrialWriter,
    interrupt: &Interrupt,
) -> anyhow::Result<Done> {
    let mut run = Run {
        bench,
        plan,
        calls,
        folder: begun.folder,
        environment: begun.environment,
        writer,
        all_right: begun.trials.iter().all(Trial::is_right),
        rows: begun.trials,
        capacities: Vec::new(),
        misses: BTreeMap::new(),
        changed: None,
    };
    let made = run.all_rounds(&begun.order, interrupt);
    run.close(made, interrupt)
}

impl Run<'_> {
    fn all_rounds(&mut self, order: &[PlannedTrial], interrupt: &Interrupt) -> anyhow::Result<()> {
        let made: BTreeSet<PlannedTrial> = self.rows.iter().map(PlannedTrial::of).collect();
        let is_made = |planned: &PlannedTrial| made.contains(planned);
        // A search knows its subjects in advance, and not its rates.
        let trials = self.plan.capacity.map_or(1, |_| TRIALS_OF_A_SEARCH);
        let length = |round: &&[PlannedTrial]| -> Duration {
            let missing = round.iter().filter(|planned| !is_made(planned));
            let suite = |planned: &PlannedTrial| self.plan.suites.get(&planned.suite);
            let lengths = missing.filter_map(|one| Some(expected(suite(one)?, one.slice)));
            lengths.sum::<Duration>() * trials
        };
        let rounds = rounds(order);
        let lengths: Vec<Duration> = rounds.iter().map(length).collect();
        let progress = Progress::new(order.len() * trials as usize, lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let around = Surroundings {
            bench: self.bench,
            progress: &progress,
            interrupt,
        };
        let mut position = 0;
        for (round, length) in rounds.iter().zip(&lengths) {
            if interrupt.is_set() {
                break;
            }
            match (round.first(), self.plan.capacity) {
                _ if round.iter().all(is_made) => {}
                (Some(pair), Some(bound)) => self.search(around, bound, pair)?,
                _ => self.round(around, round, position)?,
            }
            position += round.len();
            progress.is_past(*length);
        }
        progress.finish();
        Ok(())
    }

    /// Makes a round of the order: one long trial, or the slices of one process of each subject.
    fn round(
        &mut self,
        around: Surroundings<'_>,
        round: &[PlannedTrial],
        position: usize,
    ) -> anyhow::Result<()> {
        let mut suites: BTreeMap<&str, Suite> = BTreeMap::new();
        for planned in round {
            suites.insert(&planned.suite, self.suite_of(planned)?);
        }
        let mut jobs = Vec::new();
        for (index, planned) in round.iter().enumerate() {
            let suite = suites.get(planned.suite.as_str());
            let suite = suite.context("a suite of the order is missing")?;
            let job = self.job(planned, suite, position + index + 1)?;
            if self.has_missed(&planned.subject) {
                let times = format!("it did not get ready {MISSES} times in a row");
                self.skip(&job, &times)?;
            } else if base_of(&planned.suite).is_some() && suite.load.rate_per_s.is_none() {
                self.skip(&job, "no subject had a rate in the closed loop")?;
            } else {
                jobs.push(job);
            }
        }
        self.record_round(around, &jobs).map(|_| ())
    }

    fn has_missed(&self, subject: &str) -> bool {
        let misses = self.misses.get(subject);
        misses.is_some_and(|misses| *misses >= MISSES)
    }

    /// One window of the order.
    fn job<'j>(
        &self,
        planned: &'j PlannedTrial,
        suite: &'j Suite,
        position: usize,
    ) -> anyhow::Result<Job<'j>> {
        let calls = self.calls.get(planned.suite.as_str());
        let program = self.environment.programs.get(&planned.subject);
        Ok(Job {
            suite,
            calls: Arc::clone(calls.context("a suite of the order is missing")?),
            planned,
            position: u32::try_from(position).unwrap_or(u32::MAX),
            binary_bytes: program.map(|program| program.bytes),
        })
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

    /// Makes and records a round; its rows, none when a signal cut it short.
    fn record_round(
        &mut self,
        around: Surroundings<'_>,
        jobs: &[Job<'_>],
    ) -> anyhow::Result<Vec<Trial>> {
        let Some(first) = jobs.first() else {
            return Ok(Vec::new());
        };
        self.bench.check_services()?;
        if let Some(changed) = self.changed.take() {
            self.bench.reset_store(&changed, around.interrupt)?;
        }
        let changes_store = first.suite.changes_store;
        self.changed = changes_store.then(|| first.planned.subject.clone());
        around.progress.begin(first);
        let members = make_round(around, jobs)?;
        if around.interrupt.is_set() {
            return Ok(Vec::new());
        }
        self.bench.check_services()?;
        let root = self.folder.root();
        for member in &members {
            if let Some(row) = member.rows.iter().find(|row| !row.histogram.is_empty()) {
                histogram::write(&root.join(&row.histogram), &member.intervals)?;
                if !member.warmup.is_empty() {
                    let planned = &member.job.planned;
                    let (suite, subject) = (&planned.suite, &planned.subject);
                    let name = RunFolder::warmup_name(suite, subject, planned.process);
                    warmup::write(&self.folder.made(&name)?, &member.warmup)?;
                }
                if !row.samples.is_empty() {
                    samples::write(&root.join(&row.samples), &member.samples)?;
                }
            }
        }
        let rows = members.iter().flat_map(|member| &member.rows);
        let mut rows: Vec<Trial> = rows.cloned().collect();
        rows.sort_by_key(|row| row.position);
        self.append(&rows)?;
        for member in &members {
            let summary = member.summary(around)?;
            let done = self.environment.trials_done;
            around.progress.end(done, &summary);
            let misses = self.misses.entry(summary.subject.clone()).or_default();
            *misses = if member.was_ready() { 0 } else { *misses + 1 };
            if *misses == MISSES {
                let line = format!("{} takes no further part in this run", summary.subject);
                around.progress.line(&line);
            }
        }
        Ok(rows)
    }

    /// Records that a trial is not made.
    fn skip(&mut self, job: &Job<'_>, why: &str) -> anyhow::Result<()> {
        let subject = self.bench.subject(&job.planned.subject)?;
        self.append(&[Trial {
            status: Status::Skipped,
            failure: format!("not made: {why}"),
            ..blank(job, subject, SystemTime::now())
        }])
    }

    /// Appends rows that belong together.
    fn append(&mut self, rows: &[Trial]) -> anyhow::Result<()> {
        self.writer.append(rows)?;
        self.rows.extend_from_slice(rows);
        self.all_right &= rows.iter().all(Trial::is_right);
        let made = rows.iter().filter(|row| row.status != Status::Skipped);
        self.environment.trials_done += made.count() as u64;
        self.environment.write(&self.folder.environment())?;
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
        if self.plan.capacity.is_some() {
            self.environment.trials_planned = self.environment.trials_done;
        }
        let text = failure.as_ref().map(|error| format!("{error:#}"));
        self.environment.failure = text.unwrap_or_default();
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
