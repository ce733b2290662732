//! `list`: what can be measured, and what can be asked.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::args::Format;
use super::{Places, Verdict, print, print_json};
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
        if self.format == Format::Json {
            print_json(&json!({ "subjects": subjects.subject, "suites": suites }))?;
            return Ok(Verdict::Right);
        }
        let (subjects, suites) = (subjects_table(&subjects), suites_table(&suites));
        print(&format!(
            "{}\n{}",
            subjects.draw(Style::Text),
            suites.draw(Style::Text)
        ))?;
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
        let measured = if subject.on_request {
            "on request"
        } else {
            "always"
        };
        table.row(vec![
            name.clone(),
            subject.role.name().to_owned(),
            subject.transport.clone(),
            subject.runtime.clone().unwrap_or_default(),
            subject.fast_path.clone().unwrap_or_default(),
            subject.wire.name().to_owned(),
            measured.to_owned(),
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
            suite.description.clone(),
        ]);
    }
    table
}
