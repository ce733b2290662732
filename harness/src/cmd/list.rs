//! `list`: what can be measured, what can be asked, and which experiments there are.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::args::Format;
use super::{Places, Verdict, print, print_json};
use crate::format::levers::Lever;
use crate::format::subjects::Subjects;
use crate::format::suite::Suite;
use crate::report::table::{Style, Table};

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
        let levers = if places.levers().is_dir() {
            Lever::read_folder(&places.levers())?
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
            subject.role.name().to_owned(),
            subject.transport.clone(),
            subject.runtime.clone().unwrap_or_default(),
            subject.fast_path.clone().unwrap_or_default(),
            subject.wire.name().to_owned(),
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
    for (name, suite) in suites {
        let floors = if suite.answer_bytes.is_some() {
            "yes"
        } else {
            "no"
        };
        table.row(vec![
            name.clone(),
            suite.tool.clone(),
            floors.to_owned(),
            suite.load.clients.to_string(),
            suite.load.duration_s.to_string(),
            suite.load.trials.to_string(),
            measured(suite.on_request),
            suite.description.clone(),
        ]);
    }
    table
}

fn measured(on_request: bool) -> String {
    let when = if on_request { "on request" } else { "always" };
    when.to_owned()
}

fn levers_table(levers: &BTreeMap<String, Lever>) -> Table {
    let columns = ["#", "experiment", "lever", "compared"];
    let mut table = Table::new(&columns, columns.len());
    let mut in_order: Vec<(&String, &Lever)> = levers.iter().collect();
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
