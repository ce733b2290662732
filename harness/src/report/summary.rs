//! From rows and histograms to what a report says: medians over trials, percentiles from merged
//! histograms, ranks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rank::{Figure, Row, rank};
use crate::format::FormatError;
use crate::format::environment::Environment;
use crate::format::folder::RunFolder;
use crate::format::histogram::{self, percentile_us};
use crate::format::suite::Suite;
use crate::format::trial::{Status, Trial, read_trials};
use crate::format::warning::{Validity, Warning};

/// All that a report says.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the folder.
    pub run: String,
    /// On what and how it was made, and whether it came to its end.
    pub environment: Environment,
    /// A table for each suite that has trials.
    pub suites: Vec<SuiteTable>,
    /// Doubts about figures, with the trials that have them.
    pub warnings: Vec<Doubt>,
}

/// One suite.
#[derive(Debug, Serialize)]
pub struct SuiteTable {
    /// Its name.
    pub suite: String,
    /// Its definition, with the settings of the run.
    pub definition: Suite,
    /// What the ranks go by.
    pub ranked_by: Figure,
    /// Ranked subjects, the best first, and behind them those that cannot be ranked.
    pub servers: Vec<Row>,
    /// Floors.
    pub floors: Vec<Row>,
    /// What went wrong, trial by trial.
    pub failures: Vec<Failure>,
}

/// Something that went wrong.
#[derive(Debug, Serialize)]
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
pub struct Doubt {
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
        let trials = read_trials(&folder.trials())?;
        let mut by_suite: BTreeMap<&str, Vec<&Trial>> = BTreeMap::new();
        for trial in &trials {
            by_suite.entry(&trial.suite).or_default().push(trial);
        }
        let suites = by_suite
            .into_iter()
            .map(|(name, trials)| suite_table(folder, name, &trials))
            .collect::<Result<_, _>>()?;
        let doubt = |warning: Warning| Doubt {
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
            suites,
            warnings: Warning::ALL
                .into_iter()
                .map(doubt)
                .filter(|doubt| doubt.trials > 0)
                .collect(),
        })
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
    let ranked_by = rank(&mut servers);
    let failures = trials
        .iter()
        .filter(|trial| !trial.failure.is_empty())
        .map(|trial| Failure {
            subject: trial.subject.clone(),
            trial: trial.trial,
            status: trial.status,
            text: trial.failure.clone(),
        });
    Ok(SuiteTable {
        suite: name.to_owned(),
        definition: folder.read_suite(name)?,
        ranked_by,
        servers,
        floors,
        failures: failures.collect(),
    })
}

/// The middle value; of an even number the mean of the two in the middle.
#[must_use]
pub fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let high = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(high);
    }
    let low = *values.get(values.len() / 2 - 1)?;
    Some(low.midpoint(high))
}

fn row(folder: &RunFolder, subject: &str, trials: &[&Trial]) -> Result<Row, FormatError> {
    let measured: Vec<&Trial> = trials
        .iter()
        .copied()
        .filter(|trial| trial.status == Status::Measured && trial.calls > 0)
        .collect();
    let values = |figure: fn(&Trial) -> Option<u64>| -> Vec<u64> {
        measured.iter().filter_map(|t| figure(t)).collect()
    };
    let histograms = measured
        .iter()
        .map(|trial| histogram::read(&folder.root().join(&trial.histogram)))
        .collect::<Result<Vec<_>, _>>()?;
    let merged = histogram::merge(&histograms)
        .map_err(|message| FormatError::invalid(folder.root(), message))?;
    let validities: Vec<Validity> = measured.iter().map(|trial| trial.validity()).collect();
    let rates = values(|trial| trial.calls_per_s);
    let cpu = values(|trial| trial.server_cpu_ns_per_call);
    Ok(Row {
        subject: subject.to_owned(),
        rank: None,
        trials_measured: measured.len(),
        trials_made: trials.len(),
        calls_per_s_min: rates.iter().copied().min(),
        calls_per_s_max: rates.iter().copied().max(),
        calls_per_s: median(rates),
        p50_us: percentile_us(&merged, 50.0),
        p99_us: percentile_us(&merged, 99.0),
        p99_9_us: percentile_us(&merged, 99.9),
        server_cpu_ns_per_call_min: cpu.iter().copied().min(),
        server_cpu_ns_per_call_max: cpu.iter().copied().max(),
        server_cpu_ns_per_call: median(cpu),
        ratio_to_best_milli: None,
        calls_per_s_per_cpu_percent_milli: median(values(|trial| {
            trial.calls_per_s_per_cpu_percent_milli
        })),
        calls_per_s_per_mb_milli: median(values(|trial| trial.calls_per_s_per_mb_milli)),
        rss_peak_bytes: values(|trial| trial.rss_peak_bytes).into_iter().max(),
        startup_us: median(values(|trial| trial.startup_us)),
        errors: trials.iter().map(|trial| trial.errors).sum(),
        rate_holds: !validities.is_empty() && validities.iter().all(|validity| validity.rate),
        cpu_holds: !validities.is_empty() && validities.iter().all(|validity| validity.cpu),
    })
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn medians_of_odd_even_and_none() {
        assert_eq!(median(vec![9, 1, 5]), Some(5));
        assert_eq!(median(vec![1, 4]), Some(2));
        assert_eq!(median(Vec::new()), None);
    }
}
