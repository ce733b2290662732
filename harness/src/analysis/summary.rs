//! From rows and histograms to what a report says: medians over trials, percentiles from merged
//! histograms, ranks.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::bounds::{self, Judged};
use super::capacity::{Capacity, capacities};
use super::experiments::{self, Weighed};
use super::few_trials::few_trials;
use super::rank::{Figure, Row, rank};
use super::requests::Requests;
use super::sweep::Iteration;
use super::targets::{Held, hold};
use super::validity::{Valid, measured, values};
use crate::config::FormatError;
use crate::config::suite::Suite;
use crate::results::environment::Environment;
use crate::results::folder::RunFolder;
use crate::results::histogram::{self, percentile_us};
use crate::results::trial::{Status, Trial, read_trials};
use crate::results::warning::Warning;
use crate::stats::{Sample, median, outliers};

/// All that a report says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Name of the folder.
    pub run: String,
    /// On what and how it was made, and whether it came to its end.
    pub environment: Environment,
    /// Marks, where the run was made for some.
    pub marks: Vec<Judged>,
    /// Experiments, where the run was made for some.
    pub levers: Vec<Weighed>,
    /// Capacities, where the run searched for them.
    pub capacities: Vec<Capacity>,
    /// What readers of a subject's rows have to know, by its name.
    pub notes: BTreeMap<String, String>,
    /// A table for each suite that has trials.
    pub suites: Vec<SuiteTable>,
    /// Doubts about figures, with the trials that have them.
    pub warnings: Vec<WarningCount>,
}

/// One suite.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SuiteTable {
    /// Its name.
    pub suite: String,
    /// Its definition, with the settings of the run.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    pub definition: Suite,
    /// What the ranks go by.
    pub ranked_by: Figure,
    /// Ranked subjects, the best first, and behind them those that cannot be ranked.
    pub servers: Vec<Row>,
    /// Floors.
    pub floors: Vec<Row>,
    /// What is promised of the servers, and what they did.
    pub targets: Vec<Held>,
    /// What went wrong, trial by trial.
    pub failures: Vec<Failure>,
}

/// Something that went wrong.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// The subject.
    pub subject: String,
    /// The trial, from 1.
    pub trial: u32,
    /// How the trial ended.
    pub status: Status,
    /// What was seen.
    pub text: String,
}

/// A warning, and the trials that have it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Doubt"))]
pub struct WarningCount {
    /// The warning.
    pub warning: Warning,
    /// Trials that have it.
    pub trials: usize,
    /// Trials of the run.
    pub of: usize,
}

impl Report {
    /// Reads a recorded run.
    ///
    /// # Errors
    /// [`FormatError`] when a file of the folder is missing or damaged.
    pub fn read(folder: &RunFolder) -> Result<Self, FormatError> {
        let environment = Environment::read(&folder.environment())?;
        let bound = environment.capacity;
        let trials = read_trials(&folder.trials())?;
        let mut by_suite: BTreeMap<&str, Vec<&Trial>> = BTreeMap::new();
        for trial in &trials {
            by_suite.entry(&trial.suite).or_default().push(trial);
        }
        let suites = by_suite
            .into_iter()
            .map(|(name, trials)| suite_table(folder, name, &trials))
            .collect::<Result<Vec<_>, _>>()?;
        let few_trials = few_trials(&suites, trials.len());
        let marks = folder.read_marks()?;
        let capacities = bound.map_or_else(Vec::new, |bound| capacities(bound, &trials));
        let subjects = folder.read_subjects()?.subject.into_iter();
        let doubt = |warning: Warning| WarningCount {
            warning,
            trials: trials
                .iter()
                .filter(|trial| trial.warnings().contains(&warning))
                .count(),
            of: trials.len(),
        };
        Ok(Self {
            run: folder
                .root()
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            environment,
            marks: marks.map_or_else(Vec::new, |marks| bounds::judge(&marks, &trials)),
            capacities,
            levers: experiments::weigh(&folder.read_levers()?, &trials),
            notes: subjects
                .filter_map(|(name, subject)| Some((name, subject.note?)))
                .collect(),
            suites,
            warnings: Warning::ALL
                .into_iter()
                .map(doubt)
                .filter(|doubt| doubt.trials > 0)
                .chain(few_trials)
                .collect(),
        })
    }

    /// The targets of all suites.
    pub fn targets(&self) -> impl Iterator<Item = &Held> {
        self.suites.iter().flat_map(|table| &table.targets)
    }
}

fn suite_table(
    folder: &RunFolder,
    name: &str,
    trials: &[&Trial],
) -> Result<SuiteTable, FormatError> {
    let mut by_subject: BTreeMap<&str, Vec<&Trial>> = BTreeMap::new();
    for trial in trials {
        by_subject.entry(&trial.subject).or_default().push(trial);
    }
    let (mut servers, mut floors) = (Vec::new(), Vec::new());
    for (subject, trials) in by_subject {
        let row = row(folder, subject, &trials)?;
        let is_floor = trials.first().is_some_and(|trial| trial.role == "floor");
        if is_floor {
            floors.push(row);
        } else {
            servers.push(row);
        }
    }
    let definition = folder.read_suite(name)?;
    let ranked_by = rank(&mut servers, definition.load.rate_per_s.is_some());
    let promised = definition.targets.iter();
    let held = promised.flat_map(|targets| servers.iter().flat_map(|row| hold(name, targets, row)));
    let targets: Vec<Held> = held.collect();
    let failures = trials
        .iter()
        .filter(|trial| !trial.failure.is_empty() && trial.status != Status::Skipped)
        .map(|trial| Failure {
            subject: trial.subject.clone(),
            trial: trial.trial,
            status: trial.status,
            text: trial.failure.clone(),
        });
    Ok(SuiteTable {
        suite: name.to_owned(),
        definition,
        ranked_by,
        servers,
        floors,
        targets,
        failures: failures.collect(),
    })
}

fn row(folder: &RunFolder, subject: &str, trials: &[&Trial]) -> Result<Row, FormatError> {
    let measured = measured(trials);
    let rate = Valid::of(&measured, |validity| validity.rate);
    let cpu = Valid::of(&measured, |validity| validity.cpu);
    let latency = latency(folder, &rate.trials)?;
    let rates = values(&rate.trials, |trial| trial.calls_per_s);
    let cpu_times = values(&cpu.trials, |trial| trial.server_cpu_ns_per_call);
    let rate_samples = samples(&rate.trials, |trial| trial.calls_per_s);
    let cpu_samples = samples(&cpu.trials, |trial| trial.server_cpu_ns_per_call);
    // Of a server that somebody else has started nothing is known.
    let has_cpu = !cpu_times.is_empty();
    let skipped = (trials.iter()).filter(|trial| trial.status == Status::Skipped);
    let label = |read: fn(&Trial) -> &String| trials.first().map(|trial| read(trial).clone());
    let label = |read| label(read).unwrap_or_default();
    let sum = |figure: fn(&Trial) -> u64| trials.iter().map(|trial| figure(trial)).sum();
    Ok(Row {
        subject: subject.to_owned(),
        fast_path: label(|trial| &trial.fast_path),
        wire: label(|trial| &trial.wire),
        rank: None,
        trials_measured: measured.len(),
        trials_made: trials.len(),
        trials_skipped: skipped.count(),
        trials_rate_holds: rate.holding,
        trials_cpu_holds: cpu.holding,
        is_tied: false,
        outliers: far(&[&rate_samples, &cpu_samples]),
        calls: sum(|trial| trial.calls),
        calls_per_s_min: rates.iter().copied().min(),
        calls_per_s_max: rates.iter().copied().max(),
        calls_per_s: median(rates),
        p50_us: percentile_us(&latency, 50.0),
        p99_us: percentile_us(&latency, 99.0),
        p99_9_us: percentile_us(&latency, 99.9),
        server_cpu_ns_per_call_min: cpu_times.iter().copied().min(),
        server_cpu_ns_per_call_max: cpu_times.iter().copied().max(),
        server_cpu_ns_per_call: median(cpu_times),
        ratio_to_best_milli: None,
        calls_per_s_per_cpu_percent_milli: median(values(&cpu.trials, |trial| {
            trial.calls_per_s_per_cpu_percent_milli
        })),
        calls_per_s_per_mb_milli: median(values(&rate.trials, |trial| {
            trial.calls_per_s_per_mb_milli
        })),
        rss_peak_bytes: values(&measured, |trial| trial.rss_peak_bytes)
            .into_iter()
            .max(),
        startup_us: median(values(&measured, |trial| trial.startup_us)),
        requests: Requests::of(&rate.trials),
        iteration: Iteration::of(&rate.trials),
        errors: sum(|trial| trial.errors),
        errors_around: sum(Trial::errors_around),
        exits_unclean: sum(|trial| trial.exit_unclean),
        rate_holds: rate.holding > 0,
        cpu_holds: cpu.holding > 0 && has_cpu,
        rates: rate_samples,
        cpu_times: cpu_samples,
    })
}

/// A figure of each of these trials that has it, with its round.
fn samples(trials: &[&Trial], figure: fn(&Trial) -> Option<u64>) -> Vec<Sample> {
    let sample = |trial: &&Trial| Some(Sample::of_trial(trial.trial, figure(trial)? as f64));
    trials.iter().filter_map(sample).collect()
}

/// The rounds in which one of these figures lies far from the others.
fn far(figures: &[&[Sample]]) -> Vec<u32> {
    let of_one = |samples: &&[Sample]| {
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let rounds = outliers(&values).into_iter();
        rounds
            .filter_map(|place| samples.get(place).map(|sample| sample.round))
            .collect::<Vec<_>>()
    };
    let rounds: BTreeSet<u32> = figures.iter().flat_map(of_one).collect();
    rounds.into_iter().collect()
}

/// The latencies of several trials, in nanoseconds.
fn latency(folder: &RunFolder, trials: &[&Trial]) -> Result<Histogram<u64>, FormatError> {
    let histograms = trials
        .iter()
        .map(|trial| histogram::read(&folder.root().join(&trial.histogram)))
        .collect::<Result<Vec<_>, _>>()?;
    histogram::merge(&histograms).map_err(|message| FormatError::invalid(folder.root(), message))
}
