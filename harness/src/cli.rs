//! The command line: one verb in each file, and what they share.

mod aa;
mod agree;
mod args;
mod chaos;
mod compare;
mod doctor;
mod experiments;
mod gate;
mod lesson;
mod list;
mod measure;
mod profile;
mod rank;
mod readme;
mod recommend;
mod record;
mod replay;
mod report;
mod schema;
mod server;
mod show;
mod size;
mod template;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::interrupt::Interrupt;

const EXAMPLES: &str = "\
Examples:
  mcp-harness list                              what can be measured, and what can be asked
  mcp-harness verify                            does every server answer every tool right?
  mcp-harness doctor                            is this machine fit to measure, is the client fast enough?
  mcp-harness measure                           all subjects, all suites, as the suites say
  mcp-harness measure --suite echo --subject http-json-tokio,stdio-tokio --duration-s 3 --trials 3
  mcp-harness overhead                          what a layer costs above another, held against the project's bounds
  mcp-harness experiments                       what each switch and size of a server is worth
  mcp-harness chaos --quick                         what do servers withstand?
  mcp-harness replay                                which published claims hold here
  mcp-harness lesson                                the course: fourteen questions, an experiment each
  mcp-harness profile --subject http-json-tokio --suite echo    where a server spends its time
  mcp-harness report                            the tables of the latest run again
  mcp-harness compare BEFORE latest                 two recorded runs, with intervals and verdicts
  mcp-harness recommend --workload io --clients 100 what to use, from the latest run
  mcp-harness recommend --scenario team             what to use for a team, once `measure --scenario team` ran
  mcp-harness gate --baseline BEFORE                does the latest run regress?
  mcp-harness report results/20260101T120000Z-host-0123456789ab --format json

Exit codes: 0 all right; 1 a check failed or an answer was wrong; 2 bad usage or environment; 130 interrupted.";

/// Starts MCP servers, checks their answers, loads them, and writes what it found.
#[derive(Debug, Parser)]
#[command(name = "mcp-harness", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    verb: Verb,
}

/// Where the files are.
#[derive(Debug, Clone, clap::Args)]
struct Places {
    /// The project's root folder [default: the nearest folder upwards that holds
    /// harness/subjects.toml, or this one]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// How servers are built and started [default: ROOT/harness/subjects.toml]
    #[arg(long, global = true, value_name = "FILE")]
    subjects_file: Option<PathBuf>,
    /// What is asked, one file for each suite [default: ROOT/harness/suites]
    #[arg(long, global = true, value_name = "DIR")]
    suites_dir: Option<PathBuf>,
}

impl Places {
    fn root(&self) -> PathBuf {
        if let Some(root) = &self.root {
            return std::path::absolute(root).unwrap_or_else(|_| root.clone());
        }
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let found = here
            .ancestors()
            .find(|folder| folder.join("harness/subjects.toml").is_file());
        found.map_or_else(|| here.clone(), PathBuf::from)
    }

    fn subjects(&self) -> PathBuf {
        self.subjects_file
            .clone()
            .unwrap_or_else(|| self.root().join("harness/subjects.toml"))
    }

    fn experiments(&self) -> PathBuf {
        self.root().join("harness/experiments")
    }

    fn scenarios(&self) -> PathBuf {
        self.root().join("harness/scenarios.toml")
    }

    /// The folder of runs.
    fn results(&self, out: Option<&Path>) -> PathBuf {
        out.map_or_else(|| self.root().join("results"), PathBuf::from)
    }

    fn suites(&self) -> PathBuf {
        self.suites_dir
            .clone()
            .unwrap_or_else(|| self.root().join("harness/suites"))
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List subjects and suites
    List(list::List),
    /// Show one subject or suite as it will be used, templates filled
    Show(show::Show),
    /// Call every tool of every subject over its real wire and check the answers
    Verify(verify::Verify),
    /// Measure subjects and record a run
    Measure(Box<measure::Measure>),
    /// Measure what a layer costs above another and hold it against bounds
    Overhead(experiments::Overhead),
    /// Measure what each switch and size of a server is worth
    Experiments(experiments::Experiments),
    /// Do things to servers under load and hold what they withstand against bounds
    Chaos(chaos::Run),
    /// Measure what answers published claims, and say which of them hold here
    Replay(Box<replay::Replay>),
    /// Teach by an experiment: a claim, a prediction, a measurement, a picture
    Lesson(Box<lesson::Lesson>),
    /// Sample the stacks of a server under load, for a flame graph viewer
    Profile(Box<profile::Profile>),
    /// Show the tables of recorded runs again, and write the page that people look at
    Report(report::Report),
    /// Compare two recorded runs, or two subjects of one
    Compare(compare::Compare),
    /// Rank the subjects of a recorded run over all its suites
    Rank(rank::Rank),
    /// Hold a recorded run against a baseline and against the targets of its suites
    Gate(gate::Gate),
    /// Print the JSON Schemas of results and reports
    Schema(schema::Schema),
    /// Put the figures of the reference runs into README.md and docs, or check that they stand there
    Readme(readme::Readme),
    /// Say which configuration of a recorded run to use for a kind of work, or in a situation
    Recommend(recommend::Recommend),
    /// Make a cargo project for a server of your own, with what a run recommends
    Template(template::Template),
    /// Measure one program beside itself, and slowed by a known share, in many runs: are verdicts
    /// to be trusted here?
    Aa(aa::Aa),
    /// Weigh every program: its size, how long it takes to start, its memory when idle
    Size(size::Size),
    /// Compare the load client's figures with those of wrk, oha and the official SDK
    Agree(agree::Agree),
    /// Check whether this machine is fit to measure on, and whether the load client is fast enough
    Doctor(doctor::Doctor),
}

/// How a verb that could do its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All right.
    Right,
    /// A check failed, or an answer was wrong.
    Wrong,
}

impl Verdict {
    const fn of(is_right: bool) -> Self {
        if is_right { Self::Right } else { Self::Wrong }
    }
}

/// Does what the command line asks for. Results go to stdout, all else to stderr.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            eprintln!("error: cannot take over Ctrl-C: {error}");
            return ExitCode::from(2);
        }
    };
    let done = match &cli.verb {
        Verb::List(verb) => verb.run(&cli.places),
        Verb::Show(verb) => verb.run(&cli.places),
        Verb::Verify(verb) => verb.run(&cli.places, &interrupt),
        Verb::Measure(verb) => verb.run(&cli.places, &interrupt),
        Verb::Overhead(verb) => verb.run(&cli.places, &interrupt),
        Verb::Experiments(verb) => verb.run(&cli.places, &interrupt),
        Verb::Chaos(verb) => verb.run(&cli.places, &interrupt),
        Verb::Replay(verb) => verb.run(&cli.places, &interrupt),
        Verb::Lesson(verb) => verb.run(&cli.places, &interrupt),
        Verb::Profile(verb) => verb.run(&cli.places, &interrupt),
        Verb::Report(verb) => verb.run(&cli.places),
        Verb::Compare(verb) => verb.run(&cli.places),
        Verb::Rank(verb) => verb.run(&cli.places),
        Verb::Gate(verb) => verb.run(&cli.places),
        Verb::Schema(verb) => verb.run(),
        Verb::Readme(verb) => verb.run(&cli.places),
        Verb::Recommend(verb) => verb.run(&cli.places),
        Verb::Template(verb) => verb.run(&cli.places),
        Verb::Aa(verb) => verb.run(&cli.places, &interrupt),
        Verb::Size(verb) => verb.run(&cli.places, &interrupt),
        Verb::Agree(verb) => verb.run(&cli.places, &interrupt),
        Verb::Doctor(verb) => verb.run(&cli.places, &interrupt),
    };
    if let Err(error) = &done {
        eprintln!("error: {error:#}");
    }
    match done {
        _ if interrupt.is_set() => ExitCode::from(130),
        Ok(Verdict::Right) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

/// The names that have to be known are; otherwise the error lists those that are.
fn check_known<'n>(
    kind: &str,
    names: &[String],
    known: impl Iterator<Item = &'n String>,
) -> anyhow::Result<()> {
    let known: Vec<&str> = known.map(String::as_str).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => anyhow::bail!("there is no {kind} \"{name}\"; known: {}", known.join(", ")),
        None => Ok(()),
    }
}

/// Writes a result to stdout. A reader that has gone away (`| head`) is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a result to stdout as JSON.
fn print_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
