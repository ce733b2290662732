//! Comparisons, rankings and recommendations for people, and as CSV.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::table::{Cell, Style, Table};
use super::text::mark;
use crate::analysis::compare::{Compared, Comparison};
use crate::analysis::ranking::Ranking;
use crate::analysis::recommend::Recommendation;
use crate::stats::Ratio;

/// The columns of a compared metric.
pub(crate) const COMPARED: [(&str, &str); 8] = [
    ("figure", "figure"),
    ("a", "A"),
    ("b", "B"),
    ("ratio", "B/A"),
    ("interval", "95% interval"),
    ("outliers", "outliers"),
    ("verdict", "verdict on B"),
    ("why", "why"),
];

/// The cells of a compared metric.
pub(crate) fn compared(one: &Compared, style: Style) -> Vec<Cell> {
    let (figure, verdict) = match style {
        Style::Csv => (one.figure.key(), one.verdict.name().to_owned()),
        _ => (one.figure.name(), one.threshold.words(one.verdict)),
    };
    vec![
        figure.into(),
        one.a.into(),
        one.b.into(),
        point(one.ratio),
        interval(one.ratio),
        one.outliers.to_string().into(),
        verdict.into(),
        one.why.as_str().into(),
    ]
}

pub(crate) fn point(ratio: Option<Ratio>) -> Cell {
    Cell::number(ratio.map(|ratio| ratio.point), 3)
}

pub(crate) fn interval(ratio: Option<Ratio>) -> Cell {
    let ends = ratio.and_then(|ratio| ratio.interval);
    ends.map_or(Cell::Missing, |ends| {
        format!("{:.3}..{:.3}", ends.low, ends.high).into()
    })
}

/// A list with a title, where there is something in it.
pub(crate) fn list<'t>(text: &mut String, title: &str, items: impl Iterator<Item = &'t String>) {
    for (index, item) in items.enumerate() {
        if index == 0 {
            text.extend(["\n", title, ":\n\n"]);
        }
        text.extend(["- ", item, "\n"]);
    }
}

/// A comparison.
pub(crate) fn comparison(found: &Comparison, style: Style) -> String {
    let is_csv = style == Style::Csv;
    let is_of_runs = found.rows.iter().all(|row| row.a == row.b);
    let shows_subject = is_csv || is_of_runs || found.b.contains(", ");
    let mut header = vec![("suite", "suite")];
    header.extend(shows_subject.then_some(("subject", "subject")));
    let left = header.len() + 1;
    // People find the reasons below the table.
    let columns = if is_csv { 8 } else { 7 };
    header.extend(&COMPARED[..columns]);
    let mut table = Table::keyed(&header, left);
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &found.rows {
        for one in &row.figures {
            let mut cells = vec![Cell::from(row.suite.as_str())];
            cells.extend(shows_subject.then(|| row.b.as_str().into()));
            cells.extend(compared(one, style).into_iter().take(columns));
            table.cells(cells);
            if !one.why.is_empty() {
                *reasons.entry(&one.why).or_default() += 1;
            }
        }
    }
    if is_csv {
        return table.draw(style);
    }
    let mut text = format!(
        "A: {}\nB: {}\nA verdict needs the whole interval of the ratio beyond {}, or within it. All {} \
         intervals together hold the true ratios with a probability of 95% (Bonferroni).\n\n{}",
        found.a,
        found.b,
        found.threshold,
        found.comparisons,
        table.draw(style)
    );
    let reason = |(why, count): (&str, usize)| format!("{why} (rows: {count})");
    let reasons: Vec<String> = reasons.into_iter().map(reason).collect();
    list(&mut text, "Unknown, because", reasons.iter());
    list(&mut text, "Left out", found.left_out.iter());
    text
}

/// An order; as CSV with a column for each suite.
pub(crate) fn ranking(found: &Ranking, style: Style) -> String {
    let mut header = vec![
        ("rank", "rank"),
        ("subject", "subject"),
        ("mean_ratio", "mean ratio"),
        ("interval", "95% interval"),
        ("beside_above", "beside the row above"),
        ("beside_first", "beside the first"),
    ];
    header.extend(
        found
            .suites
            .iter()
            .map(|suite| (suite.as_str(), suite.as_str())),
    );
    let mut table = Table::keyed(&header, 2);
    for place in &found.places {
        let said = |verdict| found.threshold.words(verdict);
        let (rank, above, first) = match (style, place.rank) {
            (Style::Csv, _) => {
                let names =
                    [place.beside_above, place.beside_first].map(|one| one.name().to_owned());
                let [above, first] = names;
                (place.rank.to_string(), above, first)
            }
            (_, 1) => ("1".to_owned(), "-".to_owned(), "-".to_owned()),
            (_, rank) => {
                let rank = format!("{rank}{}", mark(place.beside_above));
                (rank, said(place.beside_above), said(place.beside_first))
            }
        };
        let mut cells: Vec<Cell> = vec![
            rank.into(),
            place.subject.as_str().into(),
            point(Some(place.to_best)),
            interval(Some(place.to_best)),
            above.into(),
            first.into(),
        ];
        cells.extend(
            place
                .each
                .iter()
                .map(|(_, ratio)| Cell::number(Some(*ratio), 2)),
        );
        table.cells(cells);
    }
    if style == Style::Csv {
        return table.draw(style);
    }
    let mut text = format!(
        "{}, by {}: how many times worse than the best of each suite, geometric mean over {} suites.\n\
         `2=` is equal to the row above within {}, of `2~` the readings cannot tell, of `2?` there is \
         no interval (fewer than 3 trials).\n\n{}",
        found.run,
        found.by.name(),
        found.suites.len(),
        found.threshold,
        table.draw(style)
    );
    for note in &found.notes {
        let _ = writeln!(text, "\n{note}");
    }
    list(&mut text, "Left out", found.left_out.iter());
    text
}

/// A recommendation; as CSV the order that it comes from.
pub(crate) fn recommendation(found: &Recommendation, style: Style) -> String {
    if style == Style::Csv {
        return ranking(&found.ranking, style);
    }
    let wish = &found.wish;
    let mut text = format!("Use {} for {} work", found.subject, wish.workload);
    if let Some(clients) = wish.clients {
        let _ = write!(text, ", {clients} clients");
    }
    if let Some(bytes) = wish.max_rss_bytes {
        let _ = write!(text, ", up to {:.1} MB of memory", bytes as f64 / 1e6);
    }
    let _ = writeln!(
        text,
        ", {}.\n\nCommand: {}\nBy: {} in {} of the run {}.\n{}",
        wish.deployment.words(),
        found.command.join(" "),
        wish.by.name(),
        found.ranking.suites.join(", "),
        found.ranking.run,
        found.wins
    );
    list(&mut text, "Equal to it", found.equals.iter());
    list(
        &mut text,
        "What would change the answer",
        found.would_change.iter(),
    );
    text
}
