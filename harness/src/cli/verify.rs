//! `verify`: every tool of every subject answers right, with real handshakes over the real wire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::args::{BenchFlags, Format, Selection, Wanted};
use super::{Places, Verdict, print, print_json};
use crate::config::subject::Role;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, Options};
use crate::render::table::{Style, Table};
use crate::run::testbed::Testbed;

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
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// One subject in one suite.
#[derive(Debug, Serialize)]
struct Checked {
    subject: String,
    suite: String,
    tool: String,
    right: usize,
    calls: usize,
    /// What differed, each once.
    wrong: Vec<String>,
}

/// Different complaints shown of one suite.
const SHOWN: usize = 3;

type Prepared<'a> = BTreeMap<&'a str, (&'a Suite, Vec<Exchange>)>;

impl Verify {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let suites = self.selection.suites(places, Wanted::All)?;
        let (subjects, names) = self.selection.subjects(places, Wanted::All)?;
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let mut prepared = Prepared::new();
        for (name, suite) in &suites {
            let mut exchanges = suite
                .exchanges(&bench.service_urls())
                .map_err(|message| anyhow::anyhow!("suite {name}: {message}"))?;
            exchanges.truncate(usize::from(self.variants));
            prepared.insert(name, (suite, exchanges));
        }
        let mut all = Vec::new();
        for name in &names {
            if interrupt.is_set() {
                break;
            }
            let checked = match bench.subject(name)?.role {
                Role::Server => self.server(&bench, name, &prepared, interrupt)?,
                Role::Floor => self.floor(&bench, name, &prepared, interrupt)?,
            };
            for one in &checked {
                eprintln!(
                    "{} {}: {}/{} right",
                    one.subject, one.suite, one.right, one.calls
                );
            }
            all.extend(checked);
        }
        let is_right = !all.is_empty() && all.iter().all(|one| one.wrong.is_empty());
        match self.format {
            Format::Json => print_json(&all)?,
            Format::Text => print(&table(&all))?,
        }
        Ok(Verdict::of(is_right))
    }

    fn server(
        &self,
        bench: &Testbed,
        name: &str,
        prepared: &Prepared<'_>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Checked>> {
        let exchanges: Vec<Exchange> = prepared
            .values()
            .flat_map(|(_, exchanges)| exchanges.clone())
            .collect();
        let verified = self.ask(bench, name, None, &exchanges, interrupt)?;
        let mut checked: Vec<Checked> = Vec::new();
        let mut answers = verified
            .as_ref()
            .map_or(&[][..], |verified| &verified.answers)
            .iter();
        for (suite, (definition, exchanges)) in prepared {
            let mut one = blank(name, suite, definition, exchanges.len());
            match &verified {
                Err(text) => one.wrong.push(text.clone()),
                Ok(verified) => {
                    if !verified.tools.contains(&definition.tool) {
                        one.wrong.push(format!(
                            "tools/list does not hold it: {}",
                            verified.tools.join(", ")
                        ));
                    }
                    judge(&mut one, exchanges, answers.by_ref().take(exchanges.len()));
                }
            }
            checked.push(one);
        }
        Ok(checked)
    }

    fn floor(
        &self,
        bench: &Testbed,
        name: &str,
        prepared: &Prepared<'_>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Checked>> {
        let mut checked = Vec::new();
        for (suite, (definition, exchanges)) in prepared {
            if definition.answer_bytes.is_none() {
                continue;
            }
            let mut one = blank(name, suite, definition, exchanges.len());
            match self.ask(bench, name, definition.answer_bytes, exchanges, interrupt)? {
                Err(text) => one.wrong.push(text),
                Ok(verified) => judge(&mut one, exchanges, verified.answers.iter()),
            }
            checked.push(one);
        }
        Ok(checked)
    }

    /// The answers of a freshly started subject, or why there are none.
    fn ask(
        &self,
        bench: &Testbed,
        name: &str,
        answer_bytes: Option<u32>,
        exchanges: &[Exchange],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Result<load::Verification, String>> {
        let mut started = match bench.start(name, answer_bytes, interrupt) {
            Ok(started) => started,
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        let subject = bench.subject(name)?;
        let options = Options {
            call_timeout: Duration::try_from_secs_f64(self.call_timeout_s)?,
            revision: subject.revision()?,
            extra_params: subject.extra_params.clone(),
            lists_tools: true,
            stop: interrupt.flag(),
        };
        let verified = load::verify(started.target, exchanges, options);
        let ended = started.running.stop();
        Ok(match verified {
            Err(error) => Err(format!(
                "{error}\nits last lines:\n{}",
                started.running.last_lines()
            )),
            Ok(_) if ended.killed => {
                Err("it did not end within the grace time after SIGTERM".to_owned())
            }
            Ok(verified) => Ok(verified),
        })
    }
}

fn blank(subject: &str, suite: &str, definition: &Suite, calls: usize) -> Checked {
    Checked {
        subject: subject.to_owned(),
        suite: suite.to_owned(),
        tool: definition.tool.clone(),
        right: 0,
        calls,
        wrong: Vec::new(),
    }
}

fn judge<'v>(
    one: &mut Checked,
    exchanges: &[Exchange],
    answers: impl Iterator<Item = &'v Result<load::Verified, load::CallError>>,
) {
    let mut seen = BTreeSet::new();
    for (exchange, answer) in exchanges.iter().zip(answers) {
        match answer {
            Ok(_) => one.right += 1,
            Err(error) => {
                if seen.insert(error.text.clone()) && seen.len() <= SHOWN {
                    one.wrong.push(format!(
                        "{error}; asked with {}",
                        cut(&exchange.arguments.to_string())
                    ));
                }
            }
        }
    }
    if one.right < one.calls && one.wrong.is_empty() {
        one.wrong.push(format!(
            "only {} of {} calls were made",
            one.right, one.calls
        ));
    }
}

fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}

fn table(all: &[Checked]) -> String {
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
    let rest = if details.is_empty() {
        String::new()
    } else {
        format!("\nWhat differed:\n\n{details}")
    };
    table.draw(Style::Text) + &rest
}
