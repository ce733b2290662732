//! A recorded run, opened for analysis: the one place where figures come from rows and histograms.
//!
//! What is compared with what, and whether it may be, is for other modules to say.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use hdrhistogram::Histogram;

use super::metric::{Aggregation, Metric};
use crate::config::FormatError;
use crate::config::subject::{Role, Subjects};
use crate::config::suite::Suite;
use crate::results::environment::Environment;
use crate::results::folder::RunFolder;
use crate::results::histogram;
use crate::results::trial::{Status, Trial, read_trials};
use crate::results::warning::Validity;
use crate::stats::{Bootstrap, Design, Fit, LEAST_TRIALS, Resampled, Sample, median_of, outliers};

/// What was computed once.
type Cache<K, V> = RefCell<BTreeMap<K, V>>;

/// A recorded run.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Name of the folder.
    pub(crate) run: String,
    /// On what and how it was made.
    pub(crate) environment: Environment,
    /// All rows.
    pub(crate) trials: Vec<Trial>,
    /// The suites that have rows, with the settings of the run.
    pub(crate) suites: BTreeMap<String, Suite>,
    /// The subjects as they were started.
    pub(crate) subjects: Subjects,
    pub(crate) folder: RunFolder,
    merged: Cache<(String, String), Rc<Histogram<u64>>>,
    fits: Cache<(Metric, String), Option<Rc<SuiteFit>>>,
}

/// One metric of one subject in one suite.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// The figure; nothing when no trial has it.
    pub(crate) value: Option<f64>,
    /// The readings of the trials that it is taken from.
    pub(crate) samples: Vec<Sample>,
    /// How far it holds.
    pub(crate) validity: Validity,
    /// Trials in which it holds, at least roughly.
    pub(crate) holding: usize,
    /// Whether nothing went wrong in any trial of the subject.
    pub(crate) is_right: bool,
}

/// The common fit of all subjects of a suite whose readings hold.
#[derive(Debug)]
pub(crate) struct SuiteFit {
    subjects: Vec<String>,
    pub(crate) fit: Fit,
}

impl Dataset {
    /// Reads a run.
    pub(crate) fn read(folder: RunFolder) -> Result<Self, FormatError> {
        let trials = read_trials(&folder.trials())?;
        let names: BTreeSet<&String> = trials.iter().map(|trial| &trial.suite).collect();
        let suite = |name: &String| Ok((name.clone(), folder.read_suite(name)?));
        let suites = names.into_iter().map(suite);
        let suites = suites.collect::<Result<_, FormatError>>()?;
        let name = folder.root().file_name().unwrap_or_default();
        Ok(Self {
            run: name.to_string_lossy().into_owned(),
            environment: Environment::read(&folder.environment())?,
            subjects: folder.read_subjects()?,
            trials,
            suites,
            folder,
            merged: RefCell::default(),
            fits: RefCell::default(),
        })
    }

    /// The subjects that have rows in a suite.
    pub(crate) fn subjects_in(&self, suite: &str) -> BTreeSet<&str> {
        let rows = self.trials.iter().filter(|trial| trial.suite == suite);
        rows.map(|trial| trial.subject.as_str()).collect()
    }

    /// The rows of a subject in a suite.
    pub(crate) fn rows<'a>(
        &'a self,
        suite: &'a str,
        subject: &'a str,
    ) -> impl Iterator<Item = &'a Trial> {
        let is_meant = move |trial: &&Trial| trial.suite == suite && trial.subject == subject;
        self.trials.iter().filter(is_meant)
    }

    pub(crate) fn is_floor(&self, subject: &str) -> bool {
        let definition = self.subjects.subject.get(subject);
        let has_row = || self.trials.iter().find(|trial| trial.subject == subject);
        definition.is_some_and(|one| one.role == Role::Floor)
            || has_row().is_some_and(|trial| trial.role == "floor")
    }

    /// A metric of a subject in a suite, over the trials in which it holds; if there are none, over
    /// all that were measured.
    pub(crate) fn figure(
        &self,
        metric: Metric,
        suite: &str,
        subject: &str,
    ) -> Result<Figure, FormatError> {
        let mut figure = self.readings(metric, suite, subject);
        let mut values: Vec<f64> = figure.samples.iter().map(|one| one.value).collect();
        figure.value = match metric.aggregation() {
            Aggregation::Median => median_of(&mut values),
            Aggregation::Most => values.into_iter().reduce(f64::max),
            Aggregation::Fit => {
                let fit = self.fit(metric, suite);
                let fitted = fit.and_then(|fit| fit.fit.figure(fit.place(subject)?));
                fitted.or_else(|| median_of(&mut values))
            }
            Aggregation::Percentile(percentile) => {
                let merged = self.merged(suite, subject)?;
                let ns = (!merged.is_empty()).then(|| merged.value_at_percentile(percentile));
                ns.map(|ns| ns as f64 / 1e6)
            }
        };
        Ok(figure)
    }

    /// The readings of the trials that a figure is taken from, without the figure.
    fn readings(&self, metric: Metric, suite: &str, subject: &str) -> Figure {
        let rows: Vec<&Trial> = self.rows(suite, subject).collect();
        let (trials, validity) = taken(metric, rows.iter().copied());
        let sample = |trial: &&Trial| {
            Some(Sample {
                // Runs before there were slices started a process for each trial.
                process: if trial.process == 0 {
                    trial.trial
                } else {
                    trial.process
                },
                round: trial.trial,
                value: metric.reading(trial)?,
            })
        };
        Figure {
            value: None,
            samples: trials.iter().filter_map(sample).collect(),
            validity,
            holding: if validity.is_usable() {
                trials.len()
            } else {
                0
            },
            is_right: !rows.is_empty() && rows.iter().all(|trial| trial.is_right()),
        }
    }

    /// The common fit of a metric in a suite; none with fewer than two subjects whose readings
    /// hold.
    pub(crate) fn fit(&self, metric: Metric, suite: &str) -> Option<Rc<SuiteFit>> {
        let key = (metric, suite.to_owned());
        if let Some(found) = self.fits.borrow().get(&key) {
            return found.clone();
        }
        let readings = |subject: &str| (subject.to_owned(), self.readings(metric, suite, subject));
        let all = self.subjects_in(suite).into_iter().map(readings);
        // Fewer readings may share no round with the others, or a single one.
        let is_fit = |one: &Figure| {
            one.is_right && one.validity.is_usable() && one.samples.len() >= LEAST_TRIALS
        };
        let (subjects, samples): (Vec<String>, Vec<Vec<Sample>>) = all
            .filter(|(_, one)| is_fit(one))
            .map(|(subject, one)| (subject, one.samples))
            .unzip();
        let samples: Vec<&[Sample]> = samples.iter().map(Vec::as_slice).collect();
        let fit = (samples.len() > 1).then(|| Fit::new(&samples)).flatten();
        let found = fit.map(|fit| Rc::new(SuiteFit { subjects, fit }));
        self.fits.borrow_mut().insert(key, found.clone());
        found
    }

    /// The first of each pair of subjects over the second, by the fit of all subjects of the suite.
    pub(crate) fn ratios(
        &self,
        metric: Metric,
        suite: &str,
        pairs: &[(&str, &str)],
    ) -> Vec<Option<Resampled>> {
        let fit = self.fit(metric, suite);
        let draws = fit.as_ref().map(|fit| (fit, Bootstrap::new(&fit.fit)));
        let ratio = |(of, against): &(&str, &str)| {
            let of_fit = draws
                .as_ref()
                .and_then(|(fit, draws)| draws.over(fit.place(of)?, fit.place(against)?));
            let of_two = || {
                let [of, against] = [of, against].map(|one| self.readings(metric, suite, one));
                Resampled::new(&of.samples, &against.samples, Design::SameRounds)
            };
            of_fit.or_else(of_two)
        };
        pairs.iter().map(ratio).collect()
    }

    /// The latencies of a subject in a suite, merged over the trials in which rates hold.
    pub(crate) fn merged(
        &self,
        suite: &str,
        subject: &str,
    ) -> Result<Rc<Histogram<u64>>, FormatError> {
        let key = (suite.to_owned(), subject.to_owned());
        if let Some(found) = self.merged.borrow().get(&key) {
            return Ok(Rc::clone(found));
        }
        let mut files: BTreeMap<&str, Vec<Histogram<u64>>> = BTreeMap::new();
        let mut parts = Vec::new();
        let trials = self.latency_trials(suite, subject).into_iter();
        for trial in trials.filter(|trial| !trial.histogram.is_empty()) {
            let path = self.folder.root().join(&trial.histogram);
            let intervals = match files.get(trial.histogram.as_str()) {
                Some(read) => read,
                None => files
                    .entry(&trial.histogram)
                    .or_insert(histogram::read_intervals(&path)?),
            };
            // A slice has an interval of its process's file, a long trial has the file.
            let own = match usize::try_from(trial.slice).unwrap_or(usize::MAX) {
                0 => intervals.get(..),
                slice => intervals.get(slice - 1..slice),
            };
            let own = own.ok_or_else(|| {
                FormatError::invalid(&path, format!("has no interval for slice {}", trial.slice))
            })?;
            parts.extend_from_slice(own);
        }
        let merged = histogram::merge(&parts)
            .map_err(|message| FormatError::invalid(self.folder.root(), message))?;
        let merged = Rc::new(merged);
        self.merged.borrow_mut().insert(key, Rc::clone(&merged));
        Ok(merged)
    }

    /// The trials that latencies are taken from.
    pub(crate) fn latency_trials<'a>(&'a self, suite: &'a str, subject: &'a str) -> Vec<&'a Trial> {
        taken(Metric::P50Ms, self.rows(suite, subject)).0
    }
}

impl SuiteFit {
    fn place(&self, subject: &str) -> Option<usize> {
        self.subjects.iter().position(|one| one == subject)
    }
}

/// The trials that have figures.
pub(crate) fn measured<'a>(
    trials: impl IntoIterator<Item = &'a Trial>,
) -> impl Iterator<Item = &'a Trial> {
    let has_figures = |trial: &&Trial| trial.status == Status::Measured && trial.calls > 0;
    trials.into_iter().filter(has_figures)
}

/// The trials in which a metric holds, at least roughly, and how far it holds; where there are
/// none, all that were measured.
fn taken<'a>(metric: Metric, rows: impl Iterator<Item = &'a Trial>) -> (Vec<&'a Trial>, Validity) {
    let validity = |trial: &Trial| metric.validity(trial.validity());
    let measured: Vec<&Trial> = measured(rows).collect();
    let usable = measured.iter().copied();
    let usable: Vec<&Trial> = usable.filter(|trial| validity(trial).is_usable()).collect();
    if usable.is_empty() {
        return (measured, Validity::DoesNotHold);
    }
    let rough = usable.iter();
    let rough = rough
        .filter(|trial| validity(trial) == Validity::Roughly)
        .count();
    // Any quarter of the readings can be wrong without moving a midmean.
    if rough * 4 > usable.len() {
        (usable, Validity::Roughly)
    } else {
        (usable, Validity::Holds)
    }
}

impl Figure {
    /// The figure of a subject of which no trial went wrong.
    pub(crate) fn right(&self) -> Option<f64> {
        self.value.filter(|_| self.is_right)
    }

    /// Whether subjects can be ranked by it.
    pub(crate) fn counts(&self) -> bool {
        self.right().is_some() && self.validity.is_usable()
    }

    /// Least and most of its readings.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        let values = || self.samples.iter().map(|one| one.value);
        values().reduce(f64::min).zip(values().reduce(f64::max))
    }

    /// Why nothing can be said about this figure, if so.
    pub(crate) fn doubt(&self) -> Option<String> {
        if self.right().is_none() {
            Some("a trial went wrong, or has no such figure".to_owned())
        } else if !self.validity.is_usable() {
            Some("the figure holds in no trial (see the warnings of the run's report)".to_owned())
        } else if self.samples.len() < LEAST_TRIALS {
            Some(format!(
                "it holds in {} trials only, a verdict needs {LEAST_TRIALS}",
                self.samples.len()
            ))
        } else {
            None
        }
    }

    /// Numbers of the trials that lie far from the others. They count all the same.
    pub(crate) fn outliers(&self) -> impl Iterator<Item = u32> {
        let values: Vec<f64> = self.samples.iter().map(|one| one.value).collect();
        let places = outliers(&values).into_iter();
        places.filter_map(|place| self.samples.get(place).map(|one| one.round))
    }
}

/// The first recorded run of the golden files.
#[cfg(test)]
pub(crate) fn golden_for_tests() -> Dataset {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/runs/before");
    Dataset::read(RunFolder::open(std::path::Path::new(golden)).unwrap()).unwrap()
}

/// A dataset of these rows, without histograms.
#[cfg(test)]
pub(crate) fn dataset_for_tests(trials: Vec<Trial>) -> Dataset {
    let golden = golden_for_tests();
    let suite = golden.suites.values().next().unwrap().clone();
    let names = trials.iter().map(|trial| trial.suite.clone());
    Dataset {
        run: "run".to_owned(),
        suites: names.map(|name| (name, suite.clone())).collect(),
        trials,
        ..golden
    }
}

#[cfg(test)]
mod tests {
    use super::dataset_for_tests;
    use crate::analysis::metric::Metric;
    use crate::results::trial::Trial;
    use crate::results::warning::Validity;

    /// Twelve slices of two processes; the machine is twice as slow in some rounds.
    fn slices(subject: &str, cpu: u64, warnings: fn(u32) -> &'static str) -> Vec<Trial> {
        let slow = |round: u32| if round % 6 < 2 { 2 } else { 1 };
        let row = |round: u32| Trial {
            suite: "echo".to_owned(),
            subject: subject.to_owned(),
            trial: round,
            process: (round - 1) / 6 + 1,
            slice: (round - 1) % 6 + 1,
            calls: 10,
            server_cpu_ns: Some(10 * cpu * slow(round)),
            warnings: warnings(round).to_owned(),
            ..Trial::default()
        };
        (1..=12).map(row).collect()
    }

    #[test]
    fn figures_come_from_the_fit_of_all_subjects_and_slices_keep_their_process() {
        let none: fn(u32) -> &'static str = |_| "";
        let late = |round: u32| if round < 9 { "not_release" } else { "" };
        let all = [slices("a", 5_000, none), slices("b", 10_000, late)].concat();
        let run = dataset_for_tests(all);
        let figure = |subject| run.figure(Metric::CpuUsPerCall, "echo", subject).unwrap();
        // In four rounds both are there: a process each has the wrong number of slow ones.
        let (a, b) = (figure("a"), figure("b"));
        assert!((b.value.unwrap() / a.value.unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(
            (b.holding, b.samples[0].process, b.samples[0].round),
            (4, 2, 9)
        );
    }

    #[test]
    fn a_figure_is_rough_when_more_than_a_quarter_of_its_readings_are() {
        let rough: [fn(u32) -> &'static str; 3] = [
            |round| if round <= 3 { "steal" } else { "" },
            |round| if round <= 4 { "steal" } else { "" },
            |_| "not_release",
        ];
        let wanted = [Validity::Holds, Validity::Roughly, Validity::DoesNotHold];
        for (warnings, wanted) in rough.into_iter().zip(wanted) {
            let run = dataset_for_tests(slices("a", 5_000, warnings));
            let figure = run.figure(Metric::CpuUsPerCall, "echo", "a").unwrap();
            assert_eq!(figure.validity, wanted);
            let rate = run.figure(Metric::CallsPerS, "echo", "a").unwrap();
            assert_eq!((rate.value, rate.samples.len()), (None, 0));
        }
    }
}
