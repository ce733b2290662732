//! `doctor`: is this machine fit to measure, and is the load client fast enough?

mod checks;
mod client;

use clap::Args;
use serde::Serialize;

use super::args::{BenchFlags, Format};
use super::{Places, Verdict, print, print_json};
use crate::config::subject::{Role, Subjects};
use crate::host::facts;
use crate::interrupt::Interrupt;
use crate::render::table::{Style, Table};

/// Flags of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
The client is compared with wrk (Debian: apt-get install wrk) against a floor: the same request, as many connections, the
same core, a warm-up each, by turns; medians. Below 90% of wrk's rate the check fails: the client would be what is
measured. Where the floor's cores are full (over 98%) it is the limit for both, and equal rates say little: then look at the
CPU time per call, which is printed beside the rate and is not graded.

Exit code 1 when a check says bad; fair is worth a look and no failure.")]
pub(super) struct Doctor {
    #[command(flatten)]
    bench: BenchFlags,
    /// Look at the machine only
    #[arg(long)]
    machine_only: bool,
    /// Length of each turn of the client and of wrk, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    duration_s: u64,
    /// Turns of each
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    trials: u32,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    clients: u16,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    /// Nothing to object to.
    Good,
    /// Figures may be shaky.
    Fair,
    /// Figures will be wrong.
    Bad,
}

impl Grade {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Bad => "BAD",
        }
    }
}

/// One look at the machine or the client.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    found: String,
    grade: Grade,
    /// What to do when it is not good.
    remedy: String,
}

impl Check {
    fn new(
        what: &'static str,
        found: impl Into<String>,
        grade: Grade,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = if grade == Grade::Good {
            String::new()
        } else {
            remedy.into()
        };
        Self {
            what,
            found: found.into(),
            grade,
            remedy,
        }
    }
}

impl Doctor {
    pub(super) fn run(&self, places: &Places, interrupt: &Interrupt) -> anyhow::Result<Verdict> {
        // Before the bench pins this thread: the machine is looked at as it was found.
        let mut checks = checks::machine(&facts::machine());
        checks.extend(checks::quiet(interrupt));
        if !self.machine_only {
            let subjects = Subjects::read(&places.subjects())?;
            let floors: Vec<String> = subjects
                .subject
                .iter()
                .filter(|(_, subject)| subject.role == Role::Floor)
                .map(|(name, _)| name.clone())
                .collect();
            let bench = self.bench.bench(places, subjects, &floors, interrupt)?;
            for floor in &floors {
                let turns = client::Turns {
                    seconds: self.duration_s,
                    count: self.trials,
                    clients: usize::from(self.clients),
                };
                checks.push(client::compare(&bench, floor, &turns, interrupt)?);
            }
            if floors.is_empty() {
                checks.push(Check::new(
                    "client",
                    "no subject has the role floor",
                    Grade::Fair,
                    "add one to the subjects file: it is what the client is tried against",
                ));
            }
        }
        match self.format {
            Format::Json => print_json(&checks)?,
            Format::Text => print(&text(&checks))?,
        }
        Ok(Verdict::of(
            checks.iter().all(|check| check.grade != Grade::Bad),
        ))
    }
}

fn text(checks: &[Check]) -> String {
    let mut table = Table::new(&["check", "grade", "found"], 3);
    let mut remedies = String::new();
    for check in checks {
        table.row(vec![
            check.what.to_owned(),
            check.grade.name().to_owned(),
            check.found.clone(),
        ]);
        if !check.remedy.is_empty() {
            remedies.extend(["- ", check.what, ": ", &check.remedy, "\n"]);
        }
    }
    let rest = if remedies.is_empty() {
        String::new()
    } else {
        format!("\nWhat would help:\n\n{remedies}")
    };
    table.draw(Style::Text) + &rest
}
