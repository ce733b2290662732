//! The documents of comparisons, rankings and recommendations, and the columns that they share.

use std::collections::BTreeMap;

use super::table::{Cell, Columns, Document, Style, Table};
use super::text::mark;
use crate::analysis::compare::{Compared, Comparison, Pair};
use crate::analysis::ranking::{Place, Ranking};
use crate::analysis::recommend::Recommendation;
use crate::stats::{Ratio, Threshold, Verdict};

/// A figure of a pair of subjects.
pub(crate) type Line<'f> = (&'f Pair, &'f Compared);

/// The columns of a ratio and of its interval, with so many digits for people.
pub(crate) fn ratio_columns<'c, R: 'c>(
    head: &'c str,
    digits: usize,
    ratio: fn(&R) -> Option<Ratio>,
) -> Columns<'c, R> {
    let ends = move |row: &R| ratio(row)?.interval;
    let interval = move |row: &R| match ends(row) {
        Some(ends) => format!("{:.digits$}..{:.digits$}", ends.low, ends.high).into(),
        None => Cell::number(None, digits),
    };
    let title = if head.is_empty() { "" } else { "95% interval" };
    Columns::new()
        .add("ratio", head, move |row| {
            Cell::number(ratio(row).map(|ratio| ratio.point), digits)
        })
        .add("", title, interval)
        .figure("ratio_low", "", move |row| ends(row).map(|ends| ends.low))
        .figure("ratio_high", "", move |row| ends(row).map(|ends| ends.high))
}

/// A verdict: its name for programs, words for people.
pub(crate) fn verdict(threshold: Threshold, verdict: Verdict) -> Cell {
    Cell::shown(verdict.name(), threshold.words(verdict))
}

/// The columns of a comparison by one metric.
pub(crate) fn compared<'c>() -> Columns<'c, Compared> {
    Columns::<Compared>::new()
        .add("figure", "figure", |one| {
            Cell::shown(one.figure.key(), one.figure.name())
        })
        .figure("a", "A", |one| one.a)
        .figure("b", "B", |one| one.b)
        .with(ratio_columns("B/A", 3, |one| one.ratio))
        .count("outliers", "outliers", |one| one.outliers as u64)
        .figure("threshold", "", |one| Some(one.threshold.share()))
        .add("verdict", "verdict on B", |one| {
            verdict(one.threshold, one.verdict)
        })
        .text("why", "", |one| &one.why)
}

/// All figures of some pairs.
pub(crate) fn lines<'f>(pairs: impl IntoIterator<Item = &'f Pair>) -> Vec<Line<'f>> {
    let of_pair = |pair: &'f Pair| pair.figures.iter().map(move |one| (pair, one));
    pairs.into_iter().flat_map(of_pair).collect()
}

/// Why nothing is known of some of these lines, each reason once.
pub(crate) fn reasons(lines: &[Line<'_>]) -> Vec<String> {
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, one) in lines.iter().filter(|(_, one)| !one.why.is_empty()) {
        *rows.entry(&one.why).or_default() += 1;
    }
    let said = |(why, rows)| format!("{why} (rows: {rows})");
    rows.into_iter().map(said).collect()
}

/// A comparison.
pub(crate) fn comparison(found: &Comparison, style: Style) -> String {
    let is_of_runs = found.rows.iter().all(|row| row.a == row.b);
    let shows_subject = is_of_runs || found.b.contains(", ");
    let subject = if shows_subject { "subject" } else { "" };
    let columns = Columns::<Line<'_>>::new()
        .text("suite", "suite", |(pair, _)| &pair.suite)
        .text("subject", subject, |(pair, _)| &pair.b)
        .with(compared().of(|(_, one)| *one));
    let lines = lines(&found.rows);
    let mut document = Document::default();
    document.fact("a", &found.a);
    document.fact("b", &found.b);
    document.fact("threshold", found.threshold.share());
    document.fact("comparisons", found.comparisons);
    document.say(format!(
        "A: {}\nB: {}\nA verdict needs the whole interval of the ratio beyond {}, or within it. All {} \
         intervals together hold the true ratios with a probability of 95% (Bonferroni).\n\n",
        found.a, found.b, found.threshold, found.comparisons
    ));
    document.table(
        "rows",
        Table::of(&columns, 2 + usize::from(shows_subject), &lines),
    );
    document.list("reasons", "Unknown, because", &reasons(&lines));
    document.list("left_out", "Left out", &found.left_out);
    document.draw(style)
}

/// The places of an order, with a column for each suite.
fn places(found: &Ranking) -> Table {
    let rank = |place: &Place| match place.rank {
        1 => 1_u64.into(),
        rank => Cell::shown(rank, format!("{rank}{}", mark(place.beside_above))),
    };
    // The first has none above it.
    let beside = |place: &Place, found_verdict: Verdict| match place.rank {
        1 => Cell::shown(found_verdict.name(), "-"),
        _ => verdict(found.threshold, found_verdict),
    };
    let mut columns = Columns::<Place>::new()
        .add("rank", "rank", rank)
        .text("subject", "subject", |place| &place.subject)
        .with(ratio_columns("mean ratio", 3, |place| Some(place.to_best)))
        .add("beside_above", "beside the row above", move |place| {
            beside(place, place.beside_above)
        })
        .add("beside_first", "beside the first", move |place| {
            beside(place, place.beside_first)
        });
    for (at, suite) in found.suites.iter().enumerate() {
        let ratio = move |place: &Place| place.each.get(at).map(|(_, ratio)| *ratio);
        columns = columns.add(suite, suite, move |place| Cell::number(ratio(place), 2));
    }
    Table::of(&columns, 2, &found.places)
}

/// An order.
pub(crate) fn ranking(found: &Ranking, style: Style) -> String {
    let mut document = Document::default();
    document.fact("run", &found.run);
    document.fact("by", found.by);
    document.fact("threshold", found.threshold.share());
    document.fact("suites", &found.suites);
    document.say(format!(
        "{}, by {}: how many times worse than the best of each suite, geometric mean over {} suites.\n\
         `2=` is equal to the row above within {}, of `2~` the readings cannot tell, of `2?` there is \
         no interval (fewer than 3 trials).\n\n",
        found.run,
        found.by.name(),
        found.suites.len(),
        found.threshold,
    ));
    document.table("places", places(found));
    for note in &found.notes {
        document.say(format!("\n{note}\n"));
    }
    document.fact("notes", &found.notes);
    document.list("left_out", "Left out", &found.left_out);
    document.draw(style)
}

/// A recommendation; as CSV the order that it comes from.
pub(crate) fn recommendation(found: &Recommendation, style: Style) -> String {
    let (wish, order) = (&found.wish, &found.ranking);
    // The title of a scenario says how many there are.
    let clients = wish.clients.filter(|_| wish.scenario.is_none());
    let clients = clients.map(|clients| format!(", {clients} clients"));
    let memory = |bytes| format!(", up to {:.1} MB of memory", bytes as f64 / 1e6);
    let memory = wish.max_rss_bytes.map(memory);
    let work = match &wish.scenario {
        Some(scenario) => format!("the scenario {} ({})", scenario.name, scenario.title),
        None => format!("{} work", wish.workload),
    };
    let mut document = Document::default();
    document.say(format!(
        "Use {} for {work}{}{}, {}.\n\nCommand: {}\nBy: {} in {} of the run {}.\n{}\n",
        found.subject,
        clients.unwrap_or_default(),
        memory.unwrap_or_default(),
        wish.deployment.words(),
        found.command.join(" "),
        wish.by.name(),
        order.suites.join(", "),
        order.run,
        found.wins
    ));
    document.fact("wish", wish);
    document.fact("subject", &found.subject);
    document.fact("command", &found.command);
    document.fact("wins", &found.wins);
    document.list("equals", "Equal to it", &found.equals);
    document.list(
        "would_change",
        "What would change the answer",
        &found.would_change,
    );
    document.fact("run", &order.run);
    document.fact("suites", &order.suites);
    document.table_for_programs("places", places(order));
    document.draw(style)
}
