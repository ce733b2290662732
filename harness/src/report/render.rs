//! The report for people: what it was made on and how, a table for each suite, what went wrong,
//! what is doubtful.

use std::fmt::Write as _;

use super::cells::{cells, columns};
use super::rank::Figure;
use super::reading::HOW_TO_READ;
use super::summary::{Failure, Report, SuiteTable};
use super::table::{Style, Table};
use crate::format::environment::{Environment, Machine, State};

/// Below a table that has subjects on stdio and on other wires.
const WIRES_DIFFER: &str = "\nstdio beside HTTP: over stdio all clients share one pipe and many calls go in one write, over HTTP each has a \
     connection of its own. That is what the transports are, and it is not what the servers do with a call. No floor \
     here bounds stdio.\n";

/// Draws the report.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut text = String::new();
    heading(&mut text, style, 1, &format!("Run {}", report.run));
    state(&mut text, &report.environment);
    environment(&mut text, &report.environment);
    for table in &report.suites {
        suite(&mut text, table, style);
    }
    if report.suites.is_empty() {
        text.push_str("\nNo trial was finished.\n");
    } else {
        heading(&mut text, style, 2, "How to read the tables");
        text.push_str(HOW_TO_READ);
    }
    warnings(&mut text, report, style);
    text
}

/// Writing into a string does not fail, so its results carry nothing.
macro_rules! say {
    ($text:expr, $($arguments:tt)*) => {
        let _ = writeln!($text, $($arguments)*);
    };
}

fn heading(text: &mut String, style: Style, level: usize, title: &str) {
    match style {
        Style::Markdown => {
            let before = if level == 1 { "" } else { "\n" };
            say!(text, "{before}{} {title}\n", "#".repeat(level));
        }
        Style::Text => {
            let before = if level == 1 { "" } else { "\n" };
            say!(
                text,
                "{before}{title}\n{}\n",
                "=".repeat(title.chars().count())
            );
        }
    }
}

fn state(text: &mut String, environment: &Environment) {
    let done = format!(
        "{} of {} trials",
        environment.trials_done, environment.trials_planned
    );
    match environment.state {
        State::Complete if environment.trials_done == environment.trials_planned => {
            say!(text, "Complete: {done}.\n");
        }
        State::Complete => {
            say!(
                text,
                "Complete: {done}; the others were left out, see what went wrong.\n"
            );
        }
        State::Interrupted => {
            say!(
                text,
                "INTERRUPTED after {done}: the tables hold what was measured until then.\n"
            );
        }
        State::Running => {
            say!(
                text,
                "NOT FINISHED: {done}. The run is still under way, or was killed; the tables hold what was measured \
                 until now.\n"
            );
        }
        State::Failed => {
            say!(text, "FAILED after {done}: {}\n", environment.failure);
        }
    }
}

fn environment(text: &mut String, environment: &Environment) {
    let or = |value: &str, instead: &str| {
        if value.is_empty() {
            instead.to_owned()
        } else {
            value.to_owned()
        }
    };
    machine(text, &environment.machine);
    let list = |cores: &[usize]| {
        let texts: Vec<String> = cores.iter().map(ToString::to_string).collect();
        texts.join(",")
    };
    say!(
        text,
        "- cores: server {}, load and services {}",
        list(&environment.server_cores),
        list(&environment.load_cores)
    );
    let source = &environment.source;
    let dirty = if source.dirty {
        " with uncommitted changes"
    } else {
        ""
    };
    say!(
        text,
        "- source: commit {}{dirty}, {}, profile {}, harness {}",
        or(&source.commit, "none"),
        source.rustc,
        environment.profile,
        environment.harness_version
    );
    say!(
        text,
        "- time: {} to {}, order seed {}",
        environment.started,
        or(&environment.ended, "?"),
        environment.seed
    );
    say!(text, "- command: `{}`", environment.command.join(" "));
}

fn machine(text: &mut String, machine: &Machine) {
    let governor = if machine.governor.is_empty() {
        "unknown"
    } else {
        &machine.governor
    };
    let boost = match machine.boost {
        Some(true) => "on",
        Some(false) => "off",
        None => "unknown",
    };
    let kernel: Vec<&str> = machine.kernel.split(' ').take(2).collect();
    say!(
        text,
        "- machine: {}, {} usable cores, {:.1} GB memory, {}, {}, governor {governor}, \
         boost {boost}, clock {}",
        machine.cpu_model,
        machine.cores_usable,
        machine.memory_bytes as f64 / 1e9,
        machine.os,
        kernel.join(" "),
        machine.clock_source
    );
}

fn suite(text: &mut String, table: &SuiteTable, style: Style) {
    heading(text, style, 2, &table.suite);
    let load = &table.definition.load;
    say!(
        text,
        "{} Tool `{}`, closed loop, {} clients, window {} s after {} s of warm-up, trials: {}.",
        table.definition.description,
        table.definition.tool,
        load.clients,
        load.duration_s,
        load.warmup_s,
        load.trials
    );
    let rule = match table.ranked_by {
        Figure::CallsPerS => "Ranked by calls a second.",
        Figure::ServerCpuPerCall => {
            "Ranked by server CPU per call: at least one subject has no trial whose rate holds (see valid)."
        }
    };
    say!(text, "{rule}\n");
    let mut drawn = Table::new(&columns(table.ranked_by), 2);
    for row in &table.servers {
        let mark = if row.is_tied { "=" } else { "" };
        let rank = row
            .rank
            .map_or_else(|| "-".to_owned(), |rank| format!("{rank}{mark}"));
        drawn.row(cells(row, rank, table.ranked_by));
    }
    for row in &table.floors {
        drawn.row(cells(row, "floor".to_owned(), table.ranked_by));
    }
    text.push_str(&drawn.draw(style));
    let has = |is_stdio: bool| {
        let mut rows = table.servers.iter().chain(&table.floors);
        rows.any(|row| (row.wire == "stdio") == is_stdio)
    };
    if has(true) && has(false) {
        text.push_str(WIRES_DIFFER);
    }
    failures(text, &table.failures);
}

fn failures(text: &mut String, failures: &[Failure]) {
    if failures.is_empty() {
        return;
    }
    say!(text, "\nWhat went wrong:\n");
    for failure in failures {
        let status = match serde_json::to_value(failure.status) {
            Ok(serde_json::Value::String(status)) => status,
            _ => String::new(),
        };
        // Indented below its list item, so that lines of a dead server stay lines in Markdown too.
        let detail = failure.text.lines().collect::<Vec<_>>().join("\n      ");
        say!(
            text,
            "- {}, trial {} ({status}):\n\n      {detail}\n",
            failure.subject,
            failure.trial
        );
    }
}

fn warnings(text: &mut String, report: &Report, style: Style) {
    if report.warnings.is_empty() {
        return;
    }
    heading(text, style, 2, "Warnings");
    for doubt in &report.warnings {
        say!(
            text,
            "- {} of {} trials: {}. Remedy: {}.",
            doubt.trials,
            doubt.of,
            doubt.warning.meaning(),
            doubt.warning.remedy()
        );
    }
}
