//! Cores: which ones this process may use, which of them are hardware threads of one physical core,
//! and which the server and the load get.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Where the kernel describes the cores.
const CPUS: &str = "/sys/devices/system/cpu";

/// Cores by the kernel's number, sorted, each once, never empty. Written as `0`, `0,2` or `0-3,6`.
///
/// With SMT (Hyper-Threading) the kernel counts each hardware thread of a physical core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cores(Vec<usize>);

impl Cores {
    /// The cores that the calling thread may use.
    pub(crate) fn usable() -> anyhow::Result<Self> {
        let set = sched_getaffinity(Pid::from_raw(0))
            .context("cannot read which cores this process may use")?;
        let is_usable = |core: &usize| set.is_set(*core).unwrap_or(false);
        Ok((0..CpuSet::count()).filter(is_usable).collect())
    }

    /// Their numbers.
    pub(crate) fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// Whether the two have a core in common.
    pub(crate) fn overlap(&self, other: &Self) -> bool {
        self.0.iter().any(|core| other.0.contains(core))
    }

    fn check_within(&self, usable: &Self) -> anyhow::Result<()> {
        match self.0.iter().find(|core| !usable.0.contains(core)) {
            Some(core) => bail!("core {core} cannot be used by this process; usable: {usable}"),
            None => Ok(()),
        }
    }
}

impl FromIterator<usize> for Cores {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Self {
        let sorted: BTreeSet<usize> = numbers.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed =
            || format!("\"{text}\" is not a list of cores; write it like 0 or 0,2 or 0-3,6");
        let number = |part: &str| {
            let number: Option<usize> = part.trim().parse().ok();
            let is_possible = |number: &usize| *number < CpuSet::count();
            number.filter(is_possible).ok_or_else(malformed)
        };
        let mut cores = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(malformed());
            }
            cores.extend(first..=last);
        }
        Ok(cores.into_iter().collect())
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

/// A physical core.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Physical {
    /// Number of the processor package (socket) that it is in.
    package: i64,
    /// Its hardware threads that this process may use, at least one.
    threads: Vec<usize>,
}

impl Physical {
    fn has_any_of(&self, cores: &Cores) -> bool {
        self.threads.iter().any(|thread| cores.0.contains(thread))
    }
}

/// The physical cores that this process may use, package by package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topology(Vec<Physical>);

impl Topology {
    /// That of this machine.
    pub(crate) fn here() -> anyhow::Result<Self> {
        Ok(Self::read(Path::new(CPUS), &Cores::usable()?))
    }

    /// Reads a folder like `/sys/devices/system/cpu`. A core that it does not describe (as in some
    /// containers) counts as a physical core.
    fn read(folder: &Path, usable: &Cores) -> Self {
        let mut cores: BTreeMap<(i64, usize), Vec<usize>> = BTreeMap::new();
        for core in &usable.0 {
            let read = |file: &str| {
                fs::read_to_string(folder.join(format!("cpu{core}/topology/{file}"))).ok()
            };
            let siblings: Option<Cores> =
                read("thread_siblings_list").and_then(|text| text.trim().parse().ok());
            let package = read("physical_package_id").and_then(|text| text.trim().parse().ok());
            // Siblings have the first of them in common.
            let first = siblings.and_then(|siblings| siblings.0.first().copied());
            let key = (package.unwrap_or(0), first.unwrap_or(*core));
            cores.entry(key).or_default().push(*core);
        }
        let physical = |((package, _), threads)| Physical { package, threads };
        Self(cores.into_iter().map(physical).collect())
    }

    /// Half of the physical cores, at least one: a load client needs about as much as a quick
    /// server.
    fn half(&self) -> usize {
        (self.0.len() / 2).max(1)
    }

    /// How many physical cores there are.
    pub(crate) fn physical(&self) -> usize {
        self.0.len()
    }

    /// Whether a server with so many cores leaves as many to the load: a step of the sweep `cores`.
    pub(crate) fn has_step(&self, server_cores: usize) -> bool {
        server_cores <= self.half()
    }

    /// Cores for a server, away from the load's where that can be; `None`: [`Server::Auto`].
    ///
    /// The server gets the first hardware thread of each of its physical cores and the others stay
    /// idle, because how much a thread gets done depends on what its siblings do. Where there are
    /// too few physical cores the siblings serve too, and in the end the load's own.
    fn for_server(&self, wanted: Option<usize>, load: Option<&Cores>) -> anyhow::Result<Cores> {
        let mut ranked = Vec::new();
        for core in &self.0 {
            let is_beside_load = load.is_some_and(|load| core.has_any_of(load));
            for (sibling, thread) in core.threads.iter().enumerate() {
                let rank = match load {
                    Some(load) if load.0.contains(thread) => 3,
                    _ if is_beside_load => 2,
                    _ => usize::from(sibling > 0),
                };
                ranked.push((rank, *thread));
            }
        }
        let own = ranked.iter().filter(|(rank, _)| *rank == 0).count();
        let wanted = wanted.unwrap_or_else(|| self.half().min(own).max(1));
        if ranked.len() < wanted {
            let usable = self.usable();
            bail!("{wanted} cores cannot be had for the server; usable: {usable}");
        }
        // Stable: cores of a rank stay together by package.
        ranked.sort_by_key(|(rank, _)| *rank);
        let chosen = ranked.into_iter().take(wanted);
        Ok(chosen.map(|(_, thread)| thread).collect())
    }

    /// Cores for the load: all of the other physical cores, or those in the server's packages if
    /// they are as many as the server's. Where there are none, the siblings of the server's cores;
    /// where there are none of those either, the server's cores.
    fn for_load(&self, server: &Cores) -> Cores {
        let (own, others): (Vec<&Physical>, Vec<&Physical>) =
            self.0.iter().partition(|core| core.has_any_of(server));
        let is_near = |core: &&Physical| own.iter().any(|one| one.package == core.package);
        let near: Vec<&Physical> = others.iter().copied().filter(is_near).collect();
        let enough = if near.len() >= own.len() {
            near
        } else {
            others
        };
        if enough.is_empty() {
            return self.without(&[server]).unwrap_or_else(|| self.usable());
        }
        threads_of(enough).collect()
    }

    fn usable(&self) -> Cores {
        threads_of(&self.0).collect()
    }

    /// Cores that none of these has, if there are any.
    pub(crate) fn without(&self, taken: &[&Cores]) -> Option<Cores> {
        let is_free = |core: &usize| !taken.iter().any(|cores| cores.0.contains(core));
        let free: Cores = threads_of(&self.0).filter(is_free).collect();
        (!free.0.is_empty()).then_some(free)
    }
}

#[cfg(test)]
impl Topology {
    /// A machine with so many physical cores of so many hardware threads each, numbered as most
    /// processors do: first one thread of each core, then the next of each.
    pub(crate) fn of(cores: usize, threads: usize) -> Self {
        let physical = |core| Physical {
            package: 0,
            threads: (0..threads).map(|thread| core + thread * cores).collect(),
        };
        Self((0..cores).map(physical).collect())
    }
}

impl fmt::Display for Topology {
    /// For instance `8 physical cores with 16 hardware threads (SMT), 2 packages`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = threads_of(&self.0).count();
        let packages: BTreeSet<i64> = self.0.iter().map(|core| core.package).collect();
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let (cores, packages) = (self.0.len(), packages.len());
        write!(f, "{cores} physical core{}", plural(cores))?;
        if threads > cores {
            write!(f, " with {threads} hardware threads (SMT)")?;
        }
        write!(f, ", {packages} package{}", plural(packages))
    }
}

fn threads_of<'a>(cores: impl IntoIterator<Item = &'a Physical>) -> impl Iterator<Item = usize> {
    let cores = cores.into_iter();
    cores.flat_map(|core| core.threads.iter().copied())
}

/// The cores that the server is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// Half of the physical cores (rounded down, at least one) of those without load.
    Auto,
    /// So many physical cores, the first ones without load.
    Count(usize),
    /// Exactly these.
    These(Cores),
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(count) if count > 0 => Ok(Self::Count(count)),
            _ => Err("write auto, or a number of at least 1".to_owned()),
        }
    }
}

/// Who runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The server, alone.
    pub server: Cores,
    /// The load threads, the services and the harness itself.
    pub load: Cores,
    /// Whether server and load have no core in common, but hardware threads of one physical core.
    pub shares_physical_core: bool,
}

impl Layout {
    /// Shares out the cores of this machine. Without `load` the load gets what the server leaves.
    pub(crate) fn new(server: Server, load: Option<Cores>) -> anyhow::Result<Self> {
        Self::on(&Topology::here()?, server, load)
    }

    /// Shares out the cores of a machine.
    pub(crate) fn on(
        topology: &Topology,
        server: Server,
        load: Option<Cores>,
    ) -> anyhow::Result<Self> {
        let usable = topology.usable();
        if let Some(load) = &load {
            load.check_within(&usable)?;
        }
        let server = match server {
            Server::These(cores) => {
                cores.check_within(&usable)?;
                cores
            }
            Server::Count(wanted) => topology.for_server(Some(wanted), load.as_ref())?,
            Server::Auto => topology.for_server(None, load.as_ref())?,
        };
        let load = load.unwrap_or_else(|| topology.for_load(&server));
        let is_shared = |core: &Physical| core.has_any_of(&server) && core.has_any_of(&load);
        Ok(Self {
            shares_physical_core: !server.overlap(&load) && topology.0.iter().any(is_shared),
            server,
            load,
        })
    }

    /// Whether server and load have to share a core.
    pub(crate) fn is_shared(&self) -> bool {
        self.server.overlap(&self.load)
    }

    /// What server and load share, if anything.
    pub(crate) fn shared(&self) -> Option<&'static str> {
        let physical = self.shares_physical_core.then_some("a physical core");
        if self.is_shared() {
            Some("a core")
        } else {
            physical
        }
    }
}

/// Pins the calling thread. Threads and processes that it starts inherit the pinning.
pub(crate) fn pin_this_thread(cores: &Cores) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    let pinned = (cores.0.iter().try_for_each(|core| set.set(*core)))
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
    pinned.with_context(|| format!("cannot pin a thread to the cores {cores}"))
}

/// Runs something with the calling thread pinned, and puts the thread back where it was.
pub(crate) fn pinned<T>(cores: &Cores, work: impl FnOnce() -> T) -> anyhow::Result<T> {
    let before = Cores::usable()?;
    pin_this_thread(cores)?;
    let done = work();
    pin_this_thread(&before)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::{Cores, Layout, Server, Topology};

    fn cores(text: &str) -> Cores {
        text.parse().unwrap()
    }

    /// A machine of files: for each core its siblings and its package.
    fn machine(described: &[(&str, i64)]) -> Topology {
        let folder = tempfile::tempdir().unwrap();
        for (core, (siblings, package)) in described.iter().enumerate() {
            let about = folder.path().join(format!("cpu{core}/topology"));
            std::fs::create_dir_all(&about).unwrap();
            std::fs::write(about.join("thread_siblings_list"), format!("{siblings}\n")).unwrap();
            std::fs::write(about.join("physical_package_id"), format!("{package}\n")).unwrap();
        }
        Topology::read(folder.path(), &(0..described.len()).collect())
    }

    /// Numbers take turns between the packages.
    fn two_packages() -> Topology {
        let one_of = |core| (core, i64::from(core == "1" || core == "3" || core == "5"));
        machine(&["0", "1", "2", "3", "4", "5"].map(one_of))
    }

    /// Cores of server and load, with `!` where they share a physical core.
    fn shared_out(topology: &Topology, server: &str, load: Option<&str>) -> String {
        let layout = Layout::on(topology, server.parse().unwrap(), load.map(cores)).unwrap();
        let mark = if layout.shares_physical_core { "!" } else { "" };
        format!("{} {}{mark}", layout.server, layout.load)
    }

    #[test]
    fn lists_and_ranges_are_read() {
        let pairs = [("0,4", 0), ("1,5", 0), ("2,6", 0), ("3,7", 0)];
        assert_eq!(machine(&[pairs, pairs].concat()), Topology::of(4, 2));
        assert_eq!(cores("3,0-1,1").numbers(), [0, 1, 3]);
        for bad in ["", "a", "3-1", "1,,2", "99999999"] {
            assert!(bad.parse::<Cores>().is_err(), "{bad}");
        }
        for bad in ["", "0", "-1", "all"] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_load_stays_off_the_physical_cores_of_the_server() {
        assert_eq!(shared_out(&Topology::of(2, 1), "1", None), "0 1");
        assert_eq!(shared_out(&Topology::of(4, 2), "1", None), "0 1,2,3,5,6,7");
        assert_eq!(shared_out(&Topology::of(4, 2), "2", None), "0,1 2,3,6,7");
        assert_eq!(shared_out(&Topology::of(4, 2), "1", Some("4")), "1 4");
        assert_eq!(
            shared_out(&Topology::of(8, 1), "2", None),
            "0,1 2,3,4,5,6,7"
        );
        let these = Server::These(cores("5"));
        let behind = Layout::on(&Topology::of(4, 2), these, None).unwrap();
        assert_eq!(behind.load.to_string(), "0,2,3,4,6,7");
    }

    #[test]
    fn siblings_serve_where_there_are_no_other_cores_and_that_is_known() {
        assert_eq!(shared_out(&Topology::of(1, 2), "1", None), "0 1!");
        assert_eq!(
            shared_out(&Topology::of(4, 2), "4", None),
            "0,1,2,3 4,5,6,7!"
        );
        assert_eq!(
            shared_out(&Topology::of(4, 2), "1", Some("0-3")),
            "4 0,1,2,3!"
        );
        for all in [Topology::of(2, 1), Topology::of(1, 2)] {
            assert_eq!(shared_out(&all, "2", None), "0,1 0,1");
            assert_eq!(shared_out(&all, "2", Some("1")), "0,1 1");
        }
        assert_eq!(shared_out(&Topology::of(1, 1), "1", None), "0 0");
    }

    #[test]
    fn auto_is_half_of_the_physical_cores() {
        assert_eq!(shared_out(&Topology::of(2, 1), "auto", None), "0 1");
        assert_eq!(shared_out(&Topology::of(1, 2), "auto", None), "0 1!");
        assert_eq!(shared_out(&Topology::of(4, 2), "auto", None), "0,1 2,3,6,7");
        assert_eq!(
            shared_out(&Topology::of(8, 1), "auto", None),
            "0,1,2,3 4,5,6,7"
        );
        assert_eq!(
            shared_out(&Topology::of(8, 1), "auto", Some("0-5")),
            "6,7 0,1,2,3,4,5"
        );
    }

    #[test]
    fn server_and_load_stay_in_one_package_while_it_has_cores_for_both() {
        assert_eq!(shared_out(&two_packages(), "1", None), "0 2,4");
        assert_eq!(shared_out(&two_packages(), "2", None), "0,2 1,3,4,5");
        assert_eq!(shared_out(&two_packages(), "auto", None), "0,2,4 1,3,5");
    }

    /// The steps of a sweep that a machine has, each with the cores of server and load.
    fn steps(topology: &Topology) -> Vec<String> {
        let counts = [1, 2, 4, 8, 16].into_iter();
        let counts = counts.filter(|count| topology.has_step(*count));
        counts
            .map(|count| shared_out(topology, &count.to_string(), None))
            .collect()
    }

    #[test]
    fn a_sweep_goes_on_while_the_load_has_as_many_cores_as_the_server() {
        assert_eq!(steps(&Topology::of(1, 1)), ["0 0"]);
        assert_eq!(steps(&Topology::of(2, 1)), ["0 1"]);
        assert_eq!(steps(&Topology::of(1, 2)), ["0 1!"]);
        assert_eq!(steps(&two_packages()), ["0 2,4", "0,2 1,3,4,5"]);
        let eight_with_smt = Topology::of(8, 2);
        assert_eq!(
            steps(&eight_with_smt),
            [
                "0 1,2,3,4,5,6,7,9,10,11,12,13,14,15",
                "0,1 2,3,4,5,6,7,10,11,12,13,14,15",
                "0,1,2,3 4,5,6,7,12,13,14,15"
            ]
        );
        let sixteen = steps(&Topology::of(16, 1));
        assert_eq!(sixteen.len(), 4);
        assert_eq!(sixteen[3], "0,1,2,3,4,5,6,7 8,9,10,11,12,13,14,15");
        for (topology, told) in [
            (Topology::of(1, 1), "1 physical core, 1 package"),
            (Topology::of(2, 1), "2 physical cores, 1 package"),
            (
                eight_with_smt,
                "8 physical cores with 16 hardware threads (SMT), 1 package",
            ),
            (two_packages(), "6 physical cores, 2 packages"),
        ] {
            assert_eq!(topology.to_string(), told);
        }
    }

    #[test]
    fn what_cannot_be_had_is_named_and_what_is_not_described_is_a_core() {
        let nothing = tempfile::tempdir().unwrap();
        let undescribed = Topology::read(nothing.path(), &cores("0-3"));
        assert_eq!(shared_out(&undescribed, "1", None), "0 1,2,3");
        let error = |server, load| {
            Layout::on(&Topology::of(2, 1), server, load)
                .unwrap_err()
                .to_string()
        };
        let too_many = error(Server::Count(3), None);
        assert!(too_many.contains("3 cores cannot be had") && too_many.contains("0,1"));
        assert!(error(Server::These(cores("5")), None).contains("core 5"));
        assert!(error(Server::Auto, Some(cores("6"))).contains("core 6"));
        assert!(Topology::here().unwrap().has_step(1));
    }
}
