//! Flags that several verbs have in common.

use std::collections::BTreeMap;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::Places;
use crate::format::subjects::Subjects;
use crate::format::suite::Suite;
use crate::interrupt::Interrupt;
use crate::machine::cores::{Cores, Layout};
use crate::measure::bench::Bench;
use crate::measure::setup::Setup;

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Which subjects and suites.
#[derive(Debug, Clone, Args)]
pub(super) struct Selection {
    /// Only these subjects (several: separated by commas, or the flag again)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    subject: Vec<String>,
    /// Only these suites
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    suite: Vec<String>,
}

/// How servers are built and where they run.
#[derive(Debug, Clone, Args)]
pub(super) struct BenchFlags {
    /// Take the programs as they are
    #[arg(long)]
    no_build: bool,
    /// Cargo profile of the builds
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
    /// Cores of the server, which has them for itself, like 0 or 0-1,4 [default: the first]
    #[arg(long, value_name = "CORES")]
    server_cores: Option<Cores>,
    /// Cores of the load thread and the services [default: all others]
    #[arg(long, value_name = "CORES")]
    load_cores: Option<Cores>,
    /// Database of the subjects that use one [default: a file under the target folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// The chosen entries of a map; all when nothing is chosen.
fn choose<V>(
    kind: &str,
    all: BTreeMap<String, V>,
    chosen: &[String],
) -> anyhow::Result<BTreeMap<String, V>> {
    if let Some(unknown) = chosen.iter().find(|name| !all.contains_key(*name)) {
        let known = all.keys().cloned().collect::<Vec<_>>().join(", ");
        bail!("there is no {kind} \"{unknown}\"; known: {known}");
    }
    Ok(all
        .into_iter()
        .filter(|(name, _)| chosen.is_empty() || chosen.contains(name))
        .collect())
}

impl Selection {
    /// The chosen suites.
    pub(super) fn suites(&self, places: &Places) -> anyhow::Result<BTreeMap<String, Suite>> {
        choose("suite", Suite::read_folder(&places.suites())?, &self.suite)
    }

    /// All subjects of the file, and the names of the chosen ones.
    pub(super) fn subjects(&self, places: &Places) -> anyhow::Result<(Subjects, Vec<String>)> {
        let subjects = Subjects::read(&places.subjects())?;
        let chosen = choose("subject", subjects.subject.clone(), &self.subject)?;
        Ok((subjects, chosen.into_keys().collect()))
    }
}

impl BenchFlags {
    /// The bench without anything built or started.
    pub(super) fn bare_bench(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
    ) -> anyhow::Result<Bench> {
        let layout = Layout::new(self.server_cores.clone(), self.load_cores.clone())?;
        let setup = Setup {
            root: places.root(),
            profile: self.profile.clone(),
            database_url: self.database_url.clone(),
            layout,
        };
        Bench::new(setup, subjects, names)
    }

    /// The bench with everything built, services up, and databases filled.
    pub(super) fn bench(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Bench> {
        let mut bench = self.bare_bench(places, subjects, names)?;
        if bench.setup().layout.is_shared() {
            eprintln!("warning: server and load share a core; rates and latencies will not hold");
        }
        if !self.no_build {
            bench.build(interrupt)?;
        }
        bench.start_services(interrupt)?;
        bench.prepare_database(interrupt)?;
        Ok(bench)
    }
}
