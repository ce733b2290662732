//! Readings of single processes and cores from `/proc` and the CPU clocks.
//!
//! CPU time of a process is read from its CPU clock (`clock_getcpuclockid`): nanoseconds over all
//! its threads, those that have ended included. `/proc/PID/stat` has ticks of 10 ms, and
//! `/proc/PID/task/*/schedstat` forgets threads that have ended; the first serves for the shares of
//! user and system time and for children that have ended, the second for nothing.

use std::fs;
use std::path::Path;

use nix::time::ClockId;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Number of a process.
pub(crate) type ProcessId = u32;

/// CPU time that a process has used since its start, in nanoseconds; `None` when it is gone.
pub(crate) fn cpu_time_ns(process: ProcessId) -> Option<u64> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(process).ok()?)).ok()?;
    let now = clock.now().ok()?;
    let seconds = u64::try_from(now.tv_sec()).ok()?;
    let rest = u64::try_from(now.tv_nsec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The process that started it, or has adopted it.
    pub(crate) parent: ProcessId,
    /// User and system time, in milliseconds.
    pub(crate) cpu_ms: (u64, u64),
    /// Those of its children that have ended and that it has waited for, with theirs.
    pub(crate) ended_children_ms: (u64, u64),
    /// When it was started, in ticks: with its number this names one process for ever.
    pub(crate) started: u64,
}

impl Stat {
    /// Reads it; `None` when there is no such process.
    pub(crate) fn of(process: ProcessId) -> Option<Self> {
        let ticks_per_s = u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        Self::parse(&text, 1_000 / ticks_per_s.max(1))
    }

    /// The second field is a name that may hold blanks and brackets.
    fn parse(text: &str, tick_ms: u64) -> Option<Self> {
        let behind_name = text.get(text.rfind(')')? + 1..)?;
        let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
        // Numbered from 1 in proc_pid_stat(5), and the first one here is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ms = |number| Some(field(number)? * tick_ms);
        Some(Self {
            parent: field(4)?.try_into().ok()?,
            cpu_ms: (ms(14)?, ms(15)?),
            ended_children_ms: (ms(16)?, ms(17)?),
            started: field(22)?,
        })
    }
}

/// All processes of the machine.
pub(crate) fn processes() -> impl Iterator<Item = ProcessId> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The living children of a process, whichever of its threads has started them.
fn children(process: ProcessId) -> Vec<ProcessId> {
    // A kernel without CONFIG_PROC_CHILDREN has no such files.
    if !Path::new("/proc/thread-self/children").exists() {
        let is_child = |one: &ProcessId| Stat::of(*one).is_some_and(|stat| stat.parent == process);
        return processes().filter(is_child).collect();
    }
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            let numbers = text.split_ascii_whitespace().map(str::parse);
            numbers.flatten().collect::<Vec<ProcessId>>()
        })
        .collect()
}

/// Some processes, and all of their living descendants behind them.
pub(crate) fn with_descendants(mut found: Vec<ProcessId>) -> Vec<ProcessId> {
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        for child in children(parent) {
            if !found.contains(&child) {
                found.push(child);
            }
        }
    }
    found
}

/// A `Name:  123 kB` field of `/proc` files, or one without a unit.
pub(crate) fn kib_field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// How a core's time was spent since the start of the machine, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CoreTime {
    /// The core's number.
    pub(crate) core: usize,
    /// Working for any process, or for interrupts.
    pub(crate) busy: u64,
    /// Working for hard interrupts.
    pub(crate) irq: u64,
    /// Working for soft interrupts: network and timers, above all.
    pub(crate) softirq: u64,
    /// Nothing to do.
    pub(crate) idle: u64,
    /// Wanted to work, but the hypervisor ran something else.
    pub(crate) steal: u64,
}

/// The time of every core (`/proc/stat`); empty when it cannot be read.
pub(crate) fn core_times() -> Vec<CoreTime> {
    parse_core_times(&fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// Threads that run or wait for a core now, on the whole machine, the caller's among them.
pub(crate) fn runnable() -> Option<u64> {
    kib_field(&fs::read_to_string("/proc/stat").ok()?, "procs_running ")
}

/// Columns: user nice system idle iowait irq softirq steal guest `guest_nice`; guest time is in
/// user time already.
fn parse_core_times(stat: &str) -> Vec<CoreTime> {
    let core = |line: &str| -> Option<CoreTime> {
        let mut fields = line.strip_prefix("cpu")?.split_ascii_whitespace();
        let core = fields.next()?.parse().ok()?;
        let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
        Some(CoreTime {
            core,
            busy: at(0) + at(1) + at(2) + at(5) + at(6),
            irq: at(5),
            softirq: at(6),
            idle: at(3) + at(4),
            steal: at(7),
        })
    };
    // The line of all cores together has no number.
    let cores = stat.lines().filter(|line| !line.starts_with("cpu "));
    cores.filter_map(core).collect()
}

/// Whether the kernel measures the time of interrupts (`CONFIG_IRQ_TIME_ACCOUNTING`), as far as its
/// counters tell.
///
/// Without it a tick counts for whatever it interrupts, and that is never a hard interrupt, so this
/// column stays 0. A `/proc/stat` without soft interrupts either is not the kernel's own (LXCFS).
pub(crate) fn measures_interrupts(times: &[CoreTime]) -> Option<bool> {
    let of_all = |ticks: fn(&CoreTime) -> u64| times.iter().map(ticks).sum::<u64>();
    match (of_all(|core| core.irq), of_all(|core| core.softirq)) {
        (0, 0) => None,
        (irq, _) => Some(irq > 0),
    }
}

/// How busy a set of cores was between two readings, in thousandths of all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utilisation {
    /// Share of the time that the cores worked, stolen time included.
    pub busy_permille: u64,
    /// Share of the time that interrupts took, as far as the kernel tells.
    pub irq_permille: u64,
    /// Share of the time that the hypervisor took.
    pub steal_permille: u64,
}

/// How busy the cores were; `None` when a reading lacks them or no tick has passed.
pub(crate) fn utilisation(
    before: &[CoreTime],
    after: &[CoreTime],
    cores: &[usize],
) -> Option<Utilisation> {
    let (mut busy, mut irq, mut steal, mut all) = (0, 0, 0, 0);
    for core in cores {
        let of = |times: &[CoreTime]| times.iter().find(|time| time.core == *core).copied();
        let (first, last) = (of(before)?, of(after)?);
        let passed = |ticks: fn(&CoreTime) -> u64| ticks(&last).saturating_sub(ticks(&first));
        let stolen = passed(|core| core.steal);
        let worked = passed(|core| core.busy) + stolen;
        busy += worked;
        irq += passed(|core| core.irq + core.softirq);
        steal += stolen;
        all += worked + passed(|core| core.idle);
    }
    (all > 0).then(|| Utilisation {
        busy_permille: busy * 1_000 / all,
        irq_permille: irq * 1_000 / all,
        steal_permille: steal * 1_000 / all,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        Stat, cpu_time_ns, kib_field, measures_interrupts, parse_core_times, runnable, utilisation,
    };

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 123 45 6 7 20 0 1 0 99 9 9";
        let read = Stat::parse(stat, 10).unwrap();
        assert_eq!((read.parent, read.started), (1, 99));
        assert_eq!(
            (read.cpu_ms, read.ended_children_ms),
            ((1_230, 450), (60, 70))
        );
        assert_eq!(Stat::parse("nonsense", 10), None);
    }

    #[test]
    fn cores_are_read_without_the_sum_line() {
        let first = parse_core_times(
            "cpu  9 9 9 9\ncpu0 10 0 10 80 0 0 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0\nintr 5\n",
        );
        let last = parse_core_times(
            "cpu  9 9 9 9\ncpu0 45 0 10 110 0 5 10 20 0 0\ncpu1 0 0 0 200 0 0 0 0\nintr 5\n",
        );
        let only = |cores: &[usize]| utilisation(&first, &last, cores).unwrap();
        let found = only(&[0]);
        assert_eq!((found.busy_permille, found.irq_permille), (700, 150));
        assert_eq!(found.steal_permille, 200);
        assert_eq!(only(&[0, 1]).busy_permille, 350);
        assert_eq!(utilisation(&first, &last, &[5]), None);
        assert_eq!(utilisation(&first, &first, &[0]), None);
    }

    #[test]
    fn hard_interrupts_have_time_only_where_the_kernel_measures_it() {
        let of = |line: &str| measures_interrupts(&parse_core_times(line));
        assert_eq!(of("cpu0 10 0 10 80 0 3 5 0 0 0"), Some(true));
        assert_eq!(of("cpu0 10 0 10 80 0 0 5 0 0 0"), Some(false));
        assert_eq!(of("cpu0 10 0 10 80 0 0 0 0 0 0"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn this_process_can_be_read_and_a_missing_one_cannot() {
        let this = std::process::id();
        let before = cpu_time_ns(this).unwrap();
        while cpu_time_ns(this).unwrap() < before + 1_000_000 {
            std::hint::spin_loop();
        }
        assert!(runnable() >= Some(1), "at least this thread runs");
        assert_eq!((cpu_time_ns(u32::MAX), Stat::of(u32::MAX)), (None, None));
        assert_eq!(
            kib_field("MemTotal:  16 kB\nMemFree: 5 kB\n", "MemFree:"),
            Some(5)
        );
    }
}
