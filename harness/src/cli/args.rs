//! Flags that several verbs have in common.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::Places;
use crate::config::matrix::members;
use crate::config::subject::{Role, Subject, Subjects};
use crate::config::suite::Suite;
use crate::host::cores::{Cores, Layout, Server};
use crate::host::limits::Limits;
use crate::interrupt::Interrupt;
use crate::results::whole;
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

/// What the server may use.
#[derive(Debug, Clone, Args)]
struct LimitFlags {
    /// Memory of the server, like 512M or 1Gi (K, M, G: powers of 1000; Ki, Mi, Gi: of 1024) [default: no limit]
    #[arg(long, visible_alias = "memory", value_name = "BYTES", value_parser = memory_limit)]
    server_memory: Option<u64>,
    /// Processor time of the server in cores, like 2 or 0.5, beside the cores that it is pinned to
    /// [default: no limit]
    #[arg(long = "server-cpus", visible_alias = "cpus", value_name = "N", value_parser = thousandths)]
    server_cpu_milli: Option<u64>,
}

/// A number of bytes: `32M` is a power of 1000, as in the tables, and `32Mi` one of 1024.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let units = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("K", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("", 1),
    ];
    let text = text.trim();
    let mut units = units.into_iter();
    let unit = units.find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let bytes = unit
        .and_then(|(number, factor): (&str, u64)| number.parse::<u64>().ok()?.checked_mul(factor));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("\"{text}\" is not a size; write it like 32M, 64Mi or 1G"))
}

/// A limit of memory. Less than a megabyte holds no program at all.
fn memory_limit(text: &str) -> Result<u64, String> {
    let limit = bytes(text)?;
    if limit < 1_000_000 {
        return Err(format!(
            "\"{text}\" is too little for any program; give at least 1M"
        ));
    }
    Ok(limit)
}

/// A number of cores in thousandths.
fn thousandths(text: &str) -> Result<u64, String> {
    let cores: f64 = text.parse().unwrap_or(f64::NAN);
    // The kernel rejects a quota of less than a hundredth.
    if (0.01..=1_024.0).contains(&cores) {
        Ok(whole(cores * 1_000.0))
    } else {
        Err(format!(
            "\"{text}\" is no number of cores from 0.01 to 1024: write it like 2 or 0.5"
        ))
    }
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
            limits: Limits {
                cpu_milli: self.limits.server_cpu_milli,
                memory_bytes: self.limits.server_memory,
            },
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

#[cfg(test)]
mod tests {
    use super::{bytes, memory_limit, thousandths};

    #[test]
    fn sizes_and_cores_are_read_and_others_rejected() {
        for (text, value) in [
            ("32M", 32_000_000),
            ("32Mi", 33_554_432),
            ("1G", 1_000_000_000),
            ("512", 512),
        ] {
            assert_eq!(bytes(text), Ok(value));
        }
        for wrong in ["", "M", "-1M", "0", "1.5G", "2GB", "99999999999G"] {
            assert!(bytes(wrong).unwrap_err().contains("like 32M"), "{wrong}");
        }
        assert!(memory_limit("999K").is_err());
        assert_eq!((thousandths("2"), thousandths("0.5")), (Ok(2_000), Ok(500)));
        for wrong in ["", "0", "-1", "nan", "inf", "2 cores", "1025"] {
            assert!(thousandths(wrong).unwrap_err().contains("0.5"), "{wrong}");
        }
    }
}
