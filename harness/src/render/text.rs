//! The report for people: what it was made on and how, a table for each suite, what went wrong,
//! what is doubtful.

use std::fmt::Write as _;

use super::table::Style;
use crate::analysis::bounds;
use crate::analysis::capacity;
use crate::analysis::experiments;
use crate::analysis::legend::HOW_TO_READ;
use crate::analysis::suite::{failures, suite};
use crate::analysis::summary::Report;
use crate::analysis::sweep;
use crate::results::environment::{Environment, Machine, State};

/// Writing into a string does not fail, so its results carry nothing.
macro_rules! say {
    ($text:expr, $($arguments:tt)*) => {
        let _ = writeln!($text, $($arguments)*);
    };
}

/// Draws the report.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut text = String::new();
    heading(&mut text, style, 1, &format!("Run {}", report.run));
    state(&mut text, &report.environment);
    environment(&mut text, &report.environment);
    if !report.marks.is_empty() {
        heading(&mut text, style, 2, "Marks");
        text.push_str(&bounds::table(&report.marks, style));
    }
    if let Some(bound) = report.environment.capacity {
        heading(&mut text, style, 2, "Capacity");
        text.push_str(&capacity::table(bound, &report.capacities, style));
        warnings(&mut text, report, style);
        return text;
    }
    if !report.levers.is_empty() {
        heading(&mut text, style, 2, "Levers");
        text.push_str(&experiments::table(&report.levers, style));
        heading(&mut text, style, 2, "All variants");
        text.push_str(&experiments::variants(&report.levers, style));
        let all = report.suites.iter().flat_map(|table| &table.failures);
        failures(&mut text, all);
        warnings(&mut text, report, style);
        return text;
    }
    for table in &report.suites {
        heading(&mut text, style, 2, &table.suite);
        suite(&mut text, table, &report.notes, style);
    }
    for (name, steps) in sweep::sweeps(&report.suites) {
        heading(&mut text, style, 2, &format!("Sweep {name}"));
        text.push_str(&sweep::table(&steps, style));
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

fn heading(text: &mut String, style: Style, level: usize, title: &str) {
    match style {
        Style::Markdown => {
            let before = if level == 1 { "" } else { "\n" };
            say!(text, "{before}{} {title}\n", "#".repeat(level));
        }
        Style::Text | Style::Csv => {
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
    if let Some(limits) = &environment.server_limits {
        let cores = limits
            .cpu_milli
            .map(|milli| format!("{} cores", milli as f64 / 1e3));
        let memory = limits
            .memory_bytes
            .map(|bytes| format!("{:.1} GB", bytes as f64 / 1e9));
        let all: Vec<String> = cores.into_iter().chain(memory).collect();
        say!(
            text,
            "- limits of the server: {}, by {}",
            all.join(", "),
            limits.by
        );
    }
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
        "- time: {} to {}{}, order seed {}",
        environment.started,
        or(&environment.ended, "?"),
        resumed(&environment.resumed),
        environment.seed
    );
    say!(text, "- command: `{}`", environment.command.join(" "));
}

/// When the run was continued, where it was.
fn resumed(times: &[String]) -> String {
    if times.is_empty() {
        String::new()
    } else {
        format!(" (continued at {})", times.join(", "))
    }
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

fn warnings(text: &mut String, report: &Report, style: Style) {
    if report.warnings.is_empty() {
        return;
    }
    heading(text, style, 2, "Warnings");
    for doubt in &report.warnings {
        say!(
            text,
            "- {} of {} trials: {}; {}. Remedy: {}.",
            doubt.trials,
            doubt.of,
            doubt.warning.meaning(),
            doubt.warning.effect().words(),
            doubt.warning.remedy()
        );
    }
}
