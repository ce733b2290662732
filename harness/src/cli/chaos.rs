//! `chaos`: what servers withstand: overload, idle crowds, clients that misbehave, kills, restarts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use super::args::BenchFlags;
use super::report::{ReportFormat, with_notes};
use super::{Places, Verdict, check_known};
use crate::chaos::{self, Finding, Trial};
use crate::config::chaos::{Bound, Chaos};
use crate::config::subject::Subjects;
use crate::config::suite::Suite;
use crate::interrupt::Interrupt;
use crate::load::Exchange;
use crate::render::table::{Style, Table};
use crate::results::environment::Machine;
use crate::results::write_atomically;
use crate::run::row::Calls;
use crate::run::testbed::Testbed;

/// Flags of `chaos`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Each experiment puts an ordinary load on a server, does something to it meanwhile, and holds what the
ordinary clients see, and what the server uses, against bounds. Every answer is checked. docs/chaos.md
says what each one does and how to read the table.

`--quick` takes fewer and shorter ones. It shows the figures that depend on the machine's pace, and
does not judge them.

Examples:
  mcp-harness chaos --quick                            all experiments in about a minute
  mcp-harness chaos --only overload,slow-heads
  mcp-harness chaos --only soak --subject http-json-tokio

Exit code 1 when a bound is missed or could not be measured; the table is printed all the same."
)]
pub(super) struct Run {
    /// The folder of the experiments [default: ROOT/harness/chaos]
    #[arg(long = "chaos-dir", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Only these experiments (several: separated by commas)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these servers, in the experiments that have them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    subject: Vec<String>,
    /// The short form
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    bench: BenchFlags,
    /// The folder that what was found is kept in [default: ROOT/results/chaos]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the table is printed
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    format: ReportFormat,
}

/// What is kept of a run.
#[derive(Serialize)]
struct Kept<'a> {
    started: String,
    is_quick: bool,
    machine: &'a Machine,
    findings: &'a [Finding],
}

impl Run {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        let started = jiff::Timestamp::now();
        raise_open_files()?;
        let chosen = self.chosen(places)?;
        let stock = Subjects::read(&places.subjects())?;
        let mut made = BTreeMap::new();
        for (name, one) in &chosen {
            let listen = || chaos::free_address().map(|address| address.to_string());
            (one.servers(name, &stock, listen, &mut made)).map_err(|message| anyhow!(message))?;
        }
        let names: Vec<String> = made.keys().cloned().collect();
        let subjects = Subjects {
            subject: made,
            ..stock
        };
        subjects.check().map_err(|message| anyhow!(message))?;
        let suites = Suite::read_folder(&places.suites())?;
        let bench = self.bench.bench(places, subjects, &names, interrupt)?;
        let findings = self.findings(&bench, &chosen, &suites, interrupt)?;
        self.format.show(&findings, table)?;
        self.keep(places, &bench, started, &findings)?;
        let missed = findings.iter().filter(|one| !one.is_right()).count();
        if missed > 0 {
            eprintln!("{missed} of {} trials went wrong", findings.len());
        }
        Ok(Verdict::of(missed == 0))
    }

    /// The chosen experiments, with the chosen servers.
    fn chosen(&self, places: &Places) -> anyhow::Result<BTreeMap<String, Chaos>> {
        let folder = self.folder.clone();
        let folder = folder.unwrap_or_else(|| places.root().join("harness/chaos"));
        let mut all = Chaos::read_folder(&folder)?;
        check_known("experiment", &self.only, all.keys())?;
        let known: Vec<String> = all.values().flat_map(|one| one.subjects.clone()).collect();
        check_known("subject of an experiment", &self.subject, known.iter())?;
        all.retain(|name, _| self.only.is_empty() || self.only.contains(name));
        let mut all: BTreeMap<_, _> = (all.into_iter())
            .map(|(name, one)| (name, if self.quick { one.quick() } else { one }))
            .collect();
        if !self.subject.is_empty() {
            for one in all.values_mut() {
                one.subjects
                    .retain(|subject| self.subject.contains(subject));
            }
        }
        Ok(all)
    }

    /// Makes all trials, in the order of the experiments' numbers.
    fn findings(
        &self,
        bench: &Testbed,
        chosen: &BTreeMap<String, Chaos>,
        suites: &BTreeMap<String, Suite>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Finding>> {
        let mut in_order: Vec<(&String, &Chaos)> = chosen.iter().collect();
        in_order.sort_by_key(|(_, one)| one.number);
        let mut findings = Vec::new();
        for (name, chaos) in in_order {
            let exchanges = exchanges(bench, name, chaos, suites)?;
            for subject in &chaos.subjects {
                eprintln!("{name}: {subject}, {} s", chaos.duration_s);
                let trial = Trial {
                    bench,
                    name,
                    chaos,
                    subject,
                    exchanges: &exchanges,
                    interrupt,
                    is_quick: self.quick,
                };
                findings.push(trial.make());
                if interrupt.is_set() {
                    bail!("interrupted");
                }
            }
        }
        Ok(findings)
    }

    fn keep(
        &self,
        places: &Places,
        bench: &Testbed,
        started: jiff::Timestamp,
        findings: &[Finding],
    ) -> anyhow::Result<()> {
        let out = self.out.clone();
        let out = out.unwrap_or_else(|| places.results(None).join("chaos"));
        std::fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
        let file = out.join(format!("{}.json", started.strftime("%Y%m%dT%H%M%SZ")));
        let kept = Kept {
            started: started.to_string(),
            is_quick: self.quick,
            machine: bench.machine(),
            findings,
        };
        write_atomically(&file, &serde_json::to_vec_pretty(&kept)?)?;
        eprintln!("kept in {}", file.display());
        Ok(())
    }
}

/// What the ordinary clients of an experiment ask.
fn exchanges(
    bench: &Testbed,
    name: &str,
    chaos: &Chaos,
    suites: &BTreeMap<String, Suite>,
) -> anyhow::Result<Vec<Exchange>> {
    let ask = &chaos.ask;
    let suite = chaos.suites.get(ask).or_else(|| suites.get(ask));
    let suite = suite.with_context(|| format!("{name}: there is no suite \"{ask}\""))?;
    let calls = Calls::prepare(suite, &bench.service_urls());
    let calls = calls.map_err(|message| anyhow!("{name}, suite {ask}: {message}"))?;
    Ok(calls.timed)
}

/// Lets this process, and the servers that it starts, open as many files as the system allows.
fn raise_open_files() -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of files")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot raise the limit of files")
}

/// A line for each figure, bound or not.
fn table(findings: &Vec<Finding>, style: Style) -> String {
    let header = [
        "experiment",
        "subject",
        "figure",
        "bound",
        "verdict",
        "value",
    ];
    let mut table = Table::new(&header, 5);
    let mut notes = String::new();
    for finding in findings {
        for (figure, value) in &finding.figures {
            let held = finding
                .bounds
                .iter()
                .find(|one| one.bound.figure == *figure);
            table.row(vec![
                finding.experiment.clone(),
                finding.subject.clone(),
                figure.to_string(),
                held.map_or_else(String::new, |held| in_words(&held.bound)),
                held.map_or_else(String::new, |held| held.verdict.to_string()),
                format!("{value:.2}"),
            ]);
        }
        let missing = finding
            .bounds
            .iter()
            .filter(|one| !finding.figures.contains_key(&one.bound.figure));
        for held in missing {
            table.row(vec![
                finding.experiment.clone(),
                finding.subject.clone(),
                held.bound.figure.to_string(),
                in_words(&held.bound),
                held.verdict.to_string(),
                "-".to_owned(),
            ]);
        }
        let at = format!("\n{}, {}: ", finding.experiment, finding.subject);
        for (kind, example) in &finding.errors {
            notes.extend([at.as_str(), kind, ": ", example, "\n"]);
        }
        if let Some(failure) = &finding.failure {
            notes.extend([at.as_str(), failure, "\n"]);
        }
    }
    with_notes(findings, &table, style, &notes)
}

fn in_words(bound: &Bound) -> String {
    let least = bound.at_least.map(|least| format!("at least {least}"));
    let most = bound.at_most.map(|most| format!("at most {most}"));
    let words: Vec<String> = least.into_iter().chain(most).collect();
    words.join(", ")
}
