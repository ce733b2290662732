//! One suite of a report: how it was asked, who did how well, and what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::columns::{COLUMNS, MORE_COLUMNS, cells, more_cells};
use super::rank::{Figure, Row};
use super::summary::{Failure, SuiteTable};
use super::targets;
use crate::config::load::Load;
use crate::render::table::{Style, Table};

/// Below a table that has subjects on stdio and on other wires.
const WIRES_DIFFER: &str = "\nstdio beside HTTP: over stdio all clients share one pipe and many calls go in one write, over HTTP each has a \
     connection of its own. That is what the transports are, and it is not what the servers do with a call. No floor \
     here bounds stdio.\n";

/// What readers have to know of some subjects, numbered where it is first needed.
struct Notes<'a> {
    of: &'a BTreeMap<String, String>,
    shown: Vec<&'a str>,
}

impl Notes<'_> {
    /// The subject, with the number of its note where it has one.
    fn subject(&mut self, row: &Row) -> String {
        let Some(note) = self.of.get(&row.subject) else {
            return row.subject.clone();
        };
        let shown = self.shown.iter().position(|shown| shown == note);
        let number = shown.unwrap_or_else(|| {
            self.shown.push(note);
            self.shown.len() - 1
        });
        format!("{} [{}]", row.subject, number + 1)
    }
}

/// Draws the tables of a suite and what belongs to them.
pub(crate) fn suite(
    text: &mut String,
    table: &SuiteTable,
    notes: &BTreeMap<String, String>,
    style: Style,
) {
    asked(text, table);
    let mut notes = Notes {
        of: notes,
        shown: Vec::new(),
    };
    let mut drawn = Table::new(&COLUMNS, 3);
    for row in &table.servers {
        let mark = if row.is_tied { "=" } else { "" };
        let rank = row
            .rank
            .map_or_else(|| "-".to_owned(), |rank| format!("{rank}{mark}"));
        drawn.row(cells(row, rank, notes.subject(row), table.ranked_by));
    }
    for row in &table.floors {
        let floor = "floor".to_owned();
        drawn.row(cells(row, floor, notes.subject(row), table.ranked_by));
    }
    text.push_str(&drawn.draw(style));
    for (index, note) in notes.shown.iter().enumerate() {
        // Writing into a string does not fail.
        let _ = write!(text, "\n[{}] {note}.\n", index + 1);
    }
    let all = || table.servers.iter().chain(&table.floors);
    let has = |is_stdio: bool| all().any(|row| (row.wire == "stdio") == is_stdio);
    if has(true) && has(false) {
        text.push_str(WIRES_DIFFER);
    }
    // On a terminal thirty rows are enough to look at once.
    if style == Style::Markdown {
        let mut more = Table::new(&MORE_COLUMNS, 1);
        all().for_each(|row| more.row(more_cells(row)));
        text.push('\n');
        text.push_str(&more.draw(style));
    }
    if !table.targets.is_empty() {
        text.push_str("\nTargets:\n\n");
        text.push_str(&targets::table(&table.targets, style));
    }
    failures(text, table.failures.iter());
}

/// How the suite was asked, and what ranks.
fn asked(text: &mut String, table: &SuiteTable) {
    let load = &table.definition.load;
    let rule = match table.ranked_by {
        Figure::CallsPerS => "Ranked by calls a second.",
        Figure::ServerCpuPerCall if load.rate_per_s.is_some() => {
            "Ranked by server CPU per call: in an open loop all have the rate that was planned."
        }
        Figure::ServerCpuPerCall => {
            "Ranked by server CPU per call: at least one subject has no trial whose rate holds (see valid)."
        }
    };
    // Writing into a string does not fail.
    let _ = writeln!(
        text,
        "{} Tool `{}`, {}, window {} s after {} s of warm-up, trials: {}.\n{rule}\n",
        table.definition.description,
        table.definition.tool,
        shape(load),
        load.duration_s(),
        load.warmup_s(),
        load.trials()
    );
}

/// The loop and its clients, in words.
fn shape(load: &Load) -> String {
    let mut text = match load.rate_per_s {
        Some(rate) => format!(
            "open loop of {rate} calls/s ({}), up to {} clients",
            load.arrivals().name(),
            load.clients()
        ),
        None => format!("closed loop, {} clients", load.clients()),
    };
    let mut say = |more: String| {
        text.push_str(", ");
        text.push_str(&more);
    };
    if load.think_time_ms() > 0.0 {
        say(format!("think time {} ms", load.think_time_ms()));
    }
    if let Some(connections) = load.connections {
        say(format!("{connections} connections"));
    }
    if let Some(calls) = load.calls_per_session {
        say(format!("{calls} calls per session"));
    }
    if load.round_trip_ms() > 0.0 {
        say(format!(
            "{} ms added to each round trip",
            load.round_trip_ms()
        ));
    }
    if load.threads() > 1 {
        say(format!("{} load threads", load.threads()));
    }
    text
}

/// What went wrong, if anything did.
pub(crate) fn failures<'f>(text: &mut String, failures: impl Iterator<Item = &'f Failure>) {
    let mut failures = failures.peekable();
    if failures.peek().is_none() {
        return;
    }
    text.push_str("\nWhat went wrong:\n\n");
    for failure in failures {
        let status = match serde_json::to_value(failure.status) {
            Ok(serde_json::Value::String(status)) => status,
            _ => String::new(),
        };
        // Indented below its list item, so that lines of a dead server stay lines in Markdown too.
        let detail = failure.text.lines().collect::<Vec<_>>().join("\n      ");
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "- {}, trial {} ({status}):\n\n      {detail}\n",
            failure.subject, failure.trial
        );
    }
}
