//! A recommendation for people, and as CSV.

use std::fmt::Write as _;

use crate::analysis::recommend::{Measured, Recommendation};
use crate::render::compare::{interval, list, point, said};
use crate::render::table::{Style, Table};

/// The recommendation for people.
#[must_use]
pub fn render(found: &Recommendation, style: Style) -> String {
    let wish = &found.wish;
    let mut text = format!("Use {} for {} work", found.subject, wish.workload);
    // Writing into a string does not fail.
    if let Some(clients) = wish.clients {
        let _ = write!(text, ", {clients} clients");
    }
    if let Some(bytes) = wish.memory_bytes {
        let _ = write!(text, ", up to {:.1} MB of memory", bytes as f64 / 1e6);
    }
    let _ = writeln!(
        text,
        ".\nIt is the first by {} over {} in the run {}.\nStarted as: {}\n\nEvidence:\n",
        wish.by.name(),
        found.suites.join(", "),
        found.run,
        found.command.join(" ")
    );
    text.push_str(&evidence(&found.evidence, style));
    if !found.runners_up.is_empty() {
        let mut table = Table::new(
            &[
                "runner-up",
                "mean ratio to the best",
                "95% interval",
                "beside it",
            ],
            1,
        );
        for place in &found.runners_up {
            table.row(vec![
                place.subject.clone(),
                point(Some(place.to_best)),
                interval(Some(place.to_best)),
                place.beside_first.name().to_owned(),
            ]);
        }
        let _ = write!(text, "\nBehind it:\n\n{}", table.draw(style));
    }
    list(
        &mut text,
        "What would change the answer",
        found.would_change.iter(),
    );
    text
}

fn evidence(rows: &[Measured], style: Style) -> String {
    let header = [
        "suite",
        "subject",
        "clients",
        "CPU us/call",
        "calls/s",
        "p50 ms",
        "p99 ms",
        "RSS peak MB",
    ];
    let mut table = Table::new(&header, 2);
    for row in rows {
        let mut cells = vec![
            row.suite.clone(),
            row.subject.clone(),
            row.clients.to_string(),
        ];
        let figures = [
            row.cpu_us_per_call,
            row.calls_per_s,
            row.p50_ms,
            row.p99_ms,
            row.rss_peak_mb,
        ];
        cells.extend(figures.map(said));
        table.row(cells);
    }
    table.draw(style)
}

/// The evidence as CSV: a row for each subject and suite, those of the choice first.
///
/// # Errors
/// When it cannot be written, which is not to be expected.
pub fn csv(found: &Recommendation) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &found.evidence {
        writer.serialize(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
