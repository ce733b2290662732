//! The comparison of two sides, A and B: two runs, two subjects of a run, two variants.
//!
//! Within a run the ratio comes from the fit of all subjects of the suite, so its drift falls on
//! both sides. Between two runs it does not: the unit is the process, whose spread contains the
//! drift, and floors that both runs measured serve as control. What cannot be compared is refused
//! with the reason.

use std::collections::BTreeSet;

use anyhow::bail;

use super::comparability::refuse;
use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::FormatError;
use crate::stats::{Better, Design, Interval, Ratio, Resampled, Threshold, Verdict};

/// The metrics that are compared.
pub(crate) const METRICS: [Metric; 4] = [
    Metric::CpuUsPerCall,
    Metric::CallsPerS,
    Metric::P50Ms,
    Metric::P99Ms,
];

/// All that a comparison says.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// What is compared with: a run, or a subject.
    pub(crate) a: String,
    /// What is compared: the ratios are its figures over those of A.
    pub(crate) b: String,
    /// Differences below this are none, a share of one.
    pub(crate) threshold: Threshold,
    /// Figures that are compared: with a probability of 95% all of their intervals hold the true
    /// ratios (Bonferroni).
    pub(crate) comparisons: usize,
    /// What both have been asked.
    pub(crate) rows: Vec<Pair>,
    /// What only one of them has.
    pub(crate) left_out: Vec<String>,
}

/// One suite, and in it one subject of each side.
#[derive(Debug)]
pub(crate) struct Pair {
    /// The suite.
    pub(crate) suite: String,
    /// The subject of A.
    pub(crate) a: String,
    /// The subject of B.
    pub(crate) b: String,
    /// Its figures.
    pub(crate) figures: Vec<Compared>,
}

/// One metric of both sides.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The metric, which has its unit in its name.
    pub(crate) figure: Metric,
    /// That of A; percentiles are those of the merged histograms.
    pub(crate) a: Option<f64>,
    /// That of B.
    pub(crate) b: Option<f64>,
    /// B over A.
    pub(crate) ratio: Option<Ratio>,
    /// Differences below this are none: more than was asked for where the figures hold roughly.
    pub(crate) threshold: Threshold,
    /// What B is beside A.
    pub(crate) verdict: Verdict,
    /// Why nothing is known, where nothing is.
    pub(crate) why: String,
    /// Trials of both sides that lie far from the others; they count all the same.
    pub(crate) outliers: usize,
}

impl Compared {
    /// How many times better B is, whichever way the figure is better.
    pub(crate) fn gain(&self) -> Option<Ratio> {
        let ratio = self.ratio?;
        if self.figure.better() == Better::More {
            return Some(ratio);
        }
        let inverse = |ends: Interval| Interval {
            low: 1.0 / ends.high,
            high: 1.0 / ends.low,
        };
        Some(Ratio {
            point: 1.0 / ratio.point,
            interval: ratio.interval.map(inverse),
            ..ratio
        })
    }
}

/// A subject in a suite of a run.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    pub(crate) run: &'a Dataset,
    pub(crate) suite: &'a str,
    pub(crate) subject: &'a str,
}

impl<'a> Side<'a> {
    pub(crate) const fn of(run: &'a Dataset, suite: &'a str, subject: &'a str) -> Self {
        Self {
            run,
            suite,
            subject,
        }
    }
}

/// Compares B with A by one metric, as one of several comparisons.
pub(crate) fn compare(
    metric: Metric,
    [a, b]: [Side<'_>; 2],
    threshold: Threshold,
    comparisons: usize,
) -> Result<Compared, FormatError> {
    let figure = |side: Side<'_>| side.run.figure(metric, side.suite, side.subject);
    let (of_a, of_b) = (figure(a)?, figure(b)?);
    let is_one_run = std::ptr::eq(a.run, b.run);
    let resampled = if is_one_run && a.suite == b.suite {
        let ratios = b.run.ratios(metric, b.suite, &[(b.subject, a.subject)]);
        ratios.into_iter().next().flatten()
    } else {
        let design = if is_one_run {
            Design::SameRounds
        } else {
            Design::Apart
        };
        Resampled::new(&of_b.samples, &of_a.samples, design)
    };
    let point = of_b.right().zip(of_a.right()).map(|(b, a)| b / a);
    let ratio = point.zip(resampled);
    let ratio = ratio.map(|(point, found)| about(point, found.ratio_among(comparisons)));
    let doubts = [("A", of_a.doubt()), ("B", of_b.doubt())];
    let said = |(side, doubt): (&str, Option<String>)| Some(format!("{side}: {}", doubt?));
    let mut why: Vec<String> = doubts.into_iter().filter_map(said).collect();
    if why.is_empty() && ratio.is_none_or(|ratio| ratio.interval.is_none()) {
        why.push("the two hold in too few rounds in common".to_owned());
    }
    let threshold = threshold.at_least(of_a.validity.max(of_b.validity).least_difference());
    let verdict = match ratio {
        Some(ratio) if why.is_empty() => threshold.judge(&ratio, metric.better()),
        _ => Verdict::Unknown,
    };
    Ok(Compared {
        figure: metric,
        a: of_a.right(),
        b: of_b.right(),
        ratio,
        threshold,
        verdict,
        why: why.join("; "),
        outliers: of_a.outliers().count() + of_b.outliers().count(),
    })
}

/// A ratio whose point is that of the figures, with an interval that is wide enough to hold it.
pub(crate) fn about(point: f64, ratio: Ratio) -> Ratio {
    let widened = |ends: Interval| Interval {
        low: ends.low.min(point),
        high: ends.high.max(point),
    };
    Ratio {
        point,
        interval: ratio.interval.map(widened),
        ..ratio
    }
}

/// Compares two runs: subjects of the same name, in suites of the same name.
pub(crate) fn runs(
    a: &Dataset,
    b: &Dataset,
    metrics: &[Metric],
    threshold: Threshold,
) -> anyhow::Result<Comparison> {
    let (both, left_out) = in_common(a, b);
    if both.is_empty() {
        bail!(
            "{} and {} have no suite with the same subject in common",
            a.run,
            b.run
        );
    }
    refuse(a, b, &both)?;
    let is_floor = |subject: &str| a.is_floor(subject) && b.is_floor(subject);
    let sides = |suite, subject| [a, b].map(|run| Side::of(run, suite, subject));
    let pairs = both.iter().map(|(suite, subject)| sides(suite, subject));
    let mut found = Comparison::new([&a.run, &b.run], pairs.collect(), metrics, threshold)?;
    found.left_out = left_out;
    for (suite, floor) in both.iter().filter(|(_, subject)| is_floor(subject)) {
        let control = compare(Metric::CpuUsPerCall, sides(suite, floor), threshold, 1)?;
        if let (Verdict::Faster | Verdict::Slower, Some(ratio)) = (control.verdict, control.ratio) {
            let percent = (ratio.point - 1.0) * 100.0;
            found.void(suite, &is_floor, &format!(
                "{floor} cost {percent:+.1}%, and no server is in it: the machine was another; measure both in one run"
            ));
        }
    }
    Ok(found)
}

/// Compares two subjects of one run in all suites that both were asked.
pub(crate) fn subjects(
    run: &Dataset,
    a: &str,
    b: &[&str],
    metrics: &[Metric],
    threshold: Threshold,
) -> anyhow::Result<Comparison> {
    for name in b.iter().chain([&a]) {
        if !run.trials.iter().any(|trial| trial.subject == *name) {
            let known: BTreeSet<&str> = run.trials.iter().map(|one| one.subject.as_str()).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            bail!(
                "the run {} has no trial of \"{name}\"; it has: {known}",
                run.run
            );
        }
    }
    let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
    for suite in run.suites.keys() {
        let asked = run.subjects_in(suite);
        for b in b {
            match (asked.contains(a), asked.contains(b)) {
                (true, true) => pairs.push([a, b].map(|one| Side::of(run, suite, one))),
                (true, false) => left_out.push(format!("{suite}: only {a} was asked")),
                (false, true) => left_out.push(format!("{suite}: only {b} was asked")),
                (false, false) => {}
            }
        }
    }
    let names = b.join(", ");
    if pairs.is_empty() {
        bail!(
            "{a} and {names} were asked no suite in common in {}",
            run.run
        );
    }
    let found = Comparison::new([a, &names], pairs, metrics, threshold)?;
    Ok(Comparison { left_out, ..found })
}

impl Comparison {
    fn new(
        [a, b]: [&str; 2],
        pairs: Vec<[Side<'_>; 2]>,
        metrics: &[Metric],
        threshold: Threshold,
    ) -> anyhow::Result<Self> {
        let comparisons = pairs.len() * metrics.len();
        let pair = |[a, b]: [Side<'_>; 2]| {
            let figures = metrics.iter();
            let figures = figures.map(|metric| compare(*metric, [a, b], threshold, comparisons));
            anyhow::Ok(Pair {
                suite: a.suite.to_owned(),
                a: a.subject.to_owned(),
                b: b.subject.to_owned(),
                figures: figures.collect::<Result<_, _>>()?,
            })
        };
        Ok(Self {
            a: a.to_owned(),
            b: b.to_owned(),
            threshold,
            comparisons,
            rows: pairs.into_iter().map(pair).collect::<anyhow::Result<_>>()?,
            left_out: Vec::new(),
        })
    }

    /// Takes the verdicts of a suite back, but for those on floors.
    fn void(&mut self, suite: &str, is_floor: &impl Fn(&str) -> bool, why: &str) {
        let rows = self.rows.iter_mut();
        let servers = rows.filter(|row| row.suite == suite && !is_floor(&row.b));
        for one in servers.flat_map(|row| &mut row.figures) {
            one.verdict = Verdict::Unknown;
            let before = if one.why.is_empty() { "" } else { "; " };
            one.why.extend([before, why]);
        }
    }
}

/// Suites with the subjects that both runs asked there; and what only one did.
fn in_common(a: &Dataset, b: &Dataset) -> (Vec<(String, String)>, Vec<String>) {
    let (mut both, mut left_out) = (Vec::new(), Vec::new());
    let names: BTreeSet<&String> = a.suites.keys().chain(b.suites.keys()).collect();
    for suite in names {
        let (of_a, of_b) = (a.subjects_in(suite), b.subjects_in(suite));
        for (one, only) in [("A", of_a.difference(&of_b)), ("B", of_b.difference(&of_a))] {
            let only: Vec<&str> = only.copied().collect();
            if !only.is_empty() {
                left_out.push(format!("{suite}: only {one} has {}", only.join(", ")));
            }
        }
        let shared = of_a.intersection(&of_b);
        both.extend(shared.map(|subject| (suite.clone(), (*subject).to_owned())));
    }
    (both, left_out)
}
