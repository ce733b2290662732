//! `list`: what can be measured, what can be asked, and which experiments there are.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde_json::json;

use super::args::Format;
use super::{Places, Verdict, print, print_json};
use crate::config::experiment::Experiment;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::config::template::text_of;
use crate::render::table::{Style, Table};

/// Flags of `list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl List {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        // A project may do without experiments.
        let levers = if places.experiments().is_dir() {
            Experiment::read_folder(&places.experiments())?
        } else {
            BTreeMap::new()
        };
        if self.format == Format::Json {
            print_json(
                &json!({ "subjects": subjects.subject, "suites": suites, "levers": levers }),
            )?;
            return Ok(Verdict::Right);
        }
        let mut tables = vec![subjects_table(&subjects), suites_table(&suites)];
        if !levers.is_empty() {
            tables.push(levers_table(&levers));
        }
        let tables: Vec<String> = tables.iter().map(|table| table.draw(Style::Text)).collect();
        print(&tables.join("\n"))?;
        Ok(Verdict::Right)
    }
}

fn subjects_table(subjects: &Subjects) -> Table {
    let columns = [
        "subject",
        "role",
        "transport",
        "runtime",
        "fast path",
        "wire",
        "measured",
        "description",
    ];
    let mut table = Table::new(&columns, columns.len());
    for (name, subject) in &subjects.subject {
        table.row(vec![
            name.clone(),
            subject.role.to_string(),
            subject.transport.clone(),
            subject.runtime.clone().unwrap_or_default(),
            subject.fast_path.clone().unwrap_or_default(),
            subject.wire.to_string(),
            measured(subject.on_request),
            subject.description.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn suites_table(suites: &BTreeMap<String, Suite>) -> Table {
    let columns = [
        "suite",
        "tool",
        "floors",
        "clients",
        "seconds",
        "trials",
        "measured",
        "description",
    ];
    let mut table = Table::new(&columns, 3);
    let mut seen = BTreeSet::new();
    for (name, suite) in suites {
        let same: Vec<&Suite> = match &suite.step {
            Some(step) if !seen.insert(&step.sweep) => continue,
            Some(step) => of_sweep(suites, &step.sweep),
            None => vec![suite],
        };
        let floors = if suite.answer_bytes.is_some() {
            "yes"
        } else {
            "no"
        };
        table.row(vec![
            sweep_name(name, &same),
            suite.tool.clone(),
            floors.to_owned(),
            span(&same, |suite| suite.load.clients() as f64),
            span(&same, |suite| suite.load.duration_s()),
            suite.load.trials().to_string(),
            measured(suite.on_request),
            description(suite, &same),
        ]);
    }
    table
}

/// The suites of a sweep, in its order.
fn of_sweep<'s>(suites: &'s BTreeMap<String, Suite>, sweep: &str) -> Vec<&'s Suite> {
    let number = |suite: &&Suite| suite.step.as_ref().map(|step| step.number);
    let is_of = |suite: &&Suite| suite.step.as_ref().is_some_and(|step| step.sweep == sweep);
    let mut found: Vec<&Suite> = suites.values().filter(is_of).collect();
    found.sort_by_key(number);
    found
}

/// A suite's name, or that of its sweep, by which all of it can be chosen.
fn sweep_name(name: &str, same: &[&Suite]) -> String {
    match same.first().and_then(|first| first.step.as_ref()) {
        Some(step) => format!("{} ({} suites)", step.sweep, same.len()),
        None => name.to_owned(),
    }
}

/// A number of these suites, or the least and the most of it.
fn span(same: &[&Suite], read: fn(&Suite) -> f64) -> String {
    let values = same.iter().map(|suite| read(suite));
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(f64::NEG_INFINITY, f64::max);
    if least < most {
        format!("{least}..{most}")
    } else {
        least.to_string()
    }
}

/// What a suite measures; of a sweep the names of its suites too.
fn description(suite: &Suite, same: &[&Suite]) -> String {
    let Some(step) = &suite.step else {
        return suite.description.clone();
    };
    let all: Vec<String> = same
        .iter()
        .filter_map(|one| one.step.as_ref())
        .map(|step| {
            step.values
                .iter()
                .map(text_of)
                .collect::<Vec<_>>()
                .join(" x ")
        })
        .collect();
    format!("{} = {}", step.keys.join(" x "), all.join(", "))
}

fn measured(on_request: bool) -> String {
    let when = if on_request { "on request" } else { "always" };
    when.to_owned()
}

fn levers_table(levers: &BTreeMap<String, Experiment>) -> Table {
    let columns = ["#", "experiment", "lever", "compared"];
    let mut table = Table::new(&columns, columns.len());
    let mut in_order: Vec<(&String, &Experiment)> = levers.iter().collect();
    in_order.sort_by_key(|(_, lever)| lever.number);
    for (name, lever) in in_order {
        let compared: Vec<&str> = lever.compare.iter().map(|one| one.what.as_str()).collect();
        table.row(vec![
            lever.number.to_string(),
            name.clone(),
            lever.title.clone(),
            compared.join("; "),
        ]);
    }
    table
}
