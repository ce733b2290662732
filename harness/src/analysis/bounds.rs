//! Marks held against the trials of a run.
//!
//! A ratio is that of the two medians; its range is that of the ratios of single rounds, whose two
//! trials were made a few seconds apart.

use std::collections::BTreeMap;

use serde::Serialize;

use super::validity::{Valid, measured, values};
use crate::config::bounds::Figure;
use crate::config::experiment::{Comparison, Experiment};
use crate::render::table::{Style, Table};
use crate::results::trial::Trial;
use crate::results::warning::{Effect, Validity};
use crate::stats::median;

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
    pub figure: Figure,
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
    /// The figure or ratio, with its least and most over the trials.
    pub value: Option<(f64, f64, f64)>,
    /// Whether there are trials in which the figures hold.
    pub holds: bool,
}

/// Holds the bounds of all comparisons without variants against the trials.
#[must_use]
pub fn judge(experiments: &BTreeMap<String, Experiment>, trials: &[Trial]) -> Vec<Judged> {
    let of_one = |(name, experiment): (&String, &Experiment)| {
        let is_meant = |one: &&Comparison| one.variants.is_empty() && one.has_bounds();
        let comparisons = experiment.compare.iter().filter(is_meant);
        let judged = comparisons.map(|one| judge_one(name, experiment, one, trials));
        judged.collect::<Vec<_>>()
    };
    experiments.iter().flat_map(of_one).collect()
}

fn judge_one(name: &str, experiment: &Experiment, one: &Comparison, trials: &[Trial]) -> Judged {
    let with = experiment.places(name, one, &one.with);
    let base = (one.base.as_ref()).map(|base| experiment.places(name, one, base));
    let find_in = |(index, suite): (usize, &String)| {
        let base = base.as_ref().and_then(|places| places.get(index));
        find(one, suite, &with[index], base, trials)
    };
    let found: Vec<Found> = experiment.suites.iter().enumerate().map(find_in).collect();
    let verdict = if found.iter().any(|one| one.value.is_none()) {
        Verdict::NotMeasured
    } else if (found.iter().filter_map(|one| one.value)).all(|(value, ..)| one.allows(value)) {
        Verdict::Met
    } else {
        Verdict::Missed
    };
    Judged {
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
    }
}

fn find(
    comparison: &Comparison,
    suite: &str,
    with: &(String, String),
    base: Option<&(String, String)>,
    trials: &[Trial],
) -> Found {
    let figures = |(suite, subject): &(String, String)| {
        Figures::of(comparison.figure, subject, suite, trials)
    };
    let of = figures(with);
    let against = base.map(figures);
    let holds = of.holds && against.as_ref().is_none_or(|against| against.holds);
    let value = match &against {
        None => of.middle.map(|middle| {
            let range = range(of.by_trial.iter().map(|(_, value)| *value));
            (middle, range.0, range.1)
        }),
        Some(against) => (of.middle.zip(against.middle)).map(|(above, below)| {
            let of_round = |(trial, above): &(u32, f64)| {
                let (_, below) = against.by_trial.iter().find(|(other, _)| other == trial)?;
                Some(above / below)
            };
            let ratio = above / below;
            let (least, most) = range(of.by_trial.iter().filter_map(of_round));
            // With different trials set aside no round may be left; the medians still are.
            (ratio, least.min(ratio), most.max(ratio))
        }),
    };
    Found {
        suite: suite.to_owned(),
        value,
        holds,
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(value), most.max(value)),
    )
}

/// Where a figure is found in a trial.
fn reader(figure: Figure) -> fn(&Trial) -> Option<u64> {
    match figure {
        Figure::CpuUsPerCall => |trial| trial.server_cpu_ns_per_call,
        Figure::CallsPerS => |trial| trial.calls_per_s,
        Figure::RssPeakMb => |trial| trial.rss_peak_bytes,
        Figure::FirstMs => |trial| trial.first_p50_us,
        Figure::P50Ms => |trial| trial.p50_us,
        Figure::P99Ms => |trial| trial.p99_us,
        Figure::MaxMs => |trial| trial.max_us,
        Figure::TextBytes => |trial| trial.text_bytes,
        Figure::TextTokens => |trial| trial.text_tokens,
    }
}

/// One figure of one subject in one suite.
pub(super) struct Figures {
    /// With the number of the trial, of those trials that the figure is taken from.
    pub(super) by_trial: Vec<(u32, f64)>,
    /// The median, or the most where the figure is a peak; `None` when a trial went wrong.
    pub(super) middle: Option<f64>,
    /// Whether there are trials in which it holds.
    pub(super) holds: bool,
    /// How far it holds in the worst of those that it is taken from.
    pub(super) validity: Validity,
}

impl Figures {
    pub(super) fn of(figure: Figure, subject: &str, suite: &str, trials: &[Trial]) -> Self {
        let is_meant = |trial: &&Trial| trial.suite == suite && trial.subject == subject;
        let all: Vec<&Trial> = trials.iter().filter(is_meant).collect();
        let read = reader(figure);
        let unit = match figure {
            Figure::CpuUsPerCall
            | Figure::FirstMs
            | Figure::P50Ms
            | Figure::P99Ms
            | Figure::MaxMs => 1e3,
            Figure::CallsPerS | Figure::TextBytes | Figure::TextTokens => 1.0,
            Figure::RssPeakMb => 1e6,
        };
        let validity: fn(Effect) -> Validity = match figure {
            Figure::CallsPerS | Figure::FirstMs | Figure::P50Ms | Figure::P99Ms | Figure::MaxMs => {
                |effect| effect.rate
            }
            Figure::CpuUsPerCall | Figure::RssPeakMb => |effect| effect.cpu,
            Figure::TextBytes | Figure::TextTokens => |_| Validity::Holds,
        };
        let is_right = !all.is_empty() && all.iter().all(|trial| trial.is_right());
        let sound = Valid::of(&measured(&all), validity);
        let whole = values(&sound.trials, read);
        let middle = match figure {
            Figure::RssPeakMb => whole.into_iter().max(),
            _ => median(whole),
        };
        let with_number = |trial: &&Trial| Some((trial.trial, read(trial)? as f64 / unit));
        Self {
            by_trial: sound.trials.iter().filter_map(with_number).collect(),
            middle: middle
                .filter(|middle| is_right && *middle > 0)
                .map(|middle| middle as f64 / unit),
            holds: sound.holding > 0,
            validity: sound.validity,
        }
    }
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
    fn a_ratio_is_of_the_medians_and_its_range_of_the_rounds() {
        let trials = [
            trial("a", 1, 6_000, 200),
            trial("a", 2, 7_000, 200),
            trial("a", 3, 9_000, 200),
            trial("b", 1, 5_000, 100),
            trial("b", 2, 4_900, 100),
            trial("b", 3, 6_000, 100),
        ];
        let judged = judge(&marks(), &trials);
        let (value, least, most) = judged[0].found[0].value.unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(
            close(value, 1.4) && close(least, 1.2) && close(most, 1.5),
            "{judged:?}"
        );
        let verdicts: Vec<Verdict> = judged.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Met, Verdict::Missed, Verdict::Met]);
        let text = table(&judged, Style::Text);
        for part in [
            "1.40 (1.20..1.50)",
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
        let missing = judge(&marks(), &[full.clone(), trial("a", 2, 6_000, 500)]);
        let failed = judge(&marks(), &[full.clone(), trial("b", 1, 5_000, 100), wrong]);
        for judged in [missing, failed] {
            assert_eq!(judged[0].verdict, Verdict::NotMeasured);
            assert_eq!(judged[2].verdict, Verdict::Met);
        }
        let judged = judge(&marks(), &[full, trial("b", 1, 5_000, 100)]);
        assert_eq!((judged[0].holds, judged[1].holds), (true, false));
        assert!(table(&judged, Style::Text).contains("met (doubtful)"));
    }
}
