//! `verify`: checks the answers of every tool of every subject, with real handshakes over its real
//! wire.

use std::time::Duration;

use clap::Args;

use super::args::{BenchFlags, Selection, Wanted};
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict};
use crate::interrupt::Interrupt;
use crate::render::table::{Style, Table};
use crate::run::verify::{Checked, Prepared, check};

/// Flags of `verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    /// Most calls of each suite
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    variants: u16,
    /// Longest wait for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    call_timeout_s: f64,
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

impl Verify {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let suites = self.selection.suites(places, Wanted::All)?;
        let (subjects, names) = self.selection.subjects(places, Wanted::All)?;
        let call_timeout = Duration::try_from_secs_f64(self.call_timeout_s)?;
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let mut prepared = Prepared::new();
        for (name, suite) in &suites {
            let mut exchanges = suite
                .exchanges(&bench.service_urls())
                .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
            exchanges.truncate(usize::from(self.variants));
            prepared.insert(name, (suite, exchanges));
        }
        let mut all: Vec<Checked> = Vec::new();
        for name in &names {
            if interrupt.is_set() {
                break;
            }
            let checked = check(&bench, name, &prepared, call_timeout, interrupt)?;
            for one in &checked {
                eprintln!(
                    "{} {}: {}/{} right",
                    one.subject, one.suite, one.right, one.calls
                );
            }
            all.extend(checked);
        }
        self.format.show(&all, table)?;
        let is_right = !all.is_empty() && all.iter().all(|one| one.wrong.is_empty());
        Ok(Verdict::of(is_right))
    }
}

fn table(all: &Vec<Checked>, style: Style) -> String {
    let mut table = Table::new(&["subject", "suite", "tool", "right", "verdict"], 3);
    let mut details = String::new();
    for one in all {
        let verdict = if one.wrong.is_empty() {
            "right"
        } else {
            "WRONG"
        };
        table.row(vec![
            one.subject.clone(),
            one.suite.clone(),
            one.tool.clone(),
            format!("{}/{}", one.right, one.calls),
            verdict.to_owned(),
        ]);
        for text in &one.wrong {
            details.extend([&one.subject, " ", &one.suite, ": ", text, "\n"]);
        }
    }
    if !details.is_empty() {
        details.insert_str(0, "\nWhat differed:\n\n");
    }
    with_notes(all, &table, style, &details)
}
