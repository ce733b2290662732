//! Checks whether this machine is fit to measure on: cores, frequency, clock, limits, and whether
//! it is quiet.

use std::time::Duration;

use serde::Serialize;

use super::cores::{Cores, Layout, Topology};
use super::{cgroup, facts, proc};
use crate::interrupt::Interrupt;
use crate::results::environment::Machine;

/// How long `doctor` watches the idle machine.
const WATCHED: Duration = Duration::from_secs(1);

/// The machine is not quiet when it is busier than this, in thousandths.
const QUIET_PERMILLE: u64 = 50;

/// The machine is not quiet when more threads of others than this run or wait, on average.
const RUN_QUEUE: f64 = 0.25;

/// Memory that a run of all subjects needs with room to spare, in bytes.
const MEMORY: u64 = 1 << 30;

/// Open files for a thousand clients with room to spare.
const OPEN_FILES: u64 = 4_096;

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grade {
    /// Nothing to object to.
    Good,
    /// Figures may be shaky.
    Fair,
    /// Figures will be wrong.
    Bad,
}

impl Grade {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Bad => "BAD",
        }
    }

    const fn good_or_fair(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Fair }
    }

    pub(crate) const fn good_or_bad(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Bad }
    }
}

/// One check of the machine or the client.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) what: &'static str,
    pub(crate) found: String,
    pub(crate) grade: Grade,
    /// What to do when it is not good.
    pub(crate) remedy: String,
}

impl Check {
    pub(crate) fn new(
        what: &'static str,
        found: impl Into<String>,
        grade: Grade,
        remedy: &str,
    ) -> Self {
        let remedy = if grade == Grade::Good { "" } else { remedy };
        Self {
            what,
            found: found.into(),
            grade,
            remedy: remedy.to_owned(),
        }
    }

    /// A check that is good or fair.
    pub(crate) fn fair(
        what: &'static str,
        found: impl Into<String>,
        is_good: bool,
        remedy: &str,
    ) -> Self {
        Self::new(what, found, Grade::good_or_fair(is_good), remedy)
    }
}

/// Which cores there are, who gets them, and which steps a sweep over cores has.
pub(crate) fn cores(topology: &Topology, layout: &Layout, cpu_model: &str) -> Check {
    let idle = topology.without(&[&layout.server, &layout.load]);
    let idle = idle.map_or_else(String::new, |idle| format!(", idle {idle}"));
    let steps = std::iter::successors(Some(1), |count| Some(count * 2));
    let steps: Vec<String> = steps
        .take_while(|count| topology.has_step(*count))
        .map(|count: usize| count.to_string())
        .collect();
    let (server, load) = (&layout.server, &layout.load);
    Check::new(
        "cores",
        format!(
            "{topology}, {cpu_model}: server {server}, load {load}{idle}; steps of the sweep `cores`: {}",
            steps.join(", ")
        ),
        match (layout.is_shared(), layout.shares_physical_core) {
            (true, _) => Grade::Bad,
            (_, true) => Grade::Fair,
            _ => Grade::Good,
        },
        "server and load need a physical core each, or each slows the other: use a machine with two or \
         more, widen the cpuset, or give the server fewer",
    )
}

/// Frequency, clock and limits.
pub(crate) fn machine(machine: &Machine) -> Vec<Check> {
    let available = facts::memory_available_bytes();
    let clock = machine.clock_source.as_str();
    let governor = machine.governor.as_str();
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    let is_debug = cfg!(debug_assertions);
    vec![
        Check::fair(
            "governor",
            or(
                governor,
                "not shown (a virtual machine, or no frequency scaling)",
            ),
            facts::is_steady_governor(governor),
            "sudo cpupower frequency-set -g performance: others change the frequency with the load",
        ),
        Check::fair(
            "boost",
            match machine.boost {
                Some(true) => "on",
                Some(false) => "off",
                None => "not shown",
            },
            machine.boost != Some(true),
            "frequency depends on heat and on the other cores: for comparable runs switch boost off in \
             /sys/devices/system/cpu/cpufreq/boost or intel_pstate/no_turbo",
        ),
        Check::fair(
            "clock source",
            or(clock, "unknown"),
            !clock.is_empty() && facts::is_fast_clock(clock),
            "reading this clock is slow or coarse: boot with clocksource=tsc where the processor allows it",
        ),
        Check::fair(
            "open files",
            machine.open_files.to_string(),
            machine.open_files >= OPEN_FILES,
            &format!("ulimit -n {OPEN_FILES}: each client needs a connection or two"),
        ),
        Check::fair(
            "memory",
            format!(
                "{} available of {}",
                gigabytes(available),
                gigabytes(machine.memory_bytes)
            ),
            available >= MEMORY,
            "free at least 1 GB, so that nothing is swapped or reclaimed during a run",
        ),
        control_group(machine),
        Check::new(
            "harness build",
            if is_debug { "debug" } else { "release" },
            Grade::good_or_bad(!is_debug),
            "cargo build --release -p harness: the client of a debug build is slow",
        ),
    ]
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// The limits of the harness's own control group, which hold for all processes that it starts.
fn control_group(machine: &Machine) -> Check {
    let quota = machine.cgroup_cpu_milli;
    let cpu = quota.map_or_else(
        || "no processor quota".to_owned(),
        |milli| format!("{:.1} cores", milli as f64 / 1e3),
    );
    let bytes = machine.cgroup_memory_bytes;
    let memory = bytes.map_or_else(|| "no memory limit".to_owned(), gigabytes);
    let throttled = match cgroup::throttled_count(&[]) {
        None | Some(0) => String::new(),
        Some(times) => format!(", throttled {times} times so far"),
    };
    Check::fair(
        "control group",
        format!("{cpu}, {memory}{throttled}"),
        quota.is_none() && bytes.is_none_or(|bytes| bytes >= MEMORY),
        "a quota stops the processes in the middle of a window: lift it (cpu.max, --cpus) and pin \
         instead; leave at least 1 GB of memory (memory.max, --memory)",
    )
}

/// Watches the machine for a while: threads of others that run or wait, other load, steal.
pub(crate) fn quiet(interrupt: &Interrupt) -> Vec<Check> {
    let before = proc::core_times();
    let (mut sum, mut looks) = (0, 0_u64);
    interrupt.wait(WATCHED, || {
        // Without this thread itself.
        sum += proc::runnable().unwrap_or(1).saturating_sub(1);
        looks += 1;
        None::<()>
    });
    let after = proc::core_times();
    let mean = sum as f64 / looks.max(1) as f64;
    let queue = Check::fair(
        "run queue",
        format!("{mean:.2} threads of others on average"),
        mean <= RUN_QUEUE,
        "another program wants the cores: `top -H` shows which; stop it before a run",
    );
    let cores = Cores::usable();
    let numbers = cores.as_ref().map_or(&[][..], Cores::numbers);
    let Some(watched) = proc::utilisation(&before, &after, numbers) else {
        let remedy = "without /proc/stat runs cannot see other load or steal";
        return vec![
            queue,
            Check::fair("other load", "/proc/stat cannot be read", false, remedy),
        ];
    };
    let percent = |permille: u64| {
        format!(
            "{:.1}% over {} s",
            permille as f64 / 10.0,
            WATCHED.as_secs()
        )
    };
    let busy = watched.busy_permille.saturating_sub(watched.steal_permille);
    vec![
        queue,
        Check::fair(
            "other load",
            percent(busy),
            busy <= QUIET_PERMILLE,
            "stop other programs (builds, browsers, backups) before a run",
        ),
        Check::fair(
            "steal",
            percent(watched.steal_permille),
            watched.steal_permille <= 10,
            "the host is busy: use a dedicated machine, or repeat later",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Grade, Layout, Topology, cores};
    use crate::host::cores::Server;

    #[test]
    fn the_topology_is_told_and_graded() {
        for (topology, server, grade, found) in [
            (
                Topology::of(8, 2),
                Server::Count(1),
                Grade::Good,
                "8 physical cores with 16 hardware threads (SMT), 1 package, X: server 0, \
                 load 1,2,3,4,5,6,7,9,10,11,12,13,14,15, idle 8; steps of the sweep `cores`: 1, 2, 4",
            ),
            (
                Topology::of(16, 1),
                Server::Auto,
                Grade::Good,
                "16 physical cores, 1 package, X: server 0,1,2,3,4,5,6,7, \
                 load 8,9,10,11,12,13,14,15; steps of the sweep `cores`: 1, 2, 4, 8",
            ),
            (
                Topology::of(2, 1),
                Server::Auto,
                Grade::Good,
                "2 physical cores, 1 package, X: server 0, load 1; steps of the sweep `cores`: 1",
            ),
            (
                Topology::of(1, 2),
                Server::Auto,
                Grade::Fair,
                "1 physical core with 2 hardware threads (SMT), 1 package, X: server 0, load 1; \
                 steps of the sweep `cores`: 1",
            ),
            (
                Topology::of(1, 1),
                Server::Auto,
                Grade::Bad,
                "1 physical core, 1 package, X: server 0, load 0; steps of the sweep `cores`: 1",
            ),
        ] {
            let layout = Layout::on(&topology, server, None).unwrap();
            let check = cores(&topology, &layout, "X");
            assert_eq!((check.found.as_str(), check.grade), (found, grade));
        }
    }
}
