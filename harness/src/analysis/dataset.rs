//! A recorded run, opened for comparisons: what each subject's figures are in each suite, and the trials that they rest
//! on. What is compared with what, and whether it may be, is for others to say.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::Figures;
use crate::config::FormatError;
use crate::config::bounds::Figure;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::results::environment::Environment;
use crate::results::folder::RunFolder;
use crate::results::histogram;
use crate::results::trial::{Trial, read_trials};
use crate::stats::{Better, Design, Interval, LEAST_TRIALS, Ratio, Resampled, Sample, outliers};

/// A recorded run.
#[derive(Debug)]
pub struct Dataset {
    /// Name of the folder.
    pub run: String,
    /// On what and how it was made.
    pub environment: Environment,
    /// All rows.
    pub trials: Vec<Trial>,
    /// The suites that have rows, as they were asked.
    pub suites: BTreeMap<String, Suite>,
    /// The subjects as they were started.
    pub subjects: Subjects,
    folder: RunFolder,
}

/// One figure of one subject in one suite.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The figure; nothing when a trial went wrong, an answer was wrong, or there is no such figure.
    pub value: Option<f64>,
    /// The figure of each trial that it is taken from.
    pub samples: Vec<Sample>,
    /// Whether there are trials in which it holds.
    pub holds: bool,
}

impl Dataset {
    /// Reads a run.
    ///
    /// # Errors
    /// [`FormatError`] when a file of the folder is missing or damaged.
    pub fn read(folder: RunFolder) -> Result<Self, FormatError> {
        let trials = read_trials(&folder.trials())?;
        let names: BTreeSet<&String> = trials.iter().map(|trial| &trial.suite).collect();
        let suite = |name: &String| Ok((name.clone(), folder.read_suite(name)?));
        let suites = names
            .into_iter()
            .map(suite)
            .collect::<Result<_, FormatError>>()?;
        let name = folder.root().file_name().unwrap_or_default();
        Ok(Self {
            run: name.to_string_lossy().into_owned(),
            environment: Environment::read(&folder.environment())?,
            subjects: folder.read_subjects()?,
            trials,
            suites,
            folder,
        })
    }

    /// The subjects that have rows in a suite.
    #[must_use]
    pub fn subjects_in(&self, suite: &str) -> BTreeSet<&str> {
        let rows = self.trials.iter().filter(|trial| trial.suite == suite);
        rows.map(|trial| trial.subject.as_str()).collect()
    }

    /// The rows of a subject in a suite.
    pub fn rows<'a>(&'a self, suite: &'a str, subject: &'a str) -> impl Iterator<Item = &'a Trial> {
        let is_meant = move |trial: &&Trial| trial.suite == suite && trial.subject == subject;
        self.trials.iter().filter(is_meant)
    }

    /// A figure of a subject in a suite. Latencies are of the merged histograms; those of their trials are the trials' own.
    ///
    /// # Errors
    /// [`FormatError`] when a histogram is missing or damaged.
    pub fn reading(
        &self,
        figure: Figure,
        suite: &str,
        subject: &str,
    ) -> Result<Reading, FormatError> {
        let found = Figures::of(figure, subject, suite, &self.trials);
        let sample = |(trial, value): &(u32, f64)| Sample::of_trial(*trial, *value);
        let samples: Vec<Sample> = found.by_trial.iter().map(sample).collect();
        let value = match (found.middle, percentile(figure)) {
            (Some(_), Some(percentile)) => self.merged(suite, subject, &samples, percentile)?,
            (middle, _) => middle,
        };
        Ok(Reading {
            value,
            samples,
            holds: found.holds,
        })
    }

    /// A percentile of the merged histograms of these trials, in milliseconds.
    fn merged(
        &self,
        suite: &str,
        subject: &str,
        samples: &[Sample],
        percentile: f64,
    ) -> Result<Option<f64>, FormatError> {
        let is_taken = |trial: &&Trial| samples.iter().any(|one| one.round == trial.trial);
        let trials = self.rows(suite, subject).filter(is_taken);
        let parts = trials
            .map(|trial| histogram::read(&self.folder.root().join(&trial.histogram)))
            .collect::<Result<Vec<_>, _>>()?;
        let merged = histogram::merge(&parts)
            .map_err(|message| FormatError::invalid(self.folder.root(), message))?;
        let ns = (!merged.is_empty()).then(|| merged.value_at_percentile(percentile));
        Ok(ns.map(|ns| ns as f64 / 1e6))
    }
}

/// The percentile that a figure is, where it is one.
fn percentile(figure: Figure) -> Option<f64> {
    match figure {
        Figure::P50Ms => Some(50.0),
        Figure::P99Ms => Some(99.0),
        _ => None,
    }
}

/// Which way a figure is better.
#[must_use]
pub fn better(figure: Figure) -> Better {
    if figure.more_is_better() {
        Better::More
    } else {
        Better::Less
    }
}

impl Reading {
    /// Why nothing can be said about this figure, if so.
    #[must_use]
    pub fn doubt(&self) -> Option<String> {
        if self.value.is_none() {
            Some("a trial went wrong, or has no such figure".to_owned())
        } else if !self.holds {
            Some("the figure holds in no trial (see the warnings of the run's report)".to_owned())
        } else if self.samples.len() < LEAST_TRIALS {
            let count = self.samples.len();
            Some(format!(
                "it holds in {count} trials only, a verdict needs {LEAST_TRIALS}"
            ))
        } else {
            None
        }
    }

    /// The ratio to another one with its interval; none when one of the two has no value. A ratio of percentiles is that of
    /// the merged histograms, and its interval that of the trials' own percentiles, widened to hold it.
    #[must_use]
    pub fn over(&self, other: &Self, design: Design) -> Option<Ratio> {
        let (of, against) = self.value.zip(other.value)?;
        let by_trial = Resampled::new(&self.samples, &other.samples, design)?.ratio();
        let point = of / against;
        Some(Ratio {
            point,
            interval: by_trial.interval.map(|ends| Interval {
                low: ends.low.min(point),
                high: ends.high.max(point),
            }),
            trials: by_trial.trials,
        })
    }

    /// How many trials lie far from the others.
    #[must_use]
    pub fn outliers(&self) -> usize {
        let values: Vec<f64> = self.samples.iter().map(|one| one.value).collect();
        outliers(&values).len()
    }
}
