//! The tables of published claims beside what was measured, and a line for each verdict.

use std::fmt::Write as _;

use super::table::{Cell, Columns, Document, Style, Table, json};
use crate::analysis::replay::{Answered, Shown, Verdict, number};
use crate::config::published::Value;

/// A figure of a claim.
type Line<'a> = (&'a Answered, &'a Shown);

/// Draws them all. As CSV: the table of figures alone. As JSON: claim by claim.
pub(crate) fn draw(answered: &[Answered], style: Style) -> String {
    match style {
        Style::Json => json(answered),
        Style::Csv => figures(answered, &lists(answered)).draw(style),
        Style::Text | Style::Markdown => {
            let mut document = Document::default();
            tell(&mut document, answered);
            document.draw(style)
        }
    }
}

/// Puts them all into a document, for people.
pub(crate) fn tell(document: &mut Document, answered: &[Answered]) {
    let lists = lists(answered);
    document.table_for_people(figures(answered, &lists));
    if !lists.is_empty() {
        document.say("\nWhat differs from the published load, in the place of a ratio:\n");
    }
    for (place, list) in lists.iter().enumerate() {
        document.say(format!("[{}] {list}.\n", place + 1));
    }
    ceilings(document, answered);
    references(document, answered);
    document.say("\n");
    for one in answered {
        if one.verdict != Verdict::Reference {
            document.say(verdict(one));
        }
    }
}

/// What differs from the published load and limits where that forbids a ratio.
fn differing(row: &Shown) -> Option<String> {
    let is_divided = row.over_published.is_some();
    if is_divided || row.published.is_empty() || row.differences.is_empty() {
        return None;
    }
    let all = row.differences.iter().chain([&row.machines]);
    Some(all.map(String::as_str).collect::<Vec<_>>().join("; "))
}

/// The lists of differences, each once. Their numbers stand in the table.
fn lists(answered: &[Answered]) -> Vec<String> {
    let mut lists = Vec::new();
    for list in (answered.iter().flat_map(|one| &one.rows)).filter_map(differing) {
        if !lists.contains(&list) {
            lists.push(list);
        }
    }
    lists
}

fn figures(answered: &[Answered], lists: &[String]) -> Table {
    let figure = |(_, row): &Line<'_>| {
        let times = if row.is_ratio { ", times" } else { "" };
        format!("{}{times}", row.figure.name()).into()
    };
    let interval = |(_, row): &Line<'_>| match row.interval {
        Some(ends) => format!("{}..{}", number(ends.low), number(ends.high)).into(),
        None => Cell::number(None, 0),
    };
    let over = |(_, row): &Line<'_>| match differing(row) {
        Some(list) => {
            let before = lists.iter().take_while(|one| **one != list).count();
            Cell::shown(list, format!("differs [{}]", before + 1))
        }
        None => Cell::number(row.over_published, 2),
    };
    let columns = Columns::<Line<'_>>::new()
        .text("claim", "claim", |(one, _)| &one.id)
        .text("measured here", "measured here", |(_, row)| &row.what)
        .add("figure", "figure", figure)
        .add("found", "found", |(_, row)| found(row).into())
        .add("interval", "interval", interval)
        .figure("right %", "right %", |(_, row)| row.right_percent)
        .add("published", "published", |(_, row)| {
            published(&row.published).into()
        })
        .add("over published", "over published", over);
    let lines = (answered.iter()).flat_map(|one| one.rows.iter().map(move |row| (one, row)));
    Table::of(&columns, 3, &lines.collect::<Vec<Line<'_>>>())
}

fn found(row: &Shown) -> String {
    let doubt = if row.holds { "" } else { " (doubtful)" };
    row.found.map_or_else(
        || "NOT MEASURED".to_owned(),
        |value| format!("{}{doubt}", number(value)),
    )
}

/// Published figures, each with its unit.
pub(crate) fn published<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let text = |value: &Value| {
        let most = value
            .up_to
            .map_or_else(String::new, |most| format!(" to {most}"));
        let text = format!("{}{most} {}", value.value, value.metric.name());
        text.trim_end().to_owned()
    };
    values.into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What load shapes allow at most.
fn ceilings(document: &mut Document, answered: &[Answered]) {
    for one in answered.iter().filter(|one| !one.rows.is_empty()) {
        if let Some(ceiling) = one.ceiling_per_s {
            document.say(format!(
                "\n{}: the published clients wait between iterations, so no server shows more than {} \
                 counted requests/s.\n",
                one.id,
                number(ceiling)
            ));
        }
    }
}

/// Other implementations' rows.
fn references(document: &mut Document, answered: &[Answered]) {
    let mut table = Table::new(&["claim", "reference", "published"], 3);
    let mut is_empty = true;
    for one in answered
        .iter()
        .filter(|one| one.verdict == Verdict::Reference)
    {
        let mut names: Vec<&str> = one
            .published
            .iter()
            .map(|value| value.of.as_str())
            .collect();
        names.dedup();
        for name in names {
            is_empty = false;
            let own = one.published.iter().filter(|value| value.of == name);
            table.row(vec![one.id.clone(), name.to_owned(), published(own)]);
        }
    }
    if !is_empty {
        document.say("\nOther implementations, as published; none of them was measured here:\n\n");
        document.table_for_people(table);
    }
}

fn verdict(one: &Answered) -> String {
    let mut text = format!("- {} Claim: {}.\n", sentence(one), one.says);
    for caveat in &one.caveats {
        // Writing into a string does not fail.
        let _ = writeln!(text, "  - {caveat}");
    }
    text
}

/// The verdict of a claim, and why it may be another one.
pub(crate) fn sentence(one: &Answered) -> String {
    let sentence = one.sentence.trim_end_matches('.');
    let mut text = format!("{}: {}: {sentence}.", one.id, one.verdict);
    if !one.doubts.is_empty() {
        let _ = write!(text, " Not certain: {}.", one.doubts.join("; "));
    }
    text
}
