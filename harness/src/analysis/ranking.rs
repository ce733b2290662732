//! One order over many suites: the geometric mean of each subject's ratios to the best of every
//! suite.
//!
//! Only suites count in which all ranked subjects have figures that hold; the others are named with
//! the reason, because a mean over other suites is a mean of something else.

use std::collections::BTreeSet;

use anyhow::bail;

use super::compare::about;
use super::dataset::{Dataset, Figure};
use super::metric::Metric;
use crate::results::warning::Validity;
use crate::stats::{Better, Ratio, Resampled, Threshold, Verdict, geometric_mean};

/// An order.
#[derive(Debug)]
pub(crate) struct Ranking {
    /// The run.
    pub(crate) run: String,
    /// What it goes by.
    pub(crate) by: Metric,
    /// Differences below this are none, a share of one; more than was asked for where figures hold
    /// roughly.
    pub(crate) threshold: Threshold,
    /// The suites that count.
    pub(crate) suites: Vec<String>,
    /// The subjects, the best first.
    pub(crate) places: Vec<Place>,
    /// What readers have to know of the subjects.
    pub(crate) notes: Vec<String>,
    /// Suites and subjects that do not count, each with the reason.
    pub(crate) left_out: Vec<String>,
}

/// One subject.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its place, from 1.
    pub(crate) rank: usize,
    /// The subject.
    pub(crate) subject: String,
    /// Geometric mean of how many times worse it is than the best of each suite.
    pub(crate) to_best: Ratio,
    /// The same, to the first of the order.
    pub(crate) to_first: Ratio,
    /// The same, to the subject above.
    pub(crate) to_above: Ratio,
    /// What it is beside the subject above.
    pub(crate) beside_above: Verdict,
    /// What it is beside the first.
    pub(crate) beside_first: Verdict,
    /// How many times worse it is than the best, in each suite.
    pub(crate) each: Vec<(String, f64)>,
}

/// What readers have to know where subjects on stdio stand beside others.
pub(crate) const WIRES_DIFFER: &str = "stdio beside HTTP: over stdio all clients share one pipe and many calls go in one write, over \
     HTTP each has a connection of its own. That is what the transports are, and it is not what the \
     servers do with a call. No floor here bounds stdio.";

/// Whether some of these wires are stdio and some are not.
pub(crate) fn mixes_stdio<'w>(wires: impl Iterator<Item = &'w str>) -> bool {
    let kinds: BTreeSet<bool> = wires.map(|wire| wire == "stdio").collect();
    kinds.len() > 1
}

/// What a subject has in every suite that counts, in their order.
pub(super) struct Runner<'a> {
    pub(super) subject: &'a str,
    pub(super) figures: Vec<Figure>,
}

/// Ranks the subjects of a run; all servers when none is named.
pub(crate) fn ranking(
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
        let figures = runners.iter();
        let figures = figures.map(|runner| run.figure(by, suite, runner.subject));
        let figures = figures.collect::<Result<Vec<Figure>, _>>()?;
        let cannot = runners.iter().zip(&figures);
        let cannot = cannot.filter(|(_, figure)| !figure.counts());
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
    let worst = runners.iter().map(Runner::validity).max();
    let threshold = threshold.at_least(worst.unwrap_or_default().least_difference());
    let is_ranked = |name: &str| runners.iter().any(|runner| runner.subject == name);
    let rows = run.trials.iter().filter(|trial| is_ranked(&trial.subject));
    let mixes = mixes_stdio(rows.map(|trial| trial.wire.as_str()));
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
    /// How many times worse it is than others, in each suite.
    fn worse<'f>(&self, others: impl Iterator<Item = &'f Figure>, better: Better) -> Vec<f64> {
        let pairs = self.figures.iter().zip(others);
        pairs
            .map(|(own, other)| worse(own, other, better))
            .collect()
    }

    fn validity(&self) -> Validity {
        let all = self.figures.iter().map(|figure| figure.validity);
        all.max().unwrap_or_default()
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

/// Puts the runners in order, each beside the best of each suite, the first, and the one above.
pub(super) fn places(
    run: &Dataset,
    mut runners: Vec<Runner<'_>>,
    suites: &[String],
    by: Metric,
    threshold: Threshold,
) -> Vec<Place> {
    let better = by.better();
    let best = |suite: usize| {
        let pace = |a: &&Runner<'_>, b: &&Runner<'_>| {
            worse(&a.figures[suite], &b.figures[suite], better).total_cmp(&1.0)
        };
        let best = runners.iter().min_by(pace);
        best.map(|runner| (runner.subject, runner.figures[suite].clone()))
    };
    let best: Vec<(&str, Figure)> = (0..suites.len()).filter_map(best).collect();
    let to_best = |runner: &Runner<'_>| runner.worse(best.iter().map(|(_, best)| best), better);
    let mean = |runner: &Runner<'_>| geometric_mean(&to_best(runner)).unwrap_or(f64::INFINITY);
    runners.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    // For each runner and suite three ratios, from one set of draws for each suite.
    let mut drawn: Vec<[Vec<Option<Resampled>>; 3]> =
        runners.iter().map(|_| Default::default()).collect();
    for (suite, (best, _)) in suites.iter().zip(&best) {
        let others = |place: usize| {
            let above = runners[place.saturating_sub(1)].subject;
            [*best, runners[0].subject, above]
        };
        let pair = |place: usize, other| match better {
            Better::Less => (runners[place].subject, other),
            Better::More => (other, runners[place].subject),
        };
        let pairs = (0..runners.len()).flat_map(|at| others(at).map(|other| pair(at, other)));
        let found = run.ratios(by, suite, &pairs.collect::<Vec<_>>());
        let slots = drawn.iter_mut().flatten();
        slots
            .zip(found)
            .for_each(|(ratios, found)| ratios.push(found));
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
    let place = |(index, ([best, first, above], runner)): (usize, (&[Vec<_>; 3], &Runner<'_>))| {
        let beside = |other: usize, each: &[Option<Resampled>]| {
            let other = &runners[other];
            let point = geometric_mean(&runner.worse(other.figures.iter(), better));
            let ratio = ratio(point.unwrap_or(f64::NAN), each);
            let validity = runner.validity().max(other.validity());
            let threshold = threshold.at_least(validity.least_difference());
            // The means are costs already, whichever way the metric is better.
            let verdict = match index {
                0 => Verdict::Equal,
                _ => threshold.judge(&ratio, Better::Less),
            };
            (ratio, verdict)
        };
        let (to_first, beside_first) = beside(0, first);
        let (to_above, beside_above) = beside(index.saturating_sub(1), above);
        Place {
            rank: index + 1,
            subject: runner.subject.to_owned(),
            to_best: ratio(mean(runner), best),
            to_first,
            to_above,
            beside_above,
            beside_first,
            each: suites.iter().cloned().zip(to_best(runner)).collect(),
        }
    };
    drawn.iter().zip(&runners).enumerate().map(place).collect()
}
