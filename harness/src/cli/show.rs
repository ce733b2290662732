//! `show`: one subject or suite as it will be used.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::args::{BenchFlags, Format};
use super::{Places, Verdict, print, print_json};
use crate::config::matrix::members;
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::config::template::Context;
use crate::results::folder::definition_text;

/// Flags of `show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// A subject or a suite (see `list`)
    name: String,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    bench: BenchFlags,
}

/// Calls of a suite that are shown as examples.
const EXAMPLES: usize = 3;

impl Show {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let subjects = Subjects::read(&places.subjects())?;
        let suites = Suite::read_folder(&places.suites())?;
        let is_subject = subjects.subject.contains_key(&self.name);
        let named = members(&suites, std::slice::from_ref(&self.name));
        let found: Vec<_> = named
            .iter()
            .filter_map(|name| suites.get_key_value(name))
            .collect();
        if !is_subject && found.is_empty() {
            let known: Vec<&String> = subjects.subject.keys().chain(suites.keys()).collect();
            bail!(
                "there is no subject or suite \"{}\"; known: {known:?}",
                self.name
            );
        }
        // Services run only while there is something to measure; a name stands for their address
        // here.
        let urls: Context = (subjects.service.keys())
            .map(|name| (format!("{name}_url"), json!(format!("http://{name}"))))
            .collect();
        if is_subject {
            self.subject(places, subjects)?;
        }
        match found.as_slice() {
            [] => {}
            [(_, suite)] => self.suite(suite, &urls)?,
            sweep => self.sweep(sweep, &urls)?,
        }
        Ok(Verdict::Right)
    }

    fn subject(&self, places: &Places, subjects: Subjects) -> anyhow::Result<()> {
        let names = [self.name.clone()];
        let effective = self
            .bench
            .bare_bench(places, subjects, &names)?
            .effective()?;
        match self.format {
            Format::Json => print_json(&effective),
            Format::Text => print(&definition_text(&effective).map_err(anyhow::Error::msg)?),
        }
    }

    /// All suites of a sweep; for programs their definitions by name.
    fn sweep(&self, suites: &[(&String, &Suite)], urls: &Context) -> anyhow::Result<()> {
        if self.format == Format::Json {
            return print_json(&suites.iter().copied().collect::<BTreeMap<_, _>>());
        }
        let mut in_order = suites.to_vec();
        in_order.sort_by_key(|(_, suite)| suite.step.as_ref().map(|step| step.number));
        for (name, suite) in in_order {
            print(&format!("# {name}\n"))?;
            self.suite(suite, urls)?;
            print("\n")?;
        }
        Ok(())
    }

    fn suite(&self, suite: &Suite, urls: &Context) -> anyhow::Result<()> {
        // Services run only while there is something to measure; a name stands for their address
        // here.
        let exchanges = suite.exchanges(urls).map_err(anyhow::Error::msg)?;
        let examples: Vec<_> = exchanges.iter().take(EXAMPLES).collect();
        if self.format == Format::Json {
            return print_json(
                &json!({ "suite": suite, "prepared_calls": exchanges.len(), "examples": examples }),
            );
        }
        // Writing into a string does not fail.
        let mut text = definition_text(suite).map_err(anyhow::Error::msg)?;
        let _ = writeln!(text, "\n# {} prepared calls, the first:", exchanges.len());
        for example in examples {
            let expect = serde_json::to_string(&example.expect)?;
            let _ = writeln!(
                text,
                "# {} {}\n#   {expect}",
                example.tool, example.arguments
            );
        }
        print(&text)
    }
}
