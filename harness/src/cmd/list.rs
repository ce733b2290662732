//! `list`: what can be measured, and what can be asked.

use clap::Args;
use serde_json::json;

use super::args::Format;
use super::{Places, Verdict, print, print_json};
use crate::format::subjects::{Role, Subjects};
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
        let mut table = Table::new(
            &[
                "subject",
                "role",
                "transport",
                "runtime",
                "wire",
                "description",
            ],
            6,
        );
        for (name, subject) in &subjects.subject {
            let role = match subject.role {
                Role::Server => "server",
                Role::Floor => "floor",
            };
            table.row(vec![
                name.clone(),
                role.to_owned(),
                subject.transport.clone(),
                subject.runtime.clone().unwrap_or_default(),
                subject.wire.name().to_owned(),
                subject.description.clone().unwrap_or_default(),
            ]);
        }
        let mut asked = Table::new(
            &[
                "suite",
                "tool",
                "floors",
                "clients",
                "seconds",
                "trials",
                "description",
            ],
            3,
        );
        for (name, suite) in &suites {
            asked.row(vec![
                name.clone(),
                suite.tool.clone(),
                if suite.answer_bytes.is_some() {
                    "yes"
                } else {
                    "no"
                }
                .to_owned(),
                suite.load.clients.to_string(),
                suite.load.duration_s.to_string(),
                suite.load.trials.to_string(),
                suite.description.clone(),
            ]);
        }
        print(&format!(
            "{}\n{}",
            table.draw(Style::Text),
            asked.draw(Style::Text)
        ))?;
        Ok(Verdict::Right)
    }
}
