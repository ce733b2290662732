//! One order over many suites: the geometric mean of each subject's ratios to the best of every suite.
//!
//! Only suites count in which all ranked subjects have figures that hold; the others are named with
//! the reason, because a mean over other suites is a mean of something else.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;

use super::compare::about;
use super::dataset::{Dataset, Figure};
use super::metric::Metric;
use crate::render::text::WIRES_DIFFER;
use crate::stats::{Better, Ratio, Resampled, Threshold, Verdict, geometric_mean};

/// An order.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ranking {
    /// The run.
    pub run: String,
    /// What it goes by.
    pub by: Metric,
    /// Differences below this are none, a share of one; more than was asked for where figures hold
    /// roughly.
    pub threshold: Threshold,
    /// The suites that count.
    pub suites: Vec<String>,
    /// The subjects, the best first.
    pub places: Vec<Place>,
    /// What readers have to know of the subjects.
    pub notes: Vec<String>,
    /// Suites and subjects that do not count, each with the reason.
    pub left_out: Vec<String>,
}

/// One subject.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Place {
    /// Its place, from 1.
    pub rank: usize,
    /// The subject.
    pub subject: String,
    /// Geometric mean of how many times worse it is than the best of each suite.
    pub to_best: Ratio,
    /// The same, to the first of the order.
    pub to_first: Ratio,
    /// What it is beside the subject above.
    pub beside_above: Verdict,
    /// What it is beside the first.
    pub beside_first: Verdict,
    /// How many times worse it is than the best, in each suite.
    pub each: Vec<(String, f64)>,
}

/// What a subject has in every suite that counts, in their order.
struct Runner<'a> {
    subject: &'a str,
    figures: Vec<Figure>,
}

/// Ranks the subjects of a run; all servers when none is named.
///
/// # Errors
/// When a name is not known, or there is nothing that could be ranked.
pub fn ranking(
    run: &Dataset,
    suites: &[String],
    subjects: &[String],
    by: Metric,
    threshold: Threshold,
) -> anyhow::Result<Ranking> {
    let mut left_out = Vec::new();
    let runner = |subject| Runner {
        subject,
        figures: Vec::new(),
    };
    let subjects = chosen(run, suites, subjects, by, &mut left_out)?;
    let mut runners: Vec<Runner<'_>> = subjects.into_iter().map(runner).collect();
    let mut counted = Vec::new();
    for suite in suites {
        let figures = runners
            .iter()
            .map(|runner| run.figure(by, suite, runner.subject));
        let figures = figures.collect::<Result<Vec<Figure>, _>>()?;
        let cannot = runners
            .iter()
            .zip(&figures)
            .filter(|(_, figure)| !figure.counts());
        let missing: Vec<&str> = cannot.map(|(runner, _)| runner.subject).collect();
        if missing.is_empty() {
            counted.push(suite.clone());
            let pairs = runners.iter_mut().zip(figures);
            pairs.for_each(|(runner, figure)| runner.figures.push(figure));
        } else {
            let missing = missing.join(", ");
            left_out.push(format!(
                "suite {suite}: no {} that holds of {missing}",
                by.name()
            ));
        }
    }
    if counted.is_empty() || runners.is_empty() {
        bail!(
            "nothing can be ranked by {} in {}:\n  {}",
            by.name(),
            run.run,
            left_out.join("\n  ")
        );
    }
    let figures = runners.iter().flat_map(|runner| &runner.figures);
    let worst = figures.map(|figure| figure.validity).max();
    let threshold = threshold.at_least(worst.unwrap_or_default().least_difference());
    let is_stdio = |runner: &Runner<'_>| {
        let row = run
            .trials
            .iter()
            .find(|trial| trial.subject == runner.subject);
        row.is_some_and(|trial| trial.wire == "stdio")
    };
    let mixes = runners.iter().any(is_stdio) && !runners.iter().all(is_stdio);
    Ok(Ranking {
        run: run.run.clone(),
        by,
        threshold,
        places: places(run, runners, &counted, by, threshold),
        suites: counted,
        notes: mixes.then(|| WIRES_DIFFER.to_owned()).into_iter().collect(),
        left_out,
    })
}

/// The subjects to rank. Where none is named: the servers that have a figure in some of the suites.
fn chosen<'a>(
    run: &'a Dataset,
    suites: &[String],
    named: &'a [String],
    by: Metric,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Vec<&'a str>> {
    let asked = suites.iter().flat_map(|suite| run.subjects_in(suite));
    let asked: BTreeSet<&str> = asked.collect();
    if let Some(unknown) = named.iter().find(|name| !asked.contains(name.as_str())) {
        let known = asked.into_iter().collect::<Vec<_>>().join(", ");
        bail!(
            "the run {} has no trial of \"{unknown}\" in these suites; it has: {known}",
            run.run
        );
    }
    if !named.is_empty() {
        return Ok(named.iter().map(String::as_str).collect());
    }
    let mut subjects = Vec::new();
    for subject in asked.into_iter().filter(|subject| !run.is_floor(subject)) {
        let figures = suites.iter().map(|suite| run.figure(by, suite, subject));
        if figures
            .collect::<Result<Vec<_>, _>>()?
            .iter()
            .any(Figure::counts)
        {
            subjects.push(subject);
        } else {
            left_out.push(format!(
                "{subject}: no {} that holds in any suite",
                by.name()
            ));
        }
    }
    Ok(subjects)
}

impl Runner<'_> {
    /// How many times worse it is than another, in each suite.
    fn worse<'f>(&'f self, other: &'f Self, better: Better) -> impl Iterator<Item = f64> + 'f {
        let pairs = self.figures.iter().zip(&other.figures);
        pairs.map(move |(own, other)| worse(own, other, better))
    }
}

/// How many times worse a figure is than another.
fn worse(own: &Figure, other: &Figure, better: Better) -> f64 {
    let [own, other] = [own, other].map(|figure| figure.value.unwrap_or(f64::NAN));
    match better {
        Better::Less => own / other,
        Better::More => other / own,
    }
}

/// Puts the runners in order, each beside the best, the one above, and the first.
fn places(
    run: &Dataset,
    mut runners: Vec<Runner<'_>>,
    suites: &[String],
    by: Metric,
    threshold: Threshold,
) -> Vec<Place> {
    let better = by.better();
    let best = |suite: usize| {
        let is_best = |a: &&Runner<'_>, b: &&Runner<'_>| {
            worse(&a.figures[suite], &b.figures[suite], better).total_cmp(&1.0)
        };
        runners
            .iter()
            .min_by(is_best)
            .map(|runner| (runner.subject, runner.figures[suite].clone()))
    };
    let best: Vec<(&str, Figure)> = (0..suites.len()).filter_map(best).collect();
    let to_best = |runner: &Runner<'_>| -> Vec<f64> {
        let pairs = runner.figures.iter().zip(&best);
        pairs
            .map(|(own, (_, best))| worse(own, best, better))
            .collect()
    };
    let mean = |runner: &Runner<'_>| geometric_mean(&to_best(runner)).unwrap_or(f64::INFINITY);
    runners.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    // For each runner and suite three ratios, from one set of draws for each suite.
    let mut drawn: Vec<[Vec<Option<Resampled>>; 3]> =
        runners.iter().map(|_| Default::default()).collect();
    for (suite, (best, _)) in suites.iter().zip(&best) {
        let others = |place: usize| {
            let above = runners[place.saturating_sub(1)].subject;
            [*best, above, runners[0].subject]
        };
        let pair = |place: usize, other| match better {
            Better::Less => (runners[place].subject, other),
            Better::More => (other, runners[place].subject),
        };
        let pairs = (0..runners.len()).flat_map(|at| others(at).map(|other| pair(at, other)));
        let mut found = run
            .ratios(by, suite, &pairs.collect::<Vec<_>>())
            .into_iter();
        for ratios in drawn.iter_mut().flatten() {
            ratios.push(found.next().flatten());
        }
    }
    let ratio = |point: f64, each: &[Option<Resampled>]| {
        let each: Option<Vec<Resampled>> = each.iter().cloned().collect();
        let found = each.and_then(|each| Resampled::mean(&each));
        let none = Ratio {
            point,
            interval: None,
            trials: 0,
        };
        found.map_or(none, |found| about(point, found.ratio()))
    };
    let place = |(index, ([best, above, first], runner)): (usize, (&[Vec<_>; 3], &Runner<'_>))| {
        let to = |other: usize, each: &[Option<Resampled>]| {
            let point: Vec<f64> = runner.worse(&runners[other], better).collect();
            ratio(geometric_mean(&point).unwrap_or(f64::NAN), each)
        };
        // The means are costs already, whichever way the metric is better.
        let judge = |ratio: &Ratio| match index {
            0 => Verdict::Equal,
            _ => threshold.judge(ratio, Better::Less),
        };
        let to_first = to(0, first);
        Place {
            rank: index + 1,
            subject: runner.subject.to_owned(),
            to_best: ratio(mean(runner), best),
            to_first,
            beside_above: judge(&to(index.saturating_sub(1), above)),
            beside_first: judge(&to_first),
            each: suites.iter().cloned().zip(to_best(runner)).collect(),
        }
    };
    drawn.iter().zip(&runners).enumerate().map(place).collect()
}
