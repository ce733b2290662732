//! A whole run: every subject in every suite, trial by trial, recorded as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;

use super::bench::Bench;
use super::order::{Slot, order};
use super::progress::{Progress, expected};
use super::trial::{self, Found, Job};
use crate::format::environment::{Environment, Program, State};
use crate::format::folder::RunFolder;
use crate::format::histogram;
use crate::format::subjects::Role;
use crate::format::suite::Suite;
use crate::format::trial::{Status, TrialWriter};
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::machine::facts;

/// What is to be run.
#[derive(Debug)]
pub struct Questions {
    /// Suites with the run's settings, by name.
    pub suites: BTreeMap<String, Suite>,
    /// Seed of the order of the subjects.
    pub seed: u64,
    /// The folder that run folders are made in.
    pub results: PathBuf,
    /// The command line, for the record.
    pub command: Vec<String>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    /// Where it was recorded.
    pub folder: RunFolder,
    /// Whether all trials were made.
    pub state: State,
    /// Whether all calls of all trials were answered right.
    pub all_right: bool,
}

struct Run<'a> {
    bench: &'a Bench,
    questions: &'a Questions,
    exchanges: BTreeMap<&'a str, Vec<Exchange>>,
    folder: RunFolder,
    environment: Environment,
    rows: TrialWriter,
    all_right: bool,
}

/// Makes a run over a bench whose services are up, and records it.
///
/// # Errors
/// When the run cannot be recorded, a suite's templates do not fit, or a service has died. The
/// folder then says `failed`.
pub fn run(bench: &Bench, questions: &Questions, interrupt: &Interrupt) -> anyhow::Result<Done> {
    let mut exchanges = BTreeMap::new();
    for (name, suite) in &questions.suites {
        let prepared = suite
            .exchanges(&bench.service_urls())
            .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
        exchanges.insert(name.as_str(), prepared);
    }
    let of_role = |role| -> Vec<String> {
        let subjects = bench.subjects().subject.iter();
        subjects
            .filter(|(_, subject)| subject.role == role)
            .map(|(name, _)| name.clone())
            .collect()
    };
    let slots = order(
        &questions.suites,
        &of_role(Role::Server),
        &of_role(Role::Floor),
        questions.seed,
    );
    anyhow::ensure!(
        !slots.is_empty(),
        "nothing to measure: the chosen subjects are floors, which take part only in suites with answer_bytes"
    );
    let environment = environment(bench, questions, slots.len())?;
    let folder = RunFolder::create(&questions.results, &folder_name(&environment))?;
    environment.write(&folder.environment())?;
    folder.write_definitions(&bench.effective()?, &questions.suites)?;
    let rows = TrialWriter::create(&folder.trials())?;
    let mut run = Run {
        bench,
        questions,
        exchanges,
        folder,
        environment,
        rows,
        all_right: true,
    };
    let made = run.all_trials(&slots, interrupt);
    run.environment.state = match &made {
        Err(_) => State::Failed,
        Ok(()) if interrupt.is_set() => State::Interrupted,
        Ok(()) => State::Complete,
    };
    run.environment.failure = made
        .as_ref()
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default();
    run.environment.ended = now();
    run.environment.write(&run.folder.environment())?;
    made.map(|()| Done {
        folder: run.folder,
        state: run.environment.state,
        all_right: run.all_right,
    })
}

impl Run<'_> {
    fn all_trials(&mut self, slots: &[Slot], interrupt: &Interrupt) -> anyhow::Result<()> {
        let suite = |slot: &Slot| self.questions.suites.get(&slot.suite);
        let lengths: Vec<Duration> = slots
            .iter()
            .map(|slot| suite(slot).map(expected).unwrap_or_default())
            .collect();
        let progress = Progress::new(slots.len(), lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let mut out = BTreeSet::new();
        let mut done = Duration::ZERO;
        for (index, (slot, length)) in slots.iter().zip(&lengths).enumerate() {
            if interrupt.is_set() {
                break;
            }
            if !out.contains(&slot.subject)
                && !self.trial(index, slot, done, &progress, interrupt)?
            {
                progress.line(&format!(
                    "{} takes no further part in this run",
                    slot.subject
                ));
                out.insert(slot.subject.clone());
            }
            done += *length;
        }
        progress.finish();
        Ok(())
    }

    /// Makes and records one trial; false when the subject cannot even be started.
    fn trial(
        &mut self,
        index: usize,
        slot: &Slot,
        done: Duration,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> anyhow::Result<bool> {
        self.bench.check_services()?;
        let suite = self
            .questions
            .suites
            .get(&slot.suite)
            .context("a suite of the order is missing")?;
        let job = Job {
            suite_name: &slot.suite,
            suite,
            exchanges: self
                .exchanges
                .get(slot.suite.as_str())
                .map_or(&[], Vec::as_slice),
            subject_name: &slot.subject,
            trial: slot.trial,
            position: u32::try_from(index + 1).unwrap_or(u32::MAX),
            binary_bytes: self
                .environment
                .programs
                .get(&slot.subject)
                .map(|program| program.bytes),
        };
        progress.begin(&job, done);
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

    fn record(&mut self, found: &Found) -> anyhow::Result<()> {
        if let Some(recorded) = &found.histogram {
            let path = self.folder.root().join(&found.trial.histogram);
            histogram::write(&path, recorded, found.started, found.length)?;
        }
        self.rows.append(&found.trial)?;
        self.all_right &= found.trial.status == Status::Measured
            && found.trial.errors == 0
            && found.trial.calls > 0;
        self.environment.trials_done += 1;
        self.environment.write(&self.folder.environment())?;
        Ok(())
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `<date>-<host>-<rev>`, the date with the time, in UTC.
fn folder_name(environment: &Environment) -> String {
    let date: String = environment
        .started
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let rev = match environment.source.commit.as_str() {
        "" => "norev",
        commit => commit,
    };
    let dirty = if environment.source.dirty {
        "+dirty"
    } else {
        ""
    };
    format!("{date}-{}-{rev}{dirty}", environment.machine.host)
}

fn environment(bench: &Bench, questions: &Questions, trials: usize) -> anyhow::Result<Environment> {
    let setup = bench.setup();
    let programs = programs(&bench.programs()?, &setup.root);
    Ok(Environment {
        state: State::Running,
        failure: String::new(),
        trials_planned: trials as u64,
        trials_done: 0,
        started: now(),
        ended: String::new(),
        command: questions.command.clone(),
        harness_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: questions.seed,
        subjects: bench.subjects().subject.keys().cloned().collect(),
        suites: questions.suites.keys().cloned().collect(),
        server_cores: setup.layout.server.numbers().to_vec(),
        load_cores: setup.layout.load.numbers().to_vec(),
        profile: setup.profile.clone(),
        machine: bench.machine().clone(),
        source: facts::source(&setup.root),
        programs,
    })
}

/// Programs named by a path are looked up from the current folder; one found by `PATH` has no
/// entry.
fn programs(files: &BTreeMap<String, PathBuf>, root: &Path) -> BTreeMap<String, Program> {
    files
        .iter()
        .filter_map(|(name, path)| {
            Some((
                name.clone(),
                facts::program(path).or_else(|| facts::program(&root.join(path)))?,
            ))
        })
        .collect()
}
