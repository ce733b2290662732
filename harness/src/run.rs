//! The run: builds and starts what is measured, puts load on it trial by trial, reads what it cost,
//! and records it.

mod ask;
pub mod backends;
pub mod build;
mod capacity;
mod count;
pub mod discover;
mod environment;
pub mod process;
mod processes;
pub mod profile;
pub mod progress;
pub mod resume;
mod row;
pub mod samples;
pub mod setup;
pub mod target;
pub mod testbed;
pub mod trial;
mod trial_order;
pub mod usage;
pub mod warnings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use self::environment::{environment, folder_name, now};
use self::progress::{Progress, expected};
use self::resume::Begun;
use self::row::blank;
use self::testbed::Testbed;
use self::trial::{Calls, Found, Job};
use self::trial_order::slots;
use crate::config::bounds::Bounds;
use crate::config::capacity::CapacityBound;
use crate::config::experiment::Experiment;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::results::environment::{Environment, State};
use crate::results::folder::{Kept, RunFolder};
use crate::results::trial::{Status, Trial, TrialWriter, read_trials};
use crate::results::trial_order::PlannedTrial;
use crate::results::{self, histogram};

/// What is to be run.
#[derive(Debug)]
pub struct Questions {
    /// Suites with the run's settings, by name.
    pub suites: BTreeMap<String, Suite>,
    /// What the run is made for, where it is made for marks.
    pub marks: Option<Bounds>,
    /// What the run is made for, where it is made for experiments, by name.
    pub levers: BTreeMap<String, Experiment>,
    /// Who is measured next to each other, in a suite of its own name. Without any, every subject
    /// is measured in every suite.
    pub groups: Vec<Vec<String>>,
    /// A search for the highest rate within this bound, in the place of trials that are all alike.
    pub capacity: Option<CapacityBound>,
    /// Seed of the order of the subjects.
    pub seed: u64,
    /// The folder that run folders are made in.
    pub results: PathBuf,
    /// The command line, for the record.
    pub command: Vec<String>,
}

/// So many failures to get ready in a row, and a subject is not started again in this run.
const MISSES: u32 = 2;

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    /// Where it was recorded.
    pub folder: RunFolder,
    /// Whether all trials were made.
    pub state: State,
    /// Whether nothing went wrong in any trial.
    pub all_right: bool,
    /// What ended the run early, other than a signal.
    pub failure: Option<anyhow::Error>,
}

/// A run that is being made.
struct Run<'a> {
    bench: &'a Testbed,
    questions: &'a Questions,
    calls: &'a BTreeMap<&'a str, Calls>,
    folder: RunFolder,
    environment: Environment,
    rows: TrialWriter,
    /// Trials that need not be made any more.
    made: BTreeSet<PlannedTrial>,
    all_right: bool,
    /// The subject whose trial has changed its store.
    changed: Option<&'a str>,
}

/// Makes a run over a bench whose services are up, and records it. What ends it early after it has
/// begun (a service that dies, a disk that is full) is in [`Done::failure`], and in the folder.
///
/// # Errors
/// When the run cannot begin: a suite's templates do not fit, or nothing can be recorded.
pub fn run(bench: &Testbed, questions: &Questions, interrupt: &Interrupt) -> anyhow::Result<Done> {
    let calls = calls(bench, questions)?;
    let slots = slots(bench, questions)?;
    let environment = environment(bench, questions, slots.len())?;
    let folder = RunFolder::create(&questions.results, &folder_name(&environment))?;
    environment.write(&folder.environment())?;
    let kept = Kept {
        subjects: &bench.effective()?,
        templates: bench.subjects(),
        suites: &questions.suites,
        marks: questions.marks.as_ref(),
        levers: &questions.levers,
    };
    folder.write_definitions(&kept)?;
    results::trial_order::write(&folder.order(), &slots)?;
    let run = Run {
        bench,
        questions,
        calls: &calls,
        rows: TrialWriter::create(&folder.trials())?,
        folder,
        environment,
        made: BTreeSet::new(),
        all_right: true,
        changed: None,
    };
    match questions.capacity {
        Some(bound) => run.search(bound, &slots, interrupt),
        None => run.make(&slots, interrupt),
    }
}

/// Makes the trials that a run lacks, over a bench that [`Begun::check`] has nothing against.
///
/// # Errors
/// As [`run`]; and when somebody else makes the run just now.
pub fn resume(
    bench: &Testbed,
    questions: &Questions,
    mut begun: Begun,
    interrupt: &Interrupt,
) -> anyhow::Result<Done> {
    let calls = calls(bench, questions)?;
    let rows = TrialWriter::reopen(&begun.folder.trials())?;
    // Nobody else writes them from here on.
    begun.trials = read_trials(&begun.folder.trials())?;
    let run = Run {
        bench,
        questions,
        calls: &calls,
        rows,
        made: begun.made(),
        all_right: begun.trials.iter().all(Trial::is_right),
        environment: begun.environment_again(),
        folder: begun.folder,
        changed: None,
    };
    run.environment.write(&run.folder.environment())?;
    run.make(&begun.slots, interrupt)
}

/// The prepared calls of all suites.
fn calls<'q>(
    bench: &Testbed,
    questions: &'q Questions,
) -> anyhow::Result<BTreeMap<&'q str, Calls>> {
    let prepared = questions.suites.iter().map(|(name, suite)| {
        let calls = Calls::prepare(suite, &bench.service_urls())
            .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
        Ok((name.as_str(), calls))
    });
    prepared.collect()
}

impl<'a> Run<'a> {
    /// Makes the trials that are not made yet, and records how that ended.
    fn make(mut self, slots: &'a [PlannedTrial], interrupt: &Interrupt) -> anyhow::Result<Done> {
        let made = self.all_trials(slots, interrupt);
        self.close(made, interrupt)
    }

    fn all_trials(
        &mut self,
        slots: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        // One that is made already takes no time.
        let length = |slot: &PlannedTrial| match self.questions.suites.get(&slot.suite) {
            Some(suite) if !self.made.contains(slot) => expected(suite),
            _ => Duration::ZERO,
        };
        let lengths: Vec<Duration> = slots.iter().map(length).collect();
        let progress = Progress::new(slots.len(), lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let mut unready: BTreeMap<&str, u32> = BTreeMap::new();
        let mut done = Duration::ZERO;
        for (index, (slot, length)) in slots.iter().zip(&lengths).enumerate() {
            if interrupt.is_set() {
                break;
            }
            if self.made.contains(slot) {
                continue;
            }
            let missed = unready.entry(&slot.subject).or_default();
            if *missed >= MISSES {
                self.skip(index, slot)?;
            } else if self.trial(index, slot, done, &progress, interrupt)? {
                *missed = 0;
            } else {
                *missed += 1;
                if *missed == MISSES {
                    progress.line(&format!(
                        "{} takes no further part in this run",
                        slot.subject
                    ));
                }
            }
            done += *length;
        }
        progress.finish();
        Ok(())
    }

    /// The trial of a slot.
    fn job(&self, index: usize, slot: &'a PlannedTrial) -> anyhow::Result<Job<'a>> {
        let programs = &self.environment.programs;
        Ok(Job {
            suite_name: &slot.suite,
            suite: self
                .questions
                .suites
                .get(&slot.suite)
                .context("a suite of the order is missing")?,
            calls: self
                .calls
                .get(slot.suite.as_str())
                .context("the calls of a suite are missing")?,
            subject_name: &slot.subject,
            trial: slot.trial,
            position: u32::try_from(index + 1).unwrap_or(u32::MAX),
            binary_bytes: programs.get(&slot.subject).map(|program| program.bytes),
        })
    }

    /// Makes and records one trial; false when the subject did not get ready.
    fn trial(
        &mut self,
        index: usize,
        slot: &'a PlannedTrial,
        done: Duration,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> anyhow::Result<bool> {
        self.bench.check_services()?;
        let job = self.job(index, slot)?;
        progress.begin(&job, done);
        self.reset_changed(job.suite, &slot.subject, interrupt)?;
        let found = trial::run(self.bench, &job, progress, interrupt)?;
        if interrupt.is_set() {
            // Cut short: what was found is not a trial.
            return Ok(true);
        }
        self.bench.check_services()?;
        self.record(&found)?;
        progress.end(&found.trial);
        Ok(found.trial.status != Status::NotReady)
    }

    /// Records that a trial is not made.
    fn skip(&mut self, index: usize, slot: &'a PlannedTrial) -> anyhow::Result<()> {
        let subject = self.bench.subject(&slot.subject)?;
        let row = Trial {
            status: Status::Skipped,
            failure: format!("not made: it did not get ready {MISSES} times in a row"),
            ..blank(&self.job(index, slot)?, subject, SystemTime::now())
        };
        self.rows.append(&row)?;
        self.all_right = false;
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
        if let Some(recorded) = &found.histogram {
            let path = self.folder.root().join(&found.trial.histogram);
            histogram::write(&path, recorded, found.started, found.length)?;
        }
        if !found.trial.samples.is_empty() {
            results::samples::write(
                &self.folder.root().join(&found.trial.samples),
                &found.samples,
            )?;
        }
        self.rows.append(&found.trial)?;
        self.all_right &= found.trial.is_right();
        self.environment.trials_done += 1;
        self.environment.write(&self.folder.environment())?;
        Ok(())
    }
}
