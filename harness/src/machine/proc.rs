//! Readings from `/proc` and the processor clocks: CPU time of a process, its memory, how busy each
//! core was.
//!
//! CPU time of a process is read from its CPU clock (`clock_getcpuclockid`): whole nanoseconds over
//! all its threads, those that have ended included. The fields of `/proc/PID/stat` tick every 10
//! ms, and `/proc/PID/task/*/schedstat` forgets threads that have ended; the first is used for the
//! share of user and system time only, the second not at all.

mod tree;
pub mod vitals;

use std::fs;

use nix::time::ClockId;
use nix::unistd::{Pid, SysconfVar, sysconf};

pub use tree::{parent, tree, tree_cpu_time_ns};

/// Number of a process.
pub type ProcessId = u32;

/// CPU time that a process has used since its start, in nanoseconds; `None` when it has ended.
#[must_use]
pub fn cpu_time_ns(process: ProcessId) -> Option<u64> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(process).ok()?)).ok()?;
    let now = clock.now().ok()?;
    let seconds = u64::try_from(now.tv_sec()).ok()?;
    let rest = u64::try_from(now.tv_nsec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(rest)
}

fn ticks_per_s() -> Option<u64> {
    Some(
        u64::try_from(sysconf(SysconfVar::CLK_TCK).ok()??)
            .ok()?
            .max(1),
    )
}

/// User and system time of a process in milliseconds, as ticks of the kernel's clock (10 ms on most
/// machines).
#[must_use]
pub fn user_and_system_ms(process: ProcessId) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks_per_s = ticks_per_s()?;
    let (user, system) = ticks_of(&stat, OWN_TICKS)?;
    Some((user * 1_000 / ticks_per_s, system * 1_000 / ticks_per_s))
}

/// Where user and system time of a process stand behind its name in `/proc/PID/stat` (fields 14 and 15).
const OWN_TICKS: usize = 11;

/// Where those of its ended children do (fields 16 and 17).
const CHILDREN_TICKS: usize = 13;

/// Two fields of `/proc/PID/stat`. The second field of it is a name that may hold blanks and
/// brackets.
fn ticks_of(stat: &str, at: usize) -> Option<(u64, u64)> {
    let mut fields = stat
        .get(stat.rfind(')')? + 1..)?
        .split_ascii_whitespace()
        .skip(at);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Resident memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Now, in bytes.
    pub rss_bytes: u64,
    /// The most since its start, in bytes.
    pub peak_bytes: u64,
}

/// Resident memory of a process (`VmRSS` and `VmHWM` of `/proc/PID/status`); `None` when it has
/// ended.
#[must_use]
pub fn memory(process: ProcessId) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(Memory {
        rss_bytes: kib_field(&status, "VmRSS:")? * 1_024,
        peak_bytes: kib_field(&status, "VmHWM:")? * 1_024,
    })
}

/// A `Name:  123 kB` field of `/proc` files, or one without a unit.
#[must_use]
pub fn kib_field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// How a core's time was spent since the start of the machine, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoreTime {
    /// The core's number.
    pub core: usize,
    /// Working for anybody on this machine.
    pub busy: u64,
    /// Nothing to do.
    pub idle: u64,
    /// Wanted to work, but the hypervisor ran something else.
    pub steal: u64,
}

/// The time of every core (`/proc/stat`); empty when it cannot be read.
#[must_use]
pub fn core_times() -> Vec<CoreTime> {
    parse_core_times(&fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// Threads that run or wait for a core now, on the whole machine, the caller's among them (`/proc/stat`).
#[must_use]
pub fn runnable() -> Option<u64> {
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
            idle: at(3) + at(4),
            steal: at(7),
        })
    };
    stat.lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "))
        .filter_map(core)
        .collect()
}

/// How busy a set of cores was between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utilisation {
    /// Share of the time that the cores worked, stolen time included, in thousandths of all of them
    /// together.
    pub busy_permille: u64,
    /// Share of the time that the hypervisor took, in thousandths.
    pub steal_permille: u64,
}

/// How busy the cores were; `None` when a reading lacks them or no tick has passed.
#[must_use]
pub fn utilisation(
    before: &[CoreTime],
    after: &[CoreTime],
    cores: &[usize],
) -> Option<Utilisation> {
    let (mut busy, mut steal, mut all) = (0, 0, 0);
    for core in cores {
        let of = |times: &[CoreTime]| times.iter().find(|time| time.core == *core).copied();
        let (first, last) = (of(before)?, of(after)?);
        let stolen = last.steal.saturating_sub(first.steal);
        let worked = last.busy.saturating_sub(first.busy) + stolen;
        busy += worked;
        steal += stolen;
        all += worked + last.idle.saturating_sub(first.idle);
    }
    (all > 0).then(|| Utilisation {
        busy_permille: busy * 1_000 / all,
        steal_permille: steal * 1_000 / all,
    })
}

#[cfg(test)]
mod tests {
    use super::{
        OWN_TICKS, cpu_time_ns, kib_field, memory, parse_core_times, runnable, ticks_of,
        user_and_system_ms, utilisation,
    };

    #[test]
    fn a_name_with_blanks_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 123 45 0 0 20 0 1 0 9 9 9";
        assert_eq!(ticks_of(stat, OWN_TICKS), Some((123, 45)));
        assert_eq!(ticks_of("nonsense", OWN_TICKS), None);
    }

    #[test]
    fn cores_are_read_without_the_sum_line() {
        let first = parse_core_times(
            "cpu  9 9 9 9\ncpu0 10 0 10 80 0 0 0 0 0 0\ncpu1 0 0 0 100 0 0 0 0\nintr 5\n",
        );
        let last = parse_core_times(
            "cpu  9 9 9 9\ncpu0 60 0 10 110 0 0 0 20 0 0\ncpu1 0 0 0 200 0 0 0 0\nintr 5\n",
        );
        let only = |cores: &[usize]| utilisation(&first, &last, cores).unwrap();
        assert_eq!(
            (only(&[0]).busy_permille, only(&[0]).steal_permille),
            (700, 200)
        );
        assert_eq!(only(&[0, 1]).busy_permille, 350);
        assert_eq!(utilisation(&first, &last, &[5]), None);
        assert_eq!(utilisation(&first, &first, &[0]), None);
    }

    #[test]
    fn this_process_can_be_read_and_a_missing_one_cannot() {
        let this = std::process::id();
        let before = cpu_time_ns(this).unwrap();
        let mut sum = 0_u64;
        while cpu_time_ns(this).unwrap() < before + 1_000_000 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let memory_now = memory(this).unwrap();
        assert!(memory_now.rss_bytes > 0 && memory_now.peak_bytes >= memory_now.rss_bytes / 2);
        assert!(user_and_system_ms(this).is_some());
        assert!(runnable() >= Some(1), "at least this thread runs");
        assert_eq!(cpu_time_ns(u32::MAX), None);
        assert_eq!(memory(u32::MAX), None);
    }

    #[test]
    fn fields_in_kib_are_found_by_name() {
        assert_eq!(
            kib_field("MemTotal:  16 kB\nMemFree: 5 kB\n", "MemFree:"),
            Some(5)
        );
        assert_eq!(kib_field("", "MemFree:"), None);
    }
}
