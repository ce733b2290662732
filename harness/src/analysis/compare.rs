//! Two runs held against each other, subject by subject; or two subjects of one run.
//!
//! What cannot be compared is refused with the reason: other machines, other harnesses, other questions.

use std::collections::BTreeSet;

use anyhow::bail;
use serde::Serialize;

use super::comparability::{runs_differ, subject_differs, suite_differs};
use super::dataset::{Dataset, Reading, better};
use crate::config::bounds::Figure;
use crate::stats::{Design, Ratio, Threshold, Verdict};

/// The figures that are compared.
pub const FIGURES: [Figure; 4] = [
    Figure::CpuUsPerCall,
    Figure::CallsPerS,
    Figure::P50Ms,
    Figure::P99Ms,
];

/// All that a comparison says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Comparison {
    /// What is compared with: a run, or a subject.
    pub a: String,
    /// What is compared: the ratios are its figures over those of A.
    pub b: String,
    /// Differences below this are ties, a share of one.
    pub threshold: Threshold,
    /// What both have been asked.
    pub rows: Vec<Pair>,
    /// What only one of them has.
    pub left_out: Vec<String>,
}

/// One suite, and in it one subject of each side.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pair {
    /// The suite.
    pub suite: String,
    /// The subject of A.
    pub a: String,
    /// The subject of B.
    pub b: String,
    /// Its figures.
    pub figures: Vec<Compared>,
}

/// One figure of both sides.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Compared {
    /// The figure, which has its unit in its name.
    pub figure: Figure,
    /// That of A; percentiles are those of the merged histograms.
    pub a: Option<f64>,
    /// That of B.
    pub b: Option<f64>,
    /// B over A.
    pub ratio: Option<Ratio>,
    /// What B is beside A.
    pub verdict: Verdict,
    /// What the verdict needed: more than the comparison's where figures hold roughly.
    #[serde(skip)]
    pub threshold: Threshold,
    /// Why nothing is known, where nothing is.
    pub why: String,
    /// Trials of both sides that lie far from the others; they count all the same.
    pub outliers: usize,
}

/// Compares two runs: subjects of the same name, in suites of the same name.
///
/// # Errors
/// When they may not be compared, with all that differs; when they have nothing in common.
pub fn runs(a: &Dataset, b: &Dataset, threshold: Threshold) -> anyhow::Result<Comparison> {
    let (both, left_out) = in_common(a, b);
    if both.is_empty() {
        bail!(
            "{} and {} have no suite with the same subject in common",
            a.run,
            b.run
        );
    }
    refuse(a, b, &both)?;
    let mut rows = Vec::new();
    for (suite, subject) in both {
        rows.push(pair(
            (a, &subject),
            (b, &subject),
            &suite,
            Design::Apart,
            threshold,
        )?);
    }
    Ok(Comparison {
        a: a.run.clone(),
        b: b.run.clone(),
        threshold,
        rows,
        left_out,
    })
}

/// Compares two subjects of one run in all suites that both were asked.
///
/// # Errors
/// When the run has no such subject, or no suite that both were asked.
pub fn subjects(
    run: &Dataset,
    a: &str,
    b: &str,
    threshold: Threshold,
) -> anyhow::Result<Comparison> {
    for name in [a, b] {
        if !run.trials.iter().any(|trial| trial.subject == name) {
            let known: BTreeSet<&str> = run.trials.iter().map(|one| one.subject.as_str()).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            bail!(
                "the run {} has no trial of \"{name}\"; it has: {known}",
                run.run
            );
        }
    }
    let mut found = Comparison {
        a: a.to_owned(),
        b: b.to_owned(),
        threshold,
        rows: Vec::new(),
        left_out: Vec::new(),
    };
    for suite in run.suites.keys() {
        let asked = run.subjects_in(suite);
        match (asked.contains(a), asked.contains(b)) {
            (true, true) => {
                let row = pair((run, a), (run, b), suite, Design::SameRounds, threshold)?;
                found.rows.push(row);
            }
            (true, false) => found.left_out.push(format!("{suite}: only {a} was asked")),
            (false, true) => found.left_out.push(format!("{suite}: only {b} was asked")),
            (false, false) => {}
        }
    }
    if found.rows.is_empty() {
        bail!("{a} and {b} were asked no suite in common in {}", run.run);
    }
    Ok(found)
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

/// Refuses what may not be compared.
///
/// # Errors
/// With all that differs.
fn refuse(a: &Dataset, b: &Dataset, both: &[(String, String)]) -> anyhow::Result<()> {
    let suites: BTreeSet<&String> = both.iter().map(|(suite, _)| suite).collect();
    let subjects: BTreeSet<&String> = both.iter().map(|(_, subject)| subject).collect();
    let mut differ = runs_differ(a, b);
    differ.extend(
        suites
            .into_iter()
            .flat_map(|suite| suite_differs(a, b, suite)),
    );
    differ.extend(
        subjects
            .into_iter()
            .flat_map(|subject| subject_differs(a, b, subject)),
    );
    if differ.is_empty() {
        return Ok(());
    }
    bail!(
        "A ({}) and B ({}) cannot be compared, measure one of them again as the other was:\n  {}",
        a.run,
        b.run,
        differ.join("\n  ")
    )
}

fn pair(
    (run_a, a): (&Dataset, &str),
    (run_b, b): (&Dataset, &str),
    suite: &str,
    design: Design,
    threshold: Threshold,
) -> anyhow::Result<Pair> {
    let mut figures = Vec::new();
    for figure in FIGURES {
        let (of_a, of_b) = (
            run_a.reading(figure, suite, a)?,
            run_b.reading(figure, suite, b)?,
        );
        figures.push(Compared::new(figure, &of_a, &of_b, design, threshold));
    }
    Ok(Pair {
        suite: suite.to_owned(),
        a: a.to_owned(),
        b: b.to_owned(),
        figures,
    })
}

impl Compared {
    /// Holds B against A.
    #[must_use]
    pub fn new(
        figure: Figure,
        a: &Reading,
        b: &Reading,
        design: Design,
        threshold: Threshold,
    ) -> Self {
        let ratio = b.over(a, design);
        let doubts = [("A", a.doubt()), ("B", b.doubt())];
        let said = |(side, doubt): (&str, Option<String>)| Some(format!("{side}: {}", doubt?));
        let mut why: Vec<String> = doubts.into_iter().filter_map(said).collect();
        let has_interval = ratio.is_some_and(|ratio| ratio.interval.is_some());
        if why.is_empty() && !has_interval {
            why.push("the two hold in too few rounds in common".to_owned());
        }
        let threshold = threshold.at_least(a.validity.max(b.validity).least_difference());
        let verdict = match ratio {
            Some(ratio) if why.is_empty() => threshold.judge(&ratio, better(figure)),
            _ => Verdict::Unknown,
        };
        Self {
            figure,
            a: a.value,
            b: b.value,
            ratio,
            verdict,
            threshold,
            why: why.join("; "),
            outliers: a.outliers() + b.outliers(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compared, Design, Figure, Reading, Threshold, Verdict};
    use crate::results::warning::Validity;
    use crate::stats::Sample;

    #[test]
    fn a_small_difference_of_figures_that_hold_roughly_is_not_told() {
        let reading = |value: f64, validity| Reading {
            value: Some(value),
            samples: (1..=6)
                .map(|round| Sample {
                    process: round,
                    round,
                    value,
                })
                .collect(),
            holds: true,
            validity,
        };
        let verdict = |value, validity| {
            let (a, b) = (reading(100.0, Validity::Holds), reading(value, validity));
            let (figure, design) = (Figure::CpuUsPerCall, Design::SameRounds);
            Compared::new(figure, &a, &b, design, Threshold::default()).verdict
        };
        assert_eq!(verdict(105.0, Validity::Holds), Verdict::Slower);
        assert_eq!(verdict(105.0, Validity::Roughly), Verdict::Equal);
        assert_eq!(verdict(120.0, Validity::Roughly), Verdict::Slower);
    }
}
