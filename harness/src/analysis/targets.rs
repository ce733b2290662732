//! The targets of a suite, compared with what its subjects did.

use serde_json::Value;

use super::dataset::Dataset;
use super::metric::{Aggregation, Metric};
use super::summary::Row;
use crate::config::FormatError;
use crate::config::suite::Targets;
use crate::render::table::{Cell, Columns, Table};
use crate::results::warning::Validity;

/// One target of one subject.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// The suite.
    pub(crate) suite: String,
    /// The subject.
    pub(crate) subject: String,
    /// The key of the target, which has its unit in its name.
    pub(crate) target: String,
    /// The most that it may be.
    pub(crate) at_most: f64,
    /// What it was; nothing when a trial failed, or the percentile is a failed call.
    pub(crate) found: Option<f64>,
    /// Whether it was met: never by a subject of which a trial failed.
    pub(crate) is_met: bool,
    /// Whether the figure holds in some trial.
    pub(crate) holds: bool,
    /// Whether so many calls failed that the percentile is one of them: it has no end.
    pub(crate) is_endless: bool,
}

/// Compares a subject's row with the targets.
pub(super) fn hold(
    run: &Dataset,
    suite: &str,
    targets: &Targets,
    row: &Row,
) -> Result<Vec<Held>, FormatError> {
    let is_whole = row.trials_measured == row.trials_made && row.trials_made > 0;
    let mut all = Vec::new();
    for (name, at_most) in targets.set() {
        let latency = Metric::ALL.iter().find(|metric| metric.key() == name);
        let (found, validity) = match latency.map(|metric| metric.aggregation()) {
            Some(Aggregation::Percentile(percentile)) => (
                with_failures(run, suite, &row.subject, percentile)?,
                row.rate,
            ),
            Some(_) => (row.figures.get(&Metric::CpuUsPerCall).copied(), row.cpu),
            None => {
                let asked = row.calls + row.errors;
                let percent = (asked > 0).then(|| row.errors as f64 * 100.0 / asked as f64);
                (percent, Validity::Holds)
            }
        };
        let found = found.filter(|_| is_whole);
        all.push(Held {
            suite: suite.to_owned(),
            subject: row.subject.clone(),
            target: name.to_owned(),
            at_most,
            found: found.filter(|found| found.is_finite()),
            is_met: found.is_some_and(|found| found <= at_most),
            holds: validity.is_usable(),
            is_endless: found.is_some_and(f64::is_infinite),
        });
    }
    Ok(all)
}

/// A percentile of all calls of the trials that latencies are taken from, in milliseconds: a call
/// that failed or could not be sent took infinitely long.
fn with_failures(
    run: &Dataset,
    suite: &str,
    subject: &str,
    percentile: f64,
) -> Result<Option<f64>, FormatError> {
    let merged = run.merged(suite, subject)?;
    let trials = run.latency_trials(suite, subject).into_iter();
    let failed = trials.map(|trial| trial.errors + trial.calls_unsent.unwrap_or(0));
    let failed: u64 = failed.sum();
    let (right, all) = (merged.len() as f64, (merged.len() + failed) as f64);
    if right == 0.0 {
        return Ok(None);
    }
    let of_right = percentile * all / right;
    Ok(Some(if of_right > 100.0 {
        f64::INFINITY
    } else {
        merged.value_at_percentile(of_right) as f64 / 1e6
    }))
}

/// The table of targets.
pub(crate) fn table(held: &[Held]) -> Table {
    let found = |one: &Held| match one.found {
        None if one.is_endless => Cell::shown(Value::Null, "a failed call"),
        found => found.into(),
    };
    let verdict = |one: &Held| {
        let doubt = if one.holds { "" } else { " (doubtful)" };
        match (one.found, one.is_met) {
            (None, _) if !one.is_endless => Cell::shown("not_measured", "NOT MEASURED"),
            (_, true) => Cell::shown("met", format!("met{doubt}")),
            (_, false) => Cell::shown("missed", format!("MISSED{doubt}")),
        }
    };
    let columns = Columns::<Held>::new()
        .text("suite", "suite", |one| &one.suite)
        .text("subject", "subject", |one| &one.subject)
        .text("target", "target", |one| &one.target)
        .add("at_most", "at most", |one| {
            Cell::shown(one.at_most, one.at_most.to_string())
        })
        .add("found", "found", found)
        .add("verdict", "verdict", verdict)
        .flag("holds", |one| one.holds);
    Table::of(&columns, 3, held)
}

#[cfg(test)]
mod tests {
    use super::Held;
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::summary::Report;

    #[test]
    fn a_failed_call_is_an_infinitely_slow_one() {
        let found = |percent: u64| -> Held {
            // A recorded run, whose p99 is 3.2 ms of the 5 ms that are promised.
            let mut run = golden_for_tests();
            let rows = run.trials.iter_mut();
            for trial in rows.filter(|trial| trial.subject == "quick") {
                trial.errors = trial.calls * percent / 100;
            }
            let report = Report::of(&run).unwrap();
            let is_meant = |one: &&Held| one.subject == "quick" && one.target == "p99_ms";
            report.targets().find(is_meant).unwrap().clone()
        };
        assert!(found(0).is_met);
        let missed = found(3);
        assert!(
            !missed.is_met && missed.is_endless && missed.found.is_none(),
            "{missed:?}"
        );
    }
}
