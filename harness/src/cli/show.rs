//! `show`: one subject or suite as it will be used.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::args::BenchFlags;
use super::{Places, Verdict, check_known, print, print_json};
use crate::config::matrix::members;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::config::template::Context;
use crate::results::folder::definition_text;

/// Calls of a suite that are shown as examples.
const EXAMPLES: usize = 3;

/// How a definition is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: as in its file.
    Text,
    /// For programs.
    Json,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// A subject, a suite or a sweep (see `list`)
    name: String,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    bench: BenchFlags,
}

impl Show {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        let chosen = [self.name.clone()];
        let named = members(&suites, &chosen);
        let found = named.iter().filter_map(|name| suites.get_key_value(name));
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|(_, suite)| suite.point.as_ref().map(|step| step.number));
        // Services do not run here: their names stand for their addresses.
        let urls: Context = (subjects.service.keys())
            .map(|name| (format!("{name}_url"), json!(format!("http://{name}"))))
            .collect();
        let is_subject = subjects.subject.contains_key(&self.name);
        if !is_subject && found.is_empty() {
            let known = subjects.subject.keys().chain(suites.keys());
            check_known("subject or suite", &chosen, known)?;
        }
        if is_subject {
            let effective = self
                .bench
                .bare_bench(places, subjects, &chosen, &BTreeMap::new())?
                .effective()?;
            match self.format {
                Format::Json => print_json(&effective)?,
                Format::Text => print(&definition_text(&effective).map_err(anyhow::Error::msg)?)?,
            }
        }
        match found.as_slice() {
            [(_, suite)] => self.suite(suite, &urls)?,
            sweep if self.format == Format::Json && !sweep.is_empty() => {
                print_json(&sweep.iter().copied().collect::<BTreeMap<_, _>>())?;
            }
            sweep => {
                for (name, suite) in sweep {
                    print(&format!("# {name}\n"))?;
                    self.suite(suite, &urls)?;
                    print("\n")?;
                }
            }
        }
        Ok(Verdict::Right)
    }

    fn suite(&self, suite: &Suite, urls: &Context) -> anyhow::Result<()> {
        let exchanges = suite.exchanges(urls).map_err(anyhow::Error::msg)?;
        let (prepared, examples) = (exchanges.len(), exchanges.iter().take(EXAMPLES));
        if self.format == Format::Json {
            let examples: Vec<_> = examples.collect();
            return print_json(
                &json!({ "suite": suite, "prepared_calls": prepared, "examples": examples }),
            );
        }
        let mut text = definition_text(suite).map_err(anyhow::Error::msg)?;
        // Writing into a string does not fail.
        let _ = writeln!(text, "\n# {prepared} prepared calls, the first:");
        for example in examples {
            let expect = serde_json::to_string(&example.expect)?;
            let _ = writeln!(
                text,
                "# {} {}\n#   {expect}",
                example.name(),
                example.arguments
            );
        }
        print(&text)
    }
}
