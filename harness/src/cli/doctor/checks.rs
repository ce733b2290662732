//! The machine: cores, frequency, clock, limits, and whether it is quiet.

use std::time::Duration;

use super::{Check, Grade};
use crate::host::cores::Cores;
use crate::host::{cgroup, facts, proc};
use crate::interrupt::Interrupt;
use crate::results::environment::Machine;

/// How long the machine is watched doing nothing for us.
const WATCHED: Duration = Duration::from_secs(1);

/// Busier than this without us, in thousandths, and the machine is not quiet.
const QUIET_PERMILLE: u64 = 50;

/// With more threads of others than this that run or wait, on average, the machine is not quiet.
const RUN_QUEUE: f64 = 0.25;

/// Memory that a run of all subjects needs with room to spare, in bytes.
const MEMORY: u64 = 1 << 30;

/// Open files for a thousand clients with room to spare.
const OPEN_FILES: u64 = 4_096;

const fn fair_unless(is_good: bool) -> Grade {
    if is_good { Grade::Good } else { Grade::Fair }
}

/// What the system tells at once.
pub(super) fn machine(machine: &Machine) -> Vec<Check> {
    let mut checks = vec![
        Check::new(
            "cores",
            format!("{} usable, {}", machine.cores_usable, machine.cpu_model),
            if machine.cores_usable >= 2 {
                Grade::Good
            } else {
                Grade::Bad
            },
            "server and load need a core each: use a machine with two or more, or widen the cpuset",
        ),
        governor(machine),
        boost(machine),
        clock(machine),
        Check::new(
            "open files",
            machine.open_files.to_string(),
            fair_unless(machine.open_files >= OPEN_FILES),
            format!("ulimit -n {OPEN_FILES}: each client needs a connection or two"),
        ),
    ];
    let available = facts::memory_available_bytes();
    checks.push(Check::new(
        "memory",
        format!(
            "{:.1} GB available of {:.1} GB",
            available as f64 / 1e9,
            machine.memory_bytes as f64 / 1e9
        ),
        fair_unless(available >= MEMORY),
        "free at least 1 GB, so that nothing is swapped or reclaimed during a run",
    ));
    checks.push(limits(machine));
    checks.push(Check::new(
        "harness build",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
        if cfg!(debug_assertions) {
            Grade::Bad
        } else {
            Grade::Good
        },
        "cargo build --release -p harness: the client of a debug build is slow",
    ));
    checks
}

fn clock(machine: &Machine) -> Check {
    let found = match machine.clock_source.as_str() {
        "" => "unknown",
        source => source,
    };
    let is_good = found != "unknown" && facts::is_fast_clock(found);
    let remedy = "reading this clock is slow or coarse: boot with clocksource=tsc where the processor allows it";
    Check::new("clock source", found, fair_unless(is_good), remedy)
}

fn governor(machine: &Machine) -> Check {
    let found = match machine.governor.as_str() {
        "" => "not shown (a virtual machine, or no frequency scaling)",
        governor => governor,
    };
    let is_good = facts::is_steady_governor(&machine.governor);
    let remedy = "sudo cpupower frequency-set -g performance: other governors change the frequency with the load";
    Check::new("governor", found, fair_unless(is_good), remedy)
}

fn boost(machine: &Machine) -> Check {
    let (found, is_good) = match machine.boost {
        Some(true) => ("on", false),
        Some(false) => ("off", true),
        None => ("not shown", true),
    };
    let remedy = "frequency depends on heat and on the other cores: switch boost off in /sys/devices/system/cpu/cpufreq/boost \
                  or intel_pstate/no_turbo for comparable runs";
    Check::new("boost", found, fair_unless(is_good), remedy)
}

/// The limits of the control group that the harness is in, and so is all that it starts.
fn limits(machine: &Machine) -> Check {
    let cpu = machine.cgroup_cpu_milli.map_or_else(
        || "no processor quota".to_owned(),
        |milli| format!("{:.1} cores", milli as f64 / 1e3),
    );
    let memory = machine.cgroup_memory_bytes.map_or_else(
        || "no memory limit".to_owned(),
        |bytes| format!("{:.1} GB", bytes as f64 / 1e9),
    );
    let throttled = match cgroup::throttled_count(&[]) {
        None | Some(0) => String::new(),
        Some(times) => format!(", throttled {times} times so far"),
    };
    let has_memory = machine
        .cgroup_memory_bytes
        .is_none_or(|bytes| bytes >= MEMORY);
    Check::new(
        "control group",
        format!("{cpu}, {memory}{throttled}"),
        fair_unless(machine.cgroup_cpu_milli.is_none() && has_memory),
        "a quota stops the processes in the middle of a window: lift it (cpu.max, --cpus) and pin instead; leave at least 1 GB \
         of memory (memory.max, --memory)",
    )
}

/// Watches for a while how many threads run or wait for a core, without the one that watches.
fn run_queue(interrupt: &Interrupt) -> Check {
    let (mut sum, mut looks) = (0, 0_u64);
    interrupt.wait(WATCHED, || {
        sum += proc::runnable().unwrap_or(1).saturating_sub(1);
        looks += 1;
        None::<()>
    });
    let mean = sum as f64 / looks.max(1) as f64;
    Check::new(
        "run queue",
        format!("{mean:.2} threads of others on average"),
        fair_unless(mean <= RUN_QUEUE),
        "something else wants the cores: `top -H` shows who; stop it before a run",
    )
}

/// What can be seen only by watching for a while.
pub(super) fn quiet(interrupt: &Interrupt) -> Vec<Check> {
    let before = proc::core_times();
    let queue = run_queue(interrupt);
    let after = proc::core_times();
    let cores = Cores::usable();
    let numbers = cores.as_ref().map_or(&[][..], Cores::numbers);
    let Some(watched) = proc::utilisation(&before, &after, numbers) else {
        let remedy = "without /proc/stat neither other load nor steal can be seen during runs";
        return vec![
            queue,
            Check::new("quiet", "/proc/stat cannot be read", Grade::Fair, remedy),
        ];
    };
    let percent = |permille: u64| {
        format!(
            "{:.1}% over {} s",
            permille as f64 / 10.0,
            WATCHED.as_secs()
        )
    };
    vec![
        queue,
        Check::new(
            "other load",
            percent(watched.busy_permille.saturating_sub(watched.steal_permille)),
            fair_unless(
                watched.busy_permille.saturating_sub(watched.steal_permille) <= QUIET_PERMILLE,
            ),
            "stop other programs (builds, browsers, backups) before a run",
        ),
        Check::new(
            "steal",
            percent(watched.steal_permille),
            fair_unless(watched.steal_permille <= 10),
            "the host is busy: use a dedicated machine, or repeat later",
        ),
    ]
}
