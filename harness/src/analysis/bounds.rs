//! Marks: figures and ratios of a run compared with their bounds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::{Side, compare};
use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::FormatError;
use crate::config::experiment::{Comparison, Experiment};
use crate::render::table::{Style, Table};
use crate::stats::{Ratio, Threshold};

/// How a mark came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "MarkVerdict"))]
pub enum Verdict {
    /// Within its bounds in every suite.
    Met,
    /// Out of them in at least one.
    Missed,
    /// In at least one suite a trial failed or had wrong answers.
    NotMeasured,
}

/// What a figure has to be.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Mark {
    /// What is held against what, for the table.
    pub name: String,
    /// The figure.
    pub figure: Metric,
    /// The subject whose figure it is.
    pub of: String,
    /// The subject whose figure it is divided by. Without one the figure itself is the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

/// A mark and what was measured.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judged {
    /// The mark.
    pub mark: Mark,
    /// What was found in each suite, in the order of the file.
    pub found: Vec<Found>,
    /// How it came out.
    pub verdict: Verdict,
    /// Whether it rests on figures that hold.
    pub holds: bool,
}

/// What was found in one suite.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Found {
    /// The suite.
    pub suite: String,
    /// The figure with its least and most over the trials, or the ratio with the ends of its interval.
    pub value: Option<(f64, f64, f64)>,
    /// Whether there are trials in which the figures hold.
    pub holds: bool,
}

/// Compares the run with the bounds of all comparisons without variants.
pub(super) fn judge(
    experiments: &BTreeMap<String, Experiment>,
    run: &Dataset,
) -> Result<Vec<Judged>, FormatError> {
    let comparisons = experiments.iter().flat_map(|(name, experiment)| {
        let is_meant = |one: &&Comparison| one.variants.is_empty() && one.has_bounds();
        let judged = move |one| judge_one(name, experiment, one, run);
        experiment.compare.iter().filter(is_meant).map(judged)
    });
    comparisons.collect()
}

fn judge_one(
    name: &str,
    experiment: &Experiment,
    one: &Comparison,
    run: &Dataset,
) -> Result<Judged, FormatError> {
    let places = experiment.places(name, one, &one.with);
    let suites = experiment.suites.iter().zip(&places);
    let found = suites.map(|(suite, (place, _))| find(one, suite, place, run));
    let found = found.collect::<Result<Vec<Found>, _>>()?;
    let verdict = if found.iter().any(|one| one.value.is_none()) {
        Verdict::NotMeasured
    } else if (found.iter().filter_map(|one| one.value)).all(|(value, ..)| one.allows(value)) {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    Ok(Judged {
        mark: Mark {
            name: one.what.clone(),
            figure: one.figure,
            of: one.with.clone(),
            against: one.base.clone(),
            at_most: one.at_most,
            at_least: one.at_least,
        },
        verdict,
        holds: found.iter().all(|one| one.holds),
        found,
    })
}

/// The figure or ratio in a suite, which has the name `place` in the run.
fn find(one: &Comparison, suite: &str, place: &str, run: &Dataset) -> Result<Found, FormatError> {
    let of = run.figure(one.figure, place, &one.with)?;
    let (value, holds) = match &one.base {
        None => {
            let (low, high) = of.range().unwrap_or_default();
            (
                of.right().map(|value| (value, low, high)),
                of.validity.is_usable(),
            )
        }
        Some(base) => {
            let side = |subject| Side {
                run,
                suite: place,
                subject,
            };
            let of_base = run.figure(one.figure, place, base)?;
            let threshold = Threshold::default();
            let found = compare(one.figure, side(base), side(&one.with), threshold, 1)?;
            let ends = |ratio: Ratio| {
                let ends = ratio
                    .interval
                    .map_or((ratio.point, ratio.point), |one| (one.low, one.high));
                (ratio.point, ends.0, ends.1)
            };
            let holds = of.validity.is_usable() && of_base.validity.is_usable();
            (found.ratio.map(ends), holds)
        }
    };
    Ok(Found {
        suite: suite.to_owned(),
        value,
        holds,
    })
}

/// The table of marks, and a line for each doubt.
#[must_use]
pub fn table(judged: &[Judged], style: Style) -> String {
    let suites = judged.first().map_or(&[][..], |one| &one.found);
    let mut header = vec!["mark", "figure", "bound"];
    header.extend(suites.iter().map(|found| found.suite.as_str()));
    header.push("verdict");
    let mut table = Table::new(&header, 3);
    for one in judged {
        let mut row = vec![
            one.mark.name.clone(),
            one.mark.figure.name().to_owned(),
            bound(&one.mark),
        ];
        row.extend(one.found.iter().map(cell));
        let doubt = if one.holds { "" } else { " (doubtful)" };
        row.push(match one.verdict {
            Verdict::Met => format!("met{doubt}"),
            Verdict::Missed => format!("MISSED{doubt}"),
            Verdict::NotMeasured => "NOT MEASURED".to_owned(),
        });
        table.row(row);
    }
    table.draw(style)
}

fn bound(mark: &Mark) -> String {
    let times = if mark.against.is_some() { " times" } else { "" };
    let said = |word: &str, bound: Option<f64>| bound.map(|bound| format!("{word} {bound}{times}"));
    let both = [
        said("at least", mark.at_least),
        said("at most", mark.at_most),
    ];
    both.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn cell(found: &Found) -> String {
    found.value.map_or_else(
        || "-".to_owned(),
        |(value, least, most)| format!("{value:.2} ({least:.2}..{most:.2})"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Verdict, judge, table};
    use crate::analysis::dataset::dataset_for_tests;
    use crate::config::experiment::Experiment;
    use crate::render::table::Style;
    use crate::results::trial::Trial;

    fn marks() -> BTreeMap<String, Experiment> {
        let layers = toml::from_str(
            "number = 1\ntitle = \"l\"\nteaches = \"t\"\nsuites = [\"echo\"]\n\
             [[compare]]\nname = \"a\"\nwhat = \"a over b\"\nfigure = \"cpu_us_per_call\"\nwith = \"a\"\nbase = \"b\"\nat_most = 1.5\n\
             [[compare]]\nname = \"r\"\nwhat = \"rate\"\nfigure = \"calls_per_s\"\nwith = \"a\"\nbase = \"b\"\nat_least = 3\n\
             [[compare]]\nname = \"m\"\nwhat = \"memory\"\nfigure = \"rss_peak_mb\"\nwith = \"a\"\nat_most = 12\n",
        );
        BTreeMap::from([("layers".to_owned(), layers.unwrap())])
    }

    fn trial(subject: &str, trial: u32, cpu: u64, rate: u64) -> Trial {
        Trial {
            suite: "layers.echo".to_owned(),
            subject: subject.to_owned(),
            trial,
            calls: 1,
            calls_per_s: Some(rate),
            server_cpu_ns_per_call: Some(cpu),
            rss_peak_bytes: Some(11_000_000 + u64::from(trial)),
            ..Trial::default()
        }
    }

    #[test]
    fn a_ratio_has_the_interval_of_the_fit() {
        let trials = [
            trial("a", 1, 7_000, 200),
            trial("a", 2, 14_000, 200),
            trial("a", 3, 7_000, 200),
            trial("b", 1, 5_000, 100),
            trial("b", 2, 10_000, 100),
            trial("b", 3, 5_000, 100),
        ];
        let judged = judge(&marks(), &dataset_for_tests(trials.into())).unwrap();
        let (value, low, high) = judged[0].found[0].value.unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(
            close(value, 1.4) && close(low, 1.4) && close(high, 1.4),
            "{judged:?}"
        );
        let verdicts: Vec<Verdict> = judged.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Met, Verdict::Missed, Verdict::Met]);
        let text = table(&judged, Style::Text);
        for part in [
            "1.40 (1.40..1.40)",
            "at least 3 times",
            "MISSED",
            "11.00 (11.00..11.00)",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_wrong_answer_or_a_missing_subject_is_no_measurement_and_doubts_are_said() {
        let mut wrong = trial("b", 2, 5_000, 100);
        wrong.errors = 1;
        let mut full = trial("a", 1, 6_000, 500);
        full.warnings = "client_saturated".to_owned();
        let judge = |rows: &[Trial]| judge(&marks(), &dataset_for_tests(rows.into())).unwrap();
        let missing = judge(&[full.clone(), trial("a", 2, 6_000, 500)]);
        let failed = judge(&[full.clone(), trial("b", 1, 5_000, 100), wrong]);
        for judged in [missing, failed] {
            assert_eq!(judged[0].verdict, Verdict::NotMeasured);
            assert_eq!(judged[2].verdict, Verdict::Met);
        }
        let judged = judge(&[full, trial("b", 1, 5_000, 100)]);
        assert_eq!((judged[0].holds, judged[1].holds), (true, false));
        assert!(table(&judged, Style::Text).contains("met (doubtful)"));
    }
}
