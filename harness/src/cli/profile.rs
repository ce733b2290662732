//! `profile`: the stacks of one server under the load of one suite, as text for a flame graph
//! viewer.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::{BenchFlags, Selection, Wanted};
use super::{Places, Verdict, print};
use crate::config::load::Load;
use crate::interrupt::Interrupt;
use crate::render::table::{Style, Table};
use crate::results::stacks::{Frame, Stacks};
use crate::results::trial_order::PlannedTrial;
use crate::results::write_atomically;
use crate::run::profile::{check_perf, record};
use crate::run::row::{Calls, Job};

/// Functions that are printed.
const HOTTEST: usize = 10;

/// Flags of `profile`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Writes folded stacks: a line for each stack, its functions joined by `;`, and the number of samples.
https://www.speedscope.app opens the file; flamegraph.pl and inferno-flamegraph draw it.

The stacks are followed by frame pointers, so the program needs them, and line tables or symbols for
its names: `just profile TRANSPORT RUNTIME TOOL` builds one like that.

Example:
  mcp-harness profile --no-build --profile profiling --subject http-json-tokio --suite echo"
)]
pub(super) struct Profile {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    bench: BenchFlags,
    #[command(flatten)]
    load: Load,
    /// The folder of the stacks [default: ROOT/results/profiles]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Profile {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let mut suites = self.selection.suites(places, Wanted::All)?;
        let (subjects, names) = self.selection.subjects(places, Wanted::All)?;
        let (Some((suite_name, mut suite)), true) = (suites.pop_first(), suites.is_empty()) else {
            bail!("a profile is of one suite: name it with --suite");
        };
        let [subject_name] = names.as_slice() else {
            bail!("a profile is of one subject: name it with --subject");
        };
        suite.load.apply_flags(&self.load)?;
        check_perf()?;
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let calls = Calls::prepare(&suite, &bench.service_urls())
            .map_err(|message| anyhow::anyhow!("suite {suite_name}: {message}"))?;
        let planned = PlannedTrial {
            suite: suite_name.clone(),
            subject: subject_name.clone(),
            trial: 1,
            process: 1,
            slice: 0,
        };
        let job = Job {
            suite: &suite,
            calls: Arc::new(calls),
            planned: &planned,
            position: 1,
            binary_bytes: None,
        };
        let out = self.out.clone();
        let out = out.unwrap_or_else(|| places.results(None).join("profiles"));
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let base = out.join(format!("{date}-{subject_name}-{suite_name}"));
        let stacks = record(&bench, &job, &base.with_added_extension("data"), interrupt)?;
        let file = base.with_added_extension("folded");
        write_atomically(&file, folded(&stacks).as_bytes())?;
        print(&hottest(&stacks))?;
        eprintln!(
            "folded stacks in {}; https://www.speedscope.app shows them",
            file.display()
        );
        Ok(Verdict::Right)
    }
}

fn name(frame: &Frame) -> String {
    let kernel = if frame.is_kernel { " [kernel]" } else { "" };
    format!("{}{kernel}", frame.name)
}

/// A line for each stack, the caller before the called.
fn folded(stacks: &Stacks) -> String {
    let mut text = String::new();
    for (stack, seen) in &stacks.0 {
        // A `;` in a name would end it.
        let names: Vec<String> = stack
            .iter()
            .map(|frame| name(frame).replace(';', ","))
            .collect();
        // Writing into a string does not fail.
        let _ = writeln!(text, "{} {seen}", names.join(";"));
    }
    text
}

/// The functions that took most time themselves.
fn hottest(stacks: &Stacks) -> String {
    let mut table = Table::new(&["own %", "samples", "function"], 0);
    let total = stacks.total().max(1) as f64;
    for (frame, seen) in stacks.hottest(HOTTEST) {
        let share = format!("{:.1}", 100.0 * seen as f64 / total);
        table.row(vec![share, seen.to_string(), name(frame)]);
    }
    table.draw(Style::Text)
}
