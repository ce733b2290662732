//! A comparison for people, and as CSV.

use std::collections::BTreeMap;

use crate::analysis::compare::{Comparison, FIGURES};
use crate::config::bounds::Figure;
use crate::render::table::{Style, Table};
use crate::stats::Ratio;

/// The comparison for people.
#[must_use]
pub fn render(comparison: &Comparison, style: Style) -> String {
    let is_of_runs = comparison.rows.iter().all(|row| row.a == row.b);
    let mut header = vec!["suite"];
    header.extend(is_of_runs.then_some("subject"));
    let left = header.len() + 1;
    header.extend([
        "figure",
        "A",
        "B",
        "B/A",
        "95% interval",
        "outliers",
        "verdict on B",
    ]);
    let mut table = Table::new(&header, left);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &comparison.rows {
        for one in &row.figures {
            let mut cells = vec![row.suite.clone()];
            cells.extend(is_of_runs.then(|| row.b.clone()));
            cells.push(one.figure.name().to_owned());
            cells.extend([
                said(one.a),
                said(one.b),
                point(one.ratio),
                interval(one.ratio),
            ]);
            let verdict = comparison.threshold.words(one.verdict);
            cells.extend([one.outliers.to_string(), verdict]);
            table.row(cells);
            if !one.why.is_empty() {
                *reasons.entry(&one.why).or_default() += 1;
            }
        }
    }
    let mut text = format!(
        "A: {}\nB: {}\nA verdict needs the whole interval of the ratio beyond {}.\n\n{}",
        comparison.a,
        comparison.b,
        comparison.threshold,
        table.draw(style)
    );
    let reason = |(why, count): (&str, usize)| format!("{why} (rows: {count})");
    let reasons: Vec<String> = reasons.into_iter().map(reason).collect();
    list(&mut text, "Unknown, because", reasons.iter());
    list(&mut text, "Left out", comparison.left_out.iter());
    text
}

/// A list with a title, where there is something in it.
pub(crate) fn list<'t>(text: &mut String, title: &str, items: impl Iterator<Item = &'t String>) {
    for (index, item) in items.enumerate() {
        if index == 0 {
            text.extend(["\n", title, ":\n"]);
            text.push('\n');
        }
        text.extend(["- ", item, "\n"]);
    }
}

/// A figure with the digits that it can carry.
pub(crate) fn said(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.3}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.2}"),
        Some(value) => format!("{value:.0}"),
    }
}

pub(crate) fn point(ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.3}", ratio.point))
}

pub(crate) fn interval(ratio: Option<Ratio>) -> String {
    let ends = ratio.and_then(|ratio| ratio.interval);
    ends.map_or_else(
        || "-".to_owned(),
        |ends| format!("{:.3}..{:.3}", ends.low, ends.high),
    )
}

/// The comparison as CSV: a row for each suite and subject, six columns for each figure.
///
/// # Errors
/// When it cannot be written, which is not to be expected.
pub fn csv(comparison: &Comparison) -> anyhow::Result<String> {
    let name = |figure: Figure| match serde_json::to_value(figure) {
        Ok(serde_json::Value::String(name)) => name,
        _ => figure.name().to_owned(),
    };
    let columns = ["a", "b", "ratio", "ratio_low", "ratio_high", "verdict"];
    let mut header = vec!["suite".to_owned(), "a".to_owned(), "b".to_owned()];
    for figure in FIGURES {
        header.extend(columns.map(|column| format!("{}_{column}", name(figure))));
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header)?;
    for row in &comparison.rows {
        let mut record = vec![row.suite.clone(), row.a.clone(), row.b.clone()];
        for one in &row.figures {
            let ends = one.ratio.and_then(|ratio| ratio.interval);
            let numbers = [
                one.a,
                one.b,
                one.ratio.map(|ratio| ratio.point),
                ends.map(|ends| ends.low),
                ends.map(|ends| ends.high),
            ];
            let cell = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
            record.extend(numbers.map(cell));
            record.push(one.verdict.name().to_owned());
        }
        writer.write_record(&record)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
