//! A sweep of a report: one table over all of its suites, subject by subject, so that what changes with the value stands
//! below each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rank::Row;
use super::summary::SuiteTable;
use super::validity::values;
use crate::config::{matrix::Step, template::text_of};
use crate::render::table::{Style, Table};
use crate::results::trial::Trial;
use crate::stats::median;

/// What a whole session takes, of a suite whose sessions end after so many calls. Medians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Iteration {
    /// From the opening of the connection to the last answer.
    pub p50_us: Option<u64>,
    /// Bytes that the client reads, HTTP and all, its share of the handshakes among them.
    pub bytes_in: Option<u64>,
    /// Bytes that the client writes, the same.
    pub bytes_out: Option<u64>,
    /// Tokens of the text of all its answers.
    pub text_tokens: Option<u64>,
}

impl Iteration {
    /// Of the trials in which rates hold; `None` where no session ends.
    pub(crate) fn of(trials: &[&Trial]) -> Option<Self> {
        trials.first()?.calls_per_session?;
        // By way of the calls: a window begins and ends in the middle of sessions.
        let each = |bytes: fn(&Trial) -> u64| {
            let shares = trials.iter();
            let share =
                |trial: &&Trial| (bytes(trial) * trial.calls_per_session?).checked_div(trial.calls);
            median(shares.filter_map(share).collect())
        };
        let tokens = |trial: &Trial| Some(trial.text_tokens? * trial.calls_per_session?);
        Some(Self {
            p50_us: median(values(trials, |trial| trial.iteration_p50_us)),
            bytes_in: each(|trial| trial.bytes_in),
            bytes_out: each(|trial| trial.bytes_out),
            text_tokens: median(values(trials, tokens)),
        })
    }
}

/// The sweeps of a run, by name: their suites in the order of their values.
pub(crate) fn sweeps(suites: &[SuiteTable]) -> BTreeMap<&str, Vec<(&Step, &SuiteTable)>> {
    let mut found: BTreeMap<&str, Vec<(&Step, &SuiteTable)>> = BTreeMap::new();
    for table in suites {
        if let Some(step) = &table.definition.step {
            found.entry(&step.sweep).or_default().push((step, table));
        }
    }
    for steps in found.values_mut() {
        steps.sort_by_key(|(step, _)| step.number);
    }
    found
}

/// Draws the table of a sweep.
pub(crate) fn table(steps: &[(&Step, &SuiteTable)], style: Style) -> String {
    let rows = || steps.iter().flat_map(|(_, table)| all_rows(table));
    let has_iterations = rows().any(|row| row.iteration.is_some());
    let keys: Vec<&str> = steps.first().map_or_else(Vec::new, |(step, _)| {
        step.keys.iter().map(String::as_str).collect()
    });
    let mut header = vec!["subject"];
    header.extend(keys);
    header.extend([
        "calls/s",
        "p50 us",
        "p99 us",
        "CPU us/call",
        "errors",
        "holds",
    ]);
    if has_iterations {
        header.extend(["iteration p50 ms", "bytes in", "bytes out", "tokens"]);
    }
    let mut table = Table::new(&header, 1);
    let subjects: BTreeSet<&str> = rows().map(|row| row.subject.as_str()).collect();
    for subject in subjects {
        for (step, suite) in steps {
            if let Some(row) = all_rows(suite).find(|row| row.subject == subject) {
                table.row(cells(row, step, has_iterations));
            }
        }
    }
    table.draw(style)
}

fn all_rows(table: &SuiteTable) -> impl Iterator<Item = &Row> {
    table.servers.iter().chain(&table.floors)
}

fn cells(row: &Row, step: &Step, has_iterations: bool) -> Vec<String> {
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |one| one.to_string());
    let tenths = |value: Option<u64>| {
        value.map_or_else(|| "-".to_owned(), |one| format!("{:.1}", one as f64 / 1e3))
    };
    let holds = match (row.trials_measured, row.rate_holds, row.cpu_holds) {
        (0, ..) => "none",
        (_, true, true) => "yes",
        (_, false, true) => "CPU only",
        (_, true, false) => "rate only",
        (_, false, false) => "no",
    };
    let mut cells = vec![row.subject.clone()];
    cells.extend(step.values.iter().map(text_of));
    cells.extend([
        number(row.calls_per_s),
        number(row.p50_us),
        number(row.p99_us),
        tenths(row.server_cpu_ns_per_call),
        (row.errors + row.errors_around).to_string(),
        holds.to_owned(),
    ]);
    if has_iterations {
        let of = |read: fn(Iteration) -> Option<u64>| row.iteration.and_then(read);
        cells.extend([
            tenths(of(|one| one.p50_us)),
            number(of(|one| one.bytes_in)),
            number(of(|one| one.bytes_out)),
            number(of(|one| one.text_tokens)),
        ]);
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::Iteration;
    use crate::results::trial::Trial;

    #[test]
    fn what_a_session_takes_follows_from_its_calls() {
        let trial = |calls: u64, p50_us: u64| Trial {
            calls_per_session: Some(10),
            calls,
            iteration_p50_us: Some(p50_us),
            bytes_in: 8_000,
            bytes_out: 2_000,
            text_tokens: Some(460),
            ..Trial::default()
        };
        let trials = [trial(40, 900), trial(25, 1_100), trial(40, 1_000)];
        let all: Vec<&Trial> = trials.iter().collect();
        let found = Iteration::of(&all).unwrap();
        let wanted = Iteration {
            p50_us: Some(1_000),
            bytes_in: Some(2_000),
            bytes_out: Some(500),
            text_tokens: Some(4_600),
        };
        assert_eq!(found, wanted);
        assert_eq!(Iteration::of(&[&Trial::default()]), None);
        assert_eq!(Iteration::of(&[&trial(0, 0)]).unwrap().bytes_in, None);
    }
}
