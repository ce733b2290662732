//! The targets of a suite, held against what its subjects did.

use serde::Serialize;

use super::rank::Row;
use crate::config::suite::Targets;
use crate::render::compare::said;
use crate::render::table::{Style, Table};

/// One target of one subject.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Held {
    /// The suite.
    pub suite: String,
    /// The subject.
    pub subject: String,
    /// The key of the target, which has its unit in its name.
    pub target: String,
    /// The most that it may be.
    pub at_most: f64,
    /// What it was: of the merged histograms, or the median of the trials.
    pub found: Option<f64>,
    /// Whether it was met: never by a subject of which a trial failed.
    pub is_met: bool,
    /// Whether the figure holds in some trial.
    pub holds: bool,
}

/// Holds the targets against a subject's row.
#[must_use]
pub fn hold(suite: &str, targets: &Targets, row: &Row) -> Vec<Held> {
    let is_whole = row.trials_measured == row.trials_made && row.trials_made > 0;
    let one = |(name, at_most): (&'static str, f64)| {
        let (found, holds) = figure(name, row);
        let found = found.filter(|_| is_whole);
        Held {
            suite: suite.to_owned(),
            subject: row.subject.clone(),
            target: name.to_owned(),
            at_most,
            found,
            is_met: found.is_some_and(|found| found <= at_most),
            holds,
        }
    };
    targets.set().into_iter().map(one).collect()
}

/// A figure by the name of its target, and whether it holds.
fn figure(name: &str, row: &Row) -> (Option<f64>, bool) {
    let thousandths = |value: Option<u64>| value.map(|value| value as f64 / 1e3);
    match name {
        "p50_ms" => (thousandths(row.p50_us), row.rate_holds),
        "p99_ms" => (thousandths(row.p99_us), row.rate_holds),
        "cpu_us_per_call" => (thousandths(row.server_cpu_ns_per_call), row.cpu_holds),
        _ => {
            let asked = row.calls + row.errors;
            let percent = (asked > 0).then(|| row.errors as f64 * 100.0 / asked as f64);
            (percent, true)
        }
    }
}

/// The table of targets.
#[must_use]
pub fn table(held: &[Held], style: Style) -> String {
    let header = ["suite", "subject", "target", "at most", "found", "verdict"];
    let mut table = Table::new(&header, 3);
    for one in held {
        let doubt = if one.holds { "" } else { " (doubtful)" };
        let verdict = match (one.found, one.is_met) {
            (None, _) => "NOT MEASURED".to_owned(),
            (_, true) => format!("met{doubt}"),
            (_, false) => format!("MISSED{doubt}"),
        };
        table.row(vec![
            one.suite.clone(),
            one.subject.clone(),
            one.target.clone(),
            one.at_most.to_string(),
            said(one.found),
            verdict,
        ]);
    }
    table.draw(style)
}

#[cfg(test)]
mod tests {
    use super::{hold, table};
    use crate::analysis::rank::{Row, row_for_tests};
    use crate::config::suite::Targets;
    use crate::render::table::Style;

    #[test]
    fn a_target_is_met_up_to_its_value_and_never_by_a_failed_trial() {
        let targets = Targets {
            p50_ms: Some(100.0),
            p99_ms: Some(500.0),
            errors_percent: Some(0.1),
            cpu_us_per_call: Some(6.0),
        };
        let row = Row {
            p50_us: Some(100_000),
            p99_us: Some(500_001),
            calls: 999,
            ..row_for_tests("a", 10, 6_000, true, 1)
        };
        let met = |row: &Row| -> Vec<bool> {
            hold("s", &targets, row)
                .iter()
                .map(|held| held.is_met)
                .collect()
        };
        assert_eq!(met(&row), [true, false, true, true]);
        let more = Row {
            errors: 2,
            ..row.clone()
        };
        assert_eq!(met(&more), [true, false, false, true]);
        let failed = Row {
            trials_measured: 2,
            ..row.clone()
        };
        assert_eq!(met(&failed), [false; 4]);
        let text = table(&hold("s", &targets, &row), Style::Text);
        assert!(text.contains("MISSED") && text.contains("0.100"), "{text}");
    }
}
