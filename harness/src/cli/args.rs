//! Flags that several verbs have in common.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::Places;
use super::limits::LimitFlags;
use crate::config::subject::{Role, Subject, Subjects};
use crate::config::suite::Suite;
use crate::config::sweep::members;
use crate::host::cores::{Cores, Layout, Server};
use crate::interrupt::Interrupt;
use crate::run::setup::Setup;
use crate::run::testbed::Testbed;

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
    /// Only servers of these transports
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    transport: Vec<String>,
    /// Only servers of these runtimes
    #[arg(long, value_name = "LABEL", value_delimiter = ',')]
    runtime: Vec<String>,
    /// Only servers with their fast path on, or off
    #[arg(long, value_name = "SWITCH", value_delimiter = ',')]
    fast_path: Vec<String>,
    /// Only these suites; the name of a sweep stands for all of its suites
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    suite: Vec<String>,
}

/// Which subjects or suites are meant where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// Those that are not measured on request only.
    NotOnRequest,
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
    /// How many physical cores the server has, the first ones; auto: half of them. The load has the
    /// others; where there are none it shares the server's, and then no rate or latency holds, but
    /// CPU per call does
    #[arg(long, value_name = "auto|N", default_value = "1")]
    server_cores: Server,
    /// The server's cores by number, like 0 or 0-1,4
    #[arg(long, value_name = "LIST", conflicts_with = "server_cores")]
    server_core_list: Option<Cores>,
    /// Cores of the load thread and the services by number [default: all that the server has not]
    #[arg(long, value_name = "LIST")]
    load_core_list: Option<Cores>,
    #[command(flatten)]
    limits: LimitFlags,
    /// Database of the subjects that use one [default: a file under the target folder]
    #[arg(
        long,
        value_name = "URL",
        env = "MCP_DATABASE_URL",
        hide_env_values = true
    )]
    pub(super) database_url: Option<String>,
    /// Store of the subjects that use one [default: a file under the target folder]
    #[arg(
        long,
        value_name = "URL",
        env = "MCP_STORE_URL",
        hide_env_values = true
    )]
    pub(super) store_url: Option<String>,
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
    /// Makes sure that nothing of the definitions is chosen where flags describe what is measured.
    pub(super) fn refuse_beside(&self, flags: &str) -> anyhow::Result<()> {
        for (flag, chosen) in [
            ("--subject", &self.subject),
            ("--transport", &self.transport),
            ("--runtime", &self.runtime),
            ("--fast-path", &self.fast_path),
            ("--suite", &self.suite),
        ] {
            if !chosen.is_empty() {
                bail!("{flag} chooses among definitions, and {flags} need none: leave it out");
            }
        }
        Ok(())
    }

    /// The chosen suites.
    pub(super) fn suites(
        &self,
        places: &Places,
        wanted: Wanted,
    ) -> anyhow::Result<BTreeMap<String, Suite>> {
        let all = Suite::read_folder(&places.suites())?;
        let named = members(&all, &self.suite);
        let mut chosen = choose("suite", all, &named)?;
        if self.suite.is_empty() && wanted == Wanted::NotOnRequest {
            chosen.retain(|_, suite| !suite.on_request);
        }
        Ok(chosen)
    }

    /// All subjects of the file, and the names of the chosen ones. Labels choose among the servers
    /// and leave the floors in: these stand below all of them.
    pub(super) fn subjects(
        &self,
        places: &Places,
        wanted: Wanted,
    ) -> anyhow::Result<(Subjects, Vec<String>)> {
        let subjects = Subjects::read(&places.subjects())?;
        let mut chosen = choose("subject", subjects.subject.clone(), &self.subject)?;
        if self.subject.is_empty() && wanted == Wanted::NotOnRequest {
            chosen.retain(|_, subject| !subject.on_request);
        }
        let transport: Label = |subject| Some(&subject.transport);
        let runtime: Label = |subject| subject.runtime.as_ref();
        let fast_path: Label = |subject| subject.fast_path.as_ref();
        for (flag, labels, label) in [
            ("--transport", &self.transport, transport),
            ("--runtime", &self.runtime, runtime),
            ("--fast-path", &self.fast_path, fast_path),
        ] {
            keep_labelled(&mut chosen, flag, labels, label)?;
        }
        Ok((subjects, chosen.into_keys().collect()))
    }
}

type Label = fn(&Subject) -> Option<&String>;

/// Keeps the servers that have one of these labels; all of them when there are none.
fn keep_labelled(
    chosen: &mut BTreeMap<String, Subject>,
    flag: &str,
    labels: &[String],
    label: Label,
) -> anyhow::Result<()> {
    if labels.is_empty() {
        return Ok(());
    }
    let servers = chosen.values().filter(|one| one.role == Role::Server);
    let known: BTreeSet<String> = servers.filter_map(label).cloned().collect();
    if let Some(unknown) = labels.iter().find(|label| !known.contains(*label)) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        bail!("{flag} {unknown}: none of the chosen servers has it; known: {known}");
    }
    chosen.retain(|_, subject| {
        subject.role == Role::Floor || label(subject).is_some_and(|label| labels.contains(label))
    });
    Ok(())
}

impl BenchFlags {
    /// The bench without anything built or started.
    pub(super) fn bare_bench(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
    ) -> anyhow::Result<Testbed> {
        let server = match &self.server_core_list {
            Some(list) => Server::These(list.clone()),
            None => self.server_cores.clone(),
        };
        let layout = Layout::new(server, self.load_core_list.clone())?;
        let setup = Setup {
            root: places.root(),
            profile: self.profile.clone(),
            database_url: self.database_url.clone(),
            store_url: self.store_url.clone(),
            layout,
            limits: self.limits.limits(),
        };
        Testbed::new(setup, subjects, names)
    }

    /// The bench with everything built, services up, and databases filled.
    pub(super) fn bench(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Testbed> {
        let mut bench = self.bare_bench(places, subjects, names)?;
        if bench.setup().layout.is_shared() {
            eprintln!("warning: server and load share a core; rates and latencies will not hold");
        }
        if bench.setup().layout.shares_physical_core {
            eprintln!(
                "warning: server and load share a physical core; rates and latencies will not hold"
            );
        }
        let cores = bench.setup().layout.server.numbers().len() as u64;
        if bench.setup().limits.cpu_milli >= Some(cores * 1_000) {
            eprintln!(
                "warning: --server-cpus limits nothing: the server is pinned to {cores} core(s); see --server-cores"
            );
        }
        if !self.no_build {
            bench.build(interrupt)?;
        }
        bench.make_ready(interrupt)?;
        Ok(bench)
    }
}
