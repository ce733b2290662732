//! Flags that several verbs have in common.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use clap::Args;

use super::{Places, check_known};
use crate::config::matrix::members;
use crate::config::subject::{Labels, Role, Subject, Subjects};
use crate::config::suite::Suite;
use crate::host::cores::{Cores, Layout, Server, Topology};
use crate::host::limits::Limits;
use crate::interrupt::Interrupt;
use crate::results::whole;
use crate::run::setup::Setup;
use crate::run::testbed::Testbed;

/// Which subjects and suites.
#[derive(Debug, Clone, Args)]
pub(super) struct Selection {
    /// Only these subjects (several: separated by commas, or the flag again)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    subject: Vec<String>,
    #[command(flatten)]
    labels: Labels,
    /// Only these suites; the name of a sweep stands for all of its suites
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    suite: Vec<String>,
}

/// Which subjects or suites are meant where none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    All,
    /// Those that are measured without being named, on this machine.
    Measured,
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
    /// Memory of the server, like 512M or 1Gi (K, M, G: powers of 1000; Ki, Mi, Gi: of 1024)
    /// [default: no limit]
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
    check_known(kind, chosen, all.keys())?;
    Ok(all
        .into_iter()
        .filter(|(name, _)| chosen.is_empty() || chosen.contains(name))
        .collect())
}

impl Selection {
    /// Makes sure that nothing of the definitions is chosen where flags describe what is measured.
    pub(super) fn refuse_beside(&self, flags: &str) -> anyhow::Result<()> {
        let labels = self.labels.each().map(|(flag, named, _)| (flag, named));
        let names = [
            ("--subject", self.subject.as_slice()),
            ("--suite", &self.suite),
        ];
        for (flag, chosen) in names.into_iter().chain(labels) {
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
        if wanted == Wanted::Measured {
            let topology = Topology::here()?;
            let left_out = keep_measured(&mut chosen, &self.suite, &topology);
            if !left_out.is_empty() {
                eprintln!(
                    "left out, because the load would have fewer cores than the server ({topology}): {}",
                    left_out.join(", ")
                );
            }
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
        if self.subject.is_empty() && wanted == Wanted::Measured {
            chosen.retain(|_, subject| !subject.on_request);
        }
        self.keep_labelled(&mut chosen)?;
        Ok((subjects, chosen.into_keys().collect()))
    }

    /// Keeps the servers that have the chosen labels, and the floors.
    fn keep_labelled(&self, chosen: &mut BTreeMap<String, Subject>) -> anyhow::Result<()> {
        for (flag, named, label) in self.labels.each() {
            let servers = chosen.values().filter(|one| one.role == Role::Server);
            let known: BTreeSet<&str> = servers.filter_map(label).map(String::as_str).collect();
            if let Some(unknown) = named.iter().find(|one| !known.contains(one.as_str())) {
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                bail!("{flag} {unknown}: none of the chosen servers has it; known: {known}");
            }
        }
        chosen.retain(|_, one| one.role == Role::Floor || self.labels.takes(one));
        Ok(())
    }
}

/// Keeps the suites that are measured on a machine: those that are named (`named`), or without any
/// name those that are not for a request or a larger machine. The names of suites that are left out
/// because they want more cores for the server than the machine has; one that is named itself
/// stays.
fn keep_measured(
    chosen: &mut BTreeMap<String, Suite>,
    named: &[String],
    topology: &Topology,
) -> Vec<String> {
    if named.is_empty() {
        chosen.retain(|_, suite| {
            !suite.on_request && suite.from_cores.unwrap_or(0) <= topology.physical()
        });
    }
    let is_too_wide = |name: &String, suite: &mut Suite| {
        let count = suite.load.server_cores;
        count.is_some_and(|count| !topology.has_step(count)) && !named.contains(name)
    };
    let mut left_out: Vec<(String, Suite)> = chosen.extract_if(.., is_too_wide).collect();
    left_out.sort_by_key(|(_, suite)| suite.load.server_cores);
    left_out.into_iter().map(|(name, _)| name).collect()
}

impl BenchFlags {
    /// Who runs where on this machine; with another number of cores for the server.
    pub(super) fn layout(
        &self,
        topology: &Topology,
        server_cores: Option<usize>,
    ) -> anyhow::Result<Layout> {
        let server = match (server_cores, &self.server_core_list) {
            (Some(count), _) => Server::Count(count),
            (None, Some(list)) => Server::These(list.clone()),
            (None, None) => self.server_cores.clone(),
        };
        Layout::on(topology, server, self.load_core_list.clone())
    }

    /// The bench without anything built or started, for these suites.
    pub(super) fn bare_bench(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
        suites: &BTreeMap<String, Suite>,
    ) -> anyhow::Result<Testbed> {
        let topology = Topology::here()?;
        let counts = suites.values().filter_map(|suite| suite.load.server_cores);
        let wider = counts.map(|count| Ok((count, self.layout(&topology, Some(count))?)));
        let setup = Setup {
            root: places.root(),
            profile: self.profile.clone(),
            database_url: self.database_url.clone(),
            store_url: self.store_url.clone(),
            layout: self.layout(&topology, None)?,
            wider: wider.collect::<anyhow::Result<_>>()?,
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
        self.bench_for(places, subjects, names, &BTreeMap::new(), interrupt)
    }

    /// The same, for these suites.
    pub(super) fn bench_for(
        &self,
        places: &Places,
        subjects: Subjects,
        names: &[String],
        suites: &BTreeMap<String, Suite>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Testbed> {
        let mut bench = self.bare_bench(places, subjects, names, suites)?;
        let layout = &bench.setup().layout;
        if let Some(shared) = layout.shared() {
            eprintln!("warning: server and load share {shared}; rates and latencies will not hold");
        }
        let cores = layout.server.numbers().len() as u64;
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
    use std::collections::BTreeMap;

    use super::{Suite, Topology, bytes, keep_measured, memory_limit, thousandths};

    #[test]
    fn suites_for_many_cores_are_measured_as_far_as_the_machine_has_them() {
        let suite = |keys: &str| {
            let text = format!("description = \"d\"\ntool = \"t\"\n{keys}\n[expect]\n");
            toml::from_str::<Suite>(&text).unwrap()
        };
        let step = |count| suite(&format!("from_cores = 8\n[load]\nserver_cores = {count}"));
        let all: BTreeMap<String, Suite> = [
            ("echo", suite("")),
            ("rate", suite("on_request = true")),
            ("cores-1", step(1)),
            ("cores-2", step(2)),
            ("cores-8", step(8)),
        ]
        .into_iter()
        .map(|(name, suite)| (name.to_owned(), suite))
        .collect();
        let kept = |cores, named: &[&str]| {
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            let mut chosen = all.clone();
            let left_out = keep_measured(&mut chosen, &named, &Topology::of(cores, 1));
            let kept: Vec<String> = chosen.into_keys().collect();
            format!("{}; {}", kept.join(" "), left_out.join(" "))
        };
        for cores in [1, 2, 7] {
            assert_eq!(
                kept(cores, &[]),
                "echo; ",
                "as if there were no such suites"
            );
        }
        assert_eq!(kept(8, &[]), "cores-1 cores-2 echo; cores-8");
        assert_eq!(kept(16, &[]), "cores-1 cores-2 cores-8 echo; ");
        assert_eq!(
            kept(2, &["cores"]),
            "cores-1 echo rate; cores-2 cores-8",
            "the name of the sweep"
        );
        let kept = kept(2, &["cores-2"]);
        assert_eq!(kept, "cores-1 cores-2 echo rate; cores-8", "named itself");
    }

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
