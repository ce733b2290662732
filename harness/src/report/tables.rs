//! The ranked tables: a row for each subject of each suite, with its labels, its figures, how far
//! they hold, and the command that makes it again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::again;
use crate::analysis::dataset::Dataset;
use crate::analysis::metric::Metric;
use crate::analysis::ranking::{WIRES_DIFFER, mixes_stdio};
use crate::analysis::summary::{Report, Row, SuiteTable};
use crate::config::template::text_of;
use crate::render::table::Cell;
use crate::render::text::{mark, rule, shape, valid, windows};
use crate::results::trial::Trial;
use crate::results::warning::{Validity, Warning};

/// The metrics of a row.
const METRICS: [Metric; 5] = [
    Metric::CallsPerS,
    Metric::CpuUsPerCall,
    Metric::P50Ms,
    Metric::P99Ms,
    Metric::RssPeakMb,
];

/// The tables of a run: one for each suite, and one for all suites of a sweep.
#[derive(Debug, Serialize)]
pub(super) struct TableView {
    pub(super) id: String,
    title: String,
    run: String,
    description: String,
    asked: String,
    rule: &'static str,
    /// What differs from suite to suite of a sweep; empty outside of one.
    steps: Vec<String>,
    metrics: Vec<&'static str>,
    pub(super) rows: Vec<RowView>,
    notes: Vec<String>,
    failures: Vec<String>,
}

/// One row.
#[derive(Debug, Serialize)]
pub(super) struct RowView {
    pub(super) id: String,
    subject: String,
    rank: String,
    /// Where it stands when the table is sorted by rank.
    rank_order: usize,
    steps: Vec<String>,
    pub(super) transport: String,
    pub(super) runtime: String,
    pub(super) fast_path: String,
    pub(super) sessions: String,
    figures: Vec<FigureView>,
    ratio: String,
    interval: String,
    errors: u64,
    valid: String,
    is_valid: bool,
    warnings: Vec<Raised>,
    note: String,
    command: String,
}

/// A warning of a row.
#[derive(Debug, Serialize)]
struct Raised {
    name: &'static str,
    number: usize,
}

/// One figure.
#[derive(Debug, Serialize)]
struct FigureView {
    text: String,
    sort: Option<f64>,
    /// `holds`, `roughly` or `void`.
    holds: &'static str,
}

/// The anchor of a row.
pub(super) fn row_id(run: usize, suite: &str, subject: &str) -> String {
    anchor(&format!("row-{run}__{suite}__{subject}"))
}

/// A text as an anchor.
pub(super) fn anchor(text: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    text.chars()
        .map(|letter| if keep(letter) { letter } else { '-' })
        .collect()
}

/// The tables of a run.
pub(super) fn tables(index: usize, run: &Dataset, summary: &Report) -> Vec<TableView> {
    let mut groups: BTreeMap<usize, (String, Vec<&SuiteTable>)> = BTreeMap::new();
    for (place, suite) in summary.suites.iter().enumerate() {
        let point = suite.definition.point.as_ref();
        let title = point.map_or_else(|| suite.suite.clone(), |point| point.sweep.clone());
        let mut same = groups
            .iter()
            .filter(|(_, (name, _))| point.is_some() && *name == title);
        let at = same.next().map_or(place, |(at, _)| *at);
        groups
            .entry(at)
            .or_insert((title, Vec::new()))
            .1
            .push(suite);
    }
    let groups = groups.into_values();
    groups
        .map(|(title, mut suites)| {
            suites.sort_by_key(|suite| suite.definition.point.as_ref().map(|point| point.number));
            table(index, run, summary, &title, &suites)
        })
        .collect()
}

fn table(
    index: usize,
    run: &Dataset,
    summary: &Report,
    title: &str,
    suites: &[&SuiteTable],
) -> TableView {
    let all = |suite: &'_ SuiteTable| -> Vec<Row> {
        suite.servers.iter().chain(&suite.floors).cloned().collect()
    };
    let mut rows = Vec::new();
    for suite in suites {
        for row in all(suite) {
            let place = rows.len();
            rows.push(row_view(index, run, summary, suite, &row, place));
        }
    }
    let point = suites
        .first()
        .and_then(|suite| suite.definition.point.as_ref());
    let first = suites.first();
    let wires = suites
        .iter()
        .flat_map(|suite| suite.servers.iter().chain(&suite.floors));
    let mixed = mixes_stdio(wires.map(|row| row.wire.as_str()));
    let failures = suites.iter().flat_map(|suite| &suite.failures);
    let failure = |one: &crate::analysis::summary::Failure| {
        format!("{}, trial {}: {}", one.subject, one.trial, one.text)
    };
    TableView {
        id: anchor(&format!("table-{index}-{title}")),
        title: title.to_owned(),
        run: summary.run.clone(),
        description: first.map_or_else(String::new, |suite| suite.definition.description.clone()),
        asked: first.map_or_else(String::new, |suite| {
            let load = &suite.definition.load;
            format!(
                "Tool {}, {}, {}",
                suite.definition.label(),
                shape(load),
                windows(load)
            )
        }),
        rule: first.map_or("", |suite| rule(suite)),
        steps: point.map_or_else(Vec::new, |point| point.keys.clone()),
        metrics: METRICS.iter().map(|metric| metric.name()).collect(),
        rows,
        notes: mixed.then(|| WIRES_DIFFER.to_owned()).into_iter().collect(),
        failures: failures.map(failure).collect(),
    }
}

fn row_view(
    index: usize,
    run: &Dataset,
    summary: &Report,
    suite: &SuiteTable,
    row: &Row,
    place: usize,
) -> RowView {
    let is_floor = run.is_floor(&row.subject);
    let trials: Vec<&Trial> = run.rows(&suite.suite, &row.subject).collect();
    let label = |read: fn(&Trial) -> &String| {
        trials
            .first()
            .map(|trial| read(trial).clone())
            .unwrap_or_default()
    };
    let raised = |warning: &&Warning| {
        trials
            .iter()
            .any(|trial| trial.warnings().contains(warning))
    };
    let point = suite.definition.point.as_ref();
    let rank = match row.rank {
        _ if is_floor => "floor".to_owned(),
        Some(rank) => format!("{rank}{}", row.beside_above.map_or("", mark)),
        None => "-".to_owned(),
    };
    let valid = valid(row);
    // The best beside itself has nothing to tell.
    let ends = row.ratio_to_best.filter(|_| row.rank != Some(1));
    let ends = ends.and_then(|ratio| ratio.interval);
    RowView {
        id: row_id(index, &suite.suite, &row.subject),
        subject: row.subject.clone(),
        rank,
        rank_order: place,
        steps: point.map_or_else(Vec::new, |point| point.values.iter().map(text_of).collect()),
        transport: label(|trial| &trial.transport),
        runtime: label(|trial| &trial.runtime),
        fast_path: label(|trial| &trial.fast_path),
        sessions: label(|trial| &trial.sessions),
        figures: METRICS.iter().map(|metric| figure(row, *metric)).collect(),
        ratio: row
            .ratio_to_best
            .map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}", ratio.point)),
        interval: ends.map_or_else(
            || "-".to_owned(),
            |ends| format!("{:.2} to {:.2}", ends.low, ends.high),
        ),
        errors: row.errors + row.errors_around,
        is_valid: valid == "yes",
        valid,
        warnings: Warning::ALL
            .iter()
            .filter(raised)
            .map(|warning| Raised {
                name: warning.name(),
                number: number(*warning),
            })
            .collect(),
        note: summary.notes.get(&row.subject).cloned().unwrap_or_default(),
        command: again::of_row(&run.environment, &suite.suite, &row.subject),
    }
}

/// The number of a warning in reports, from 1.
pub(super) fn number(warning: Warning) -> usize {
    let place = Warning::ALL.iter().position(|one| *one == warning);
    place.map_or(0, |place| place + 1)
}

/// How far a metric of a row holds.
pub(super) fn validity(row: &Row, metric: Metric) -> Validity {
    match metric {
        Metric::CpuUsPerCall | Metric::RssPeakMb => row.cpu,
        _ => row.rate,
    }
}

fn figure(row: &Row, metric: Metric) -> FigureView {
    let value = row.figures.get(&metric).copied();
    FigureView {
        text: Cell::from(value).for_people(),
        sort: value,
        holds: match validity(row, metric) {
            _ if value.is_none() => "holds",
            Validity::Holds => "holds",
            Validity::Roughly => "roughly",
            Validity::DoesNotHold => "void",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{anchor, tables};
    use crate::analysis::dataset::golden_for_tests;
    use crate::analysis::summary::Report;

    #[test]
    fn each_row_has_an_anchor_of_its_own_and_marks_what_does_not_hold() {
        let run = golden_for_tests();
        let summary = Report::of(&run).unwrap();
        let tables = tables(0, &run, &summary);
        let rows: Vec<_> = tables.iter().flat_map(|table| &table.rows).collect();
        let mut ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((tables.len(), ids.len()), (2, rows.len()));
        let quick = rows
            .iter()
            .find(|row| row.id == "row-0__echo__quick")
            .unwrap();
        assert!(
            quick.command.ends_with("--suite echo --subject quick"),
            "{}",
            quick.command
        );
        let doubtful = rows.iter().filter(|row| !row.is_valid);
        assert!(doubtful.clone().count() > 0, "{rows:?}");
        for row in doubtful {
            assert!(!row.valid.is_empty() && row.figures.len() == 5, "{row:?}");
        }
    }

    #[test]
    fn an_anchor_has_no_letter_that_an_address_would_change() {
        assert_eq!(anchor("row-0-echo@rate-a/b"), "row-0-echo-rate-a-b");
    }
}
