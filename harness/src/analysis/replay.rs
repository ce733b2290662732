//! What a run says of published claims: the figures beside the published ones, and a verdict for
//! each claim by the rules of its replay.
//!
//! A figure is divided by a published one only where load and limits are the same. Otherwise the
//! differences stand in the place of the ratio; they come from the published shape and from the
//! record of the run.

mod differences;

use serde::Serialize;

use self::differences::differences;
use super::compare::{Side, compare};
use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::FormatError;
use crate::config::published::{Claims, Kind, Measure, Other, Reading, Value};
use crate::config::replay::{Answer, Outcome, Replay, Replayed, Row};
use crate::results::trial::Trial;
use crate::stats::{Interval, Threshold};

/// One claim and what the run says of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answered {
    /// Its id.
    pub(crate) id: String,
    /// The replay that answers it.
    pub(crate) replay: String,
    /// The claim.
    pub(crate) says: String,
    /// Who published it.
    pub(crate) source: String,
    /// What it is about.
    pub(crate) kind: Vec<Kind>,
    /// How it was read.
    pub(crate) read: Reading,
    /// The most counted requests a second that its load shape allows whatever the server does.
    pub(crate) ceiling_per_s: Option<f64>,
    /// What is weak in it.
    pub(crate) caveats: Vec<String>,
    /// The published figures.
    pub(crate) published: Vec<Value>,
    /// The figures of the run. The first one decides.
    pub(crate) rows: Vec<Shown>,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// The verdict in a sentence.
    pub(crate) sentence: String,
    /// Why the verdict may be another one.
    pub(crate) doubts: Vec<String>,
}

/// What a run says of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It holds here.
    #[strum(serialize = "reproduced")]
    Reproduced,
    /// It does not hold here.
    #[strum(serialize = "not reproduced")]
    NotReproduced,
    /// The published figure comes about, and from something else than the claim says.
    #[strum(serialize = "explained")]
    Explained,
    /// Nothing here can answer it.
    #[strum(serialize = "not testable here")]
    NotTestable,
    /// Something here could, and a trial went wrong or was not made.
    #[strum(serialize = "not measured")]
    NotMeasured,
    /// Another implementation's row, which stands beside the others.
    #[strum(serialize = "reference")]
    Reference,
}

/// One figure beside the published ones.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    /// What it is.
    pub(crate) what: String,
    /// The measure.
    pub(crate) figure: Measure,
    /// Whether it is one figure divided by another.
    pub(crate) is_ratio: bool,
    /// The figure; absent when a trial went wrong or none was made.
    pub(crate) found: Option<f64>,
    /// Least and most over the trials, or where a ratio lies with a probability of 95%.
    pub(crate) interval: Option<Interval>,
    /// Calls with a right answer, of all calls.
    pub(crate) right_percent: Option<f64>,
    /// Whether it holds in some trial.
    pub(crate) holds: bool,
    /// The published figures that stand beside it.
    pub(crate) published: Vec<Value>,
    /// The figure over the published one, where load and limits are the same.
    pub(crate) over_published: Option<f64>,
    /// What differs from the published load and limits.
    pub(crate) differences: Vec<String>,
    /// The machines, which differ always.
    pub(crate) machines: String,
}

/// What a run says of the claims that it was made for.
pub(crate) fn answers(replayed: &Replayed, run: &Dataset) -> Result<Vec<Answered>, FormatError> {
    let mut all = Vec::new();
    for (name, replay) in &replayed.replay {
        for answer in &replay.claim {
            all.extend(answered(name, answer, &replayed.claims, run)?);
        }
        all.extend(references(name, replay, &replayed.claims));
    }
    Ok(all)
}

/// What can be said of claims that need no run: nothing can answer them, or they are references.
pub(crate) fn without_a_run(replayed: &Replayed) -> Vec<Answered> {
    let mut all = Vec::new();
    for (name, replay) in &replayed.replay {
        for answer in &replay.claim {
            let (verdict, sentence, doubts) = judge(answer, None);
            all.extend(
                blank(name, &answer.id, &replayed.claims).map(|blank| Answered {
                    verdict,
                    sentence,
                    doubts,
                    ..blank
                }),
            );
        }
        all.extend(references(name, replay, &replayed.claims));
    }
    all
}

fn answered(
    replay: &str,
    answer: &Answer,
    claims: &Claims,
    run: &Dataset,
) -> Result<Option<Answered>, FormatError> {
    let Some(blank) = blank(replay, &answer.id, claims) else {
        return Ok(None);
    };
    let load = claims.load(&answer.id);
    let rows = answer.row.iter().map(|row| {
        let mut shown = shown(row, run)?;
        shown.published = beside(row, &blank.published);
        let (suite, subject) = (row.with.as_str(), row.with.as_str());
        if run.rows(suite, subject).next().is_some() {
            (shown.differences, shown.machines) = differences(&load, run, suite, subject);
        }
        shown.over_published = over_published(&shown);
        Ok(shown)
    });
    let rows = rows.collect::<Result<Vec<Shown>, FormatError>>()?;
    let (verdict, sentence, doubts) = judge(answer, rows.first());
    Ok(Some(Answered {
        rows,
        verdict,
        sentence,
        doubts,
        ..blank
    }))
}

fn references<'a>(
    replay: &'a str,
    of: &'a Replay,
    claims: &'a Claims,
) -> impl Iterator<Item = Answered> + 'a {
    let references = of.references.iter();
    references.filter_map(move |id| blank(replay, id, claims))
}

/// A claim that nothing is said of.
fn blank(replay: &str, id: &str, claims: &Claims) -> Option<Answered> {
    let claim = claims.get(id)?;
    Some(Answered {
        id: id.to_owned(),
        replay: replay.to_owned(),
        says: claim.says.clone(),
        source: claims.source(id)?.name.clone(),
        kind: claim.kind.iter().copied().collect(),
        read: claim.read,
        ceiling_per_s: claims.load(id).ceiling_per_s(),
        caveats: (claims.caveats(id).into_iter().map(ToOwned::to_owned)).collect(),
        published: claim.values.clone(),
        rows: Vec::new(),
        verdict: Verdict::Reference,
        sentence: "another implementation's row, which is shown and not measured here".to_owned(),
        doubts: Vec::new(),
    })
}

/// The verdict of a claim, its sentence, and why it may be another one.
fn judge(answer: &Answer, row: Option<&Shown>) -> (Verdict, String, Vec<String>) {
    if let Some(why) = &answer.not_testable {
        return (Verdict::NotTestable, why.clone(), Vec::new());
    }
    let found = row.and_then(|row| Some((row, row.found?)));
    let Some((row, found)) = found else {
        let text = "a trial went wrong, or was not made; the tables of the report say which";
        return (Verdict::NotMeasured, text.to_owned(), Vec::new());
    };
    let Some((place, rule)) = answer.rule(found) else {
        return (
            Verdict::NotMeasured,
            "no rule allows the figure".to_owned(),
            Vec::new(),
        );
    };
    let mut doubts = Vec::new();
    if !row.holds {
        doubts.push("the figure holds in no trial, see the warnings".to_owned());
    }
    match row.interval {
        None => doubts.push("fewer than three trials hold: no interval".to_owned()),
        Some(ends) => {
            let is_other = |end: f64| answer.rule(end).is_none_or(|(other, _)| other != place);
            if is_other(ends.low) || is_other(ends.high) {
                doubts.push(format!(
                    "{} to {} lies on both sides of a bound",
                    number(ends.low),
                    number(ends.high)
                ));
            }
        }
    }
    let verdict = match rule.is {
        Outcome::Reproduced => Verdict::Reproduced,
        Outcome::NotReproduced => Verdict::NotReproduced,
        Outcome::Explained => Verdict::Explained,
    };
    (
        verdict,
        rule.says.replace("{found}", &number(found)),
        doubts,
    )
}

/// A figure with as many digits as it can carry.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0..0.1 => 4,
        0.1..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// The figure of a row, without what stands beside it.
fn shown(row: &Row, run: &Dataset) -> Result<Shown, FormatError> {
    let per = row.per.unwrap_or(1.0);
    let of = figure(row.figure, &row.with, run)?;
    let (mut found, mut interval, mut holds) = (of.value, of.interval, of.holds);
    if let Some(base) = &row.base {
        let against = figure(row.figure, base, run)?;
        found = of
            .value
            .zip(against.value)
            .map(|(of, against)| of / against);
        holds = of.holds && against.holds;
        interval = ratio_interval(row.figure, base, &row.with, run)?;
    }
    let divided = |ends: Interval| Interval {
        low: ends.low / per,
        high: ends.high / per,
    };
    Ok(Shown {
        what: row.what.clone(),
        figure: row.figure,
        is_ratio: row.base.is_some(),
        found: found.map(|value| value / per),
        interval: interval.map(divided),
        right_percent: right_percent(run.rows(&row.with, &row.with)),
        holds,
        published: Vec::new(),
        over_published: None,
        differences: Vec::new(),
        machines: String::new(),
    })
}

/// A figure of a variant.
struct Found {
    value: Option<f64>,
    interval: Option<Interval>,
    holds: bool,
}

/// A measure of a variant, which is a suite and a subject of the same name.
fn figure(measure: Measure, variant: &str, run: &Dataset) -> Result<Found, FormatError> {
    let rows = || run.rows(variant, variant);
    let other = match measure {
        Measure::Metric(metric) => {
            let figure = run.figure(metric, variant, variant)?;
            let enough = figure.samples.len() >= crate::stats::LEAST_TRIALS;
            let range = figure.range().filter(|_| enough);
            return Ok(Found {
                value: figure.right(),
                interval: range.map(|(low, high)| about(figure.value, low, high)),
                holds: figure.validity.is_usable(),
            });
        }
        Measure::Other(other) => other,
    };
    let latency = run.figure(Metric::P50Ms, variant, variant)?;
    let read: fn(&Trial) -> Option<f64> = match other {
        Other::MeanMs => |trial| Some(trial.mean_us? as f64 / 1e3),
        Other::P95Ms => |trial| Some(trial.p95_us? as f64 / 1e3),
        Other::RightPercent => |trial| right_percent(std::iter::once(trial)),
        Other::ErrorsPercent => |trial| Some(100.0 - right_percent(std::iter::once(trial))?),
        Other::ToolCallsPerS => |trial| {
            let elapsed = trial.elapsed_ns.filter(|ns| *ns > 0)?;
            Some(trial.tool_calls? as f64 * 1e9 / elapsed as f64)
        },
        Other::SleptPercent => |trial| Some(trial.paused_permille? as f64 / 10.0),
        Other::CpuPercent => |trial| {
            let elapsed = trial.elapsed_ns.filter(|ns| *ns > 0)?;
            Some(trial.server_cpu_ns? as f64 * 100.0 / elapsed as f64)
        },
        _ => |_| None,
    };
    let readings: Vec<f64> = rows().filter_map(read).collect();
    let merged = run.merged(variant, variant)?;
    let value = match other {
        Other::MeanMs => (!merged.is_empty()).then(|| merged.mean() / 1e6),
        Other::P95Ms => (!merged.is_empty()).then(|| merged.value_at_percentile(95.0) as f64 / 1e6),
        Other::RightPercent => right_percent(rows()),
        Other::ErrorsPercent => right_percent(rows()).map(|right| 100.0 - right),
        _ => crate::stats::median_of(&mut readings.clone()),
    };
    let ends = (readings.iter().copied().reduce(f64::min))
        .zip(readings.iter().copied().reduce(f64::max))
        .filter(|_| readings.len() >= crate::stats::LEAST_TRIALS);
    let is_share = matches!(other, Other::RightPercent | Other::ErrorsPercent);
    Ok(Found {
        // The share of right answers is what is asked for where some were wrong.
        value: value.filter(|_| is_share || latency.is_right),
        interval: ends.map(|(low, high)| about(value, low, high)),
        holds: is_share || latency.validity.is_usable(),
    })
}

/// An interval that is wide enough to hold the figure itself.
fn about(value: Option<f64>, low: f64, high: f64) -> Interval {
    let value = value.unwrap_or(low);
    Interval {
        low: low.min(value),
        high: high.max(value),
    }
}

fn ratio_interval(
    measure: Measure,
    base: &str,
    with: &str,
    run: &Dataset,
) -> Result<Option<Interval>, FormatError> {
    let Measure::Metric(metric) = measure else {
        return Ok(None);
    };
    let sides = [base, with].map(|name| Side::of(run, name, name));
    let found = compare(metric, sides, Threshold::default(), 1)?;
    Ok(found.ratio.and_then(|ratio| ratio.interval))
}

/// Right answers of all that were asked, in percent; nothing where nothing was asked.
fn right_percent<'a>(trials: impl Iterator<Item = &'a Trial>) -> Option<f64> {
    let (right, wrong) = trials.fold((0, 0), |(right, wrong), trial| {
        (right + trial.calls, wrong + trial.errors)
    });
    (right + wrong > 0).then(|| right as f64 * 100.0 / (right + wrong) as f64)
}

/// The published figures of a row: those of its measure, or all where there is none.
fn beside(row: &Row, published: &[Value]) -> Vec<Value> {
    let Some(of) = &row.published else {
        return Vec::new();
    };
    let all = || published.iter().filter(|value| value.of == *of);
    let same: Vec<Value> = (all()
        .filter(|value| value.metric == measure(row.figure, row.base.is_some())))
    .cloned()
    .collect();
    if same.is_empty() {
        all().cloned().collect()
    } else {
        same
    }
}

/// What a figure is comparable with: one that is divided by another has no unit.
fn measure(figure: Measure, is_ratio: bool) -> Measure {
    if is_ratio {
        Measure::Other(Other::Times)
    } else {
        figure
    }
}

impl Shown {
    /// The published figure of the same measure.
    pub(crate) fn beside(&self) -> Option<&Value> {
        let wanted = measure(self.figure, self.is_ratio);
        self.published.iter().find(|value| value.metric == wanted)
    }
}

/// The figure over the published one of the same measure, where load and limits are the same.
fn over_published(shown: &Shown) -> Option<f64> {
    let value = shown.beside()?;
    // A range has no one figure to divide by.
    let is_one = value.up_to.is_none() && value.value > 0.0;
    let is_same = shown.differences.is_empty() && !shown.machines.is_empty();
    (is_one && is_same).then_some(shown.found? / value.value)
}

#[cfg(test)]
pub(crate) mod tests;
