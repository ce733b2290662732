//! The tables of published claims beside what was measured, and a line for each verdict.

use std::fmt::Write as _;

use super::table::{Cell, Style, Table};
use crate::analysis::replay::{Answered, Shown, Verdict, number};
use crate::config::published::Value;

/// Draws them all. As CSV: the table of figures alone.
#[must_use]
pub fn draw(answered: &[Answered], style: Style) -> String {
    let mut notes = Notes::default();
    let table = figures(answered, &mut notes, style);
    if style == Style::Csv {
        return table;
    }
    let mut text = table;
    notes.write(&mut text);
    ceilings(answered, &mut text);
    text.push_str(&references(answered, style));
    text.push('\n');
    for one in answered
        .iter()
        .filter(|one| one.verdict != Verdict::Reference)
    {
        verdict(one, &mut text);
    }
    text
}

/// Lists of differences, each once, with a letter.
#[derive(Default)]
struct Notes {
    lists: Vec<String>,
}

impl Notes {
    fn mark(&mut self, list: String) -> String {
        let place = self.lists.iter().position(|one| *one == list);
        let place = place.unwrap_or_else(|| {
            self.lists.push(list);
            self.lists.len() - 1
        });
        format!("differs [{}]", place + 1)
    }

    fn write(&self, text: &mut String) {
        if !self.lists.is_empty() {
            text.push_str("\nWhat differs from the published load, in the place of a ratio:\n");
        }
        for (place, list) in self.lists.iter().enumerate() {
            let _ = writeln!(text, "[{}] {list}.", place + 1);
        }
    }
}

fn figures(answered: &[Answered], notes: &mut Notes, style: Style) -> String {
    let header = [
        "claim",
        "measured here",
        "figure",
        "found",
        "interval",
        "right %",
        "published",
        "over published",
    ];
    let mut table = Table::new(&header, 3);
    for one in answered {
        for row in &one.rows {
            let figure = row.figure.name();
            table.cells(vec![
                one.id.as_str().into(),
                row.what.as_str().into(),
                if row.is_ratio {
                    format!("{figure}, times")
                } else {
                    figure
                }
                .into(),
                found(row),
                row.interval.map_or(Cell::Missing, |ends| {
                    format!("{}..{}", number(ends.low), number(ends.high)).into()
                }),
                row.right_percent.into(),
                published(&row.published).into(),
                over(row, notes, style),
            ]);
        }
    }
    table.draw(style)
}

fn found(row: &Shown) -> Cell {
    let doubt = if row.holds { "" } else { " (doubtful)" };
    row.found.map_or_else(
        || "NOT MEASURED".into(),
        |value| format!("{}{doubt}", number(value)).into(),
    )
}

/// The ratio, or what forbids it.
fn over(row: &Shown, notes: &mut Notes, style: Style) -> Cell {
    if let Some(ratio) = row.over_published {
        return Cell::number(Some(ratio), 2);
    }
    if row.published.is_empty() || row.differences.is_empty() {
        return Cell::Missing;
    }
    let all = row.differences.iter().chain([&row.machines]);
    let list = all.map(String::as_str).collect::<Vec<_>>().join("; ");
    match style {
        Style::Csv => list.into(),
        Style::Text | Style::Markdown => notes.mark(list).into(),
    }
}

/// Published figures, each with its unit.
pub(crate) fn published(values: &[Value]) -> String {
    let text = |value: &Value| {
        let most = value
            .up_to
            .map_or_else(String::new, |most| format!(" to {most}"));
        let text = format!("{}{most} {}", value.value, value.metric.name());
        text.trim_end().to_owned()
    };
    values.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What load shapes allow at most.
fn ceilings(answered: &[Answered], text: &mut String) {
    for one in answered.iter().filter(|one| !one.rows.is_empty()) {
        if let Some(ceiling) = one.ceiling_per_s {
            let _ = writeln!(
                text,
                "\n{}: the published clients wait between iterations, so no server shows more than {} counted requests/s.",
                one.id,
                number(ceiling)
            );
        }
    }
}

/// Other implementations' rows.
fn references(answered: &[Answered], style: Style) -> String {
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
            let own: Vec<Value> = own.cloned().collect();
            table.row(vec![one.id.clone(), name.to_owned(), published(&own)]);
        }
    }
    if is_empty {
        return String::new();
    }
    format!(
        "\nOther implementations, as published; none of them was measured here:\n\n{}",
        table.draw(style)
    )
}

fn verdict(one: &Answered, text: &mut String) {
    let sentence = one.sentence.trim_end_matches('.');
    let _ = write!(text, "- {}: {}: {sentence}.", one.id, one.verdict);
    if !one.doubts.is_empty() {
        let _ = write!(text, " Not certain: {}.", one.doubts.join("; "));
    }
    let _ = writeln!(text, " Claim: {}.", one.says);
    for caveat in &one.caveats {
        let _ = writeln!(text, "  - {caveat}");
    }
}
