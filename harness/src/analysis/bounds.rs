//! Marks: figures and ratios of a run compared with their bounds.

use serde::Serialize;

use super::compare::{Side, compare};
use super::dataset::Dataset;
use crate::config::FormatError;
use crate::config::bounds::{Bound, Bounds};
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

/// A mark and what was measured.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Judged {
    /// The mark.
    pub mark: Bound,
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

/// Compares the run with all marks.
pub(super) fn judge(marks: &Bounds, run: &Dataset) -> Result<Vec<Judged>, FormatError> {
    let one = |mark: &Bound| {
        let found = marks.suites.iter().map(|suite| find(mark, suite, run));
        let found = found.collect::<Result<Vec<Found>, _>>()?;
        let verdict = if found.iter().any(|one| one.value.is_none()) {
            Verdict::NotMeasured
        } else if (found.iter().filter_map(|one| one.value)).all(|(value, ..)| mark.allows(value)) {
            Verdict::Met
        } else {
            Verdict::Missed
        };
        Ok(Judged {
            mark: mark.clone(),
            verdict,
            holds: found.iter().all(|one| one.holds),
            found,
        })
    };
    marks.mark.iter().map(one).collect()
}

fn find(mark: &Bound, suite: &str, run: &Dataset) -> Result<Found, FormatError> {
    let of = run.figure(mark.figure, suite, &mark.of)?;
    let (value, holds) = match &mark.against {
        None => {
            let (low, high) = of.range().unwrap_or_default();
            (
                of.right().map(|value| (value, low, high)),
                of.validity.is_usable(),
            )
        }
        Some(against) => {
            let side = |subject| Side {
                run,
                suite,
                subject,
            };
            let against_figure = run.figure(mark.figure, suite, against)?;
            let threshold = Threshold::default();
            let found = compare(mark.figure, side(against), side(&mark.of), threshold, 1)?;
            let ends = |ratio: Ratio| {
                let ends = ratio
                    .interval
                    .map_or((ratio.point, ratio.point), |one| (one.low, one.high));
                (ratio.point, ends.0, ends.1)
            };
            let holds = of.validity.is_usable() && against_figure.validity.is_usable();
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

fn bound(mark: &Bound) -> String {
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
    use super::{Verdict, judge, table};
    use crate::analysis::dataset::dataset_for_tests;
    use crate::config::bounds::Bounds;
    use crate::render::table::Style;
    use crate::results::trial::Trial;

    fn marks() -> Bounds {
        toml::from_str(
            "suites = [\"echo\"]\n\
             [[mark]]\nname = \"a over b\"\nfigure = \"cpu_us_per_call\"\nof = \"a\"\nagainst = \"b\"\nat_most = 1.5\n\
             [[mark]]\nname = \"rate\"\nfigure = \"calls_per_s\"\nof = \"a\"\nagainst = \"b\"\nat_least = 3\n\
             [[mark]]\nname = \"memory\"\nfigure = \"rss_peak_mb\"\nof = \"a\"\nat_most = 12\n",
        )
        .unwrap()
    }

    fn trial(subject: &str, trial: u32, cpu: u64, rate: u64) -> Trial {
        Trial {
            suite: "echo".to_owned(),
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
