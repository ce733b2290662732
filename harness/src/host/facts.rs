//! Facts about the machine, the sources and the programs, for `environment.json` and `doctor`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::resource::{Resource, getrlimit};
use sha2::{Digest, Sha256};

use super::cgroup;
use super::cores::Cores;
use super::proc::{core_times, kib_field, measures_interrupts};
use crate::results::environment::{Machine, Program, Source};

/// The text of a file; empty when it cannot be read.
fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn first_line(path: &str) -> String {
    text(path)
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// A `name<anything>: value` line of `/proc/cpuinfo` and its like.
fn named_line(text: &str, name: &str, separator: char) -> String {
    text.lines()
        .filter_map(|line| line.split_once(separator))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// The machine as it is now.
pub(crate) fn machine() -> Machine {
    let kernel = ["ostype", "osrelease", "version"];
    let kernel = kernel.map(|part| first_line(&format!("/proc/sys/kernel/{part}")));
    let clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    Machine {
        host: host(),
        cpu_model: named_line(&text("/proc/cpuinfo"), "model name", ':'),
        cores_usable: Cores::usable().map_or(0, |cores| cores.numbers().len()),
        kernel: kernel.join(" "),
        os: named_line(&text("/etc/os-release"), "PRETTY_NAME", '='),
        governor: first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        boost: boost(),
        clock_source: first_line(clock),
        irq_time_accounting: measures_interrupts(&core_times()),
        memory_bytes: memory_bytes("MemTotal:"),
        load_average_milli: load_average_milli(),
        cgroup_cpu_milli: cgroup::cpu_limit_milli(),
        cgroup_memory_bytes: cgroup::memory_limit_bytes(),
        open_files: getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft),
    }
}

/// Memory that programs could have now, in bytes.
pub(crate) fn memory_available_bytes() -> u64 {
    memory_bytes("MemAvailable:")
}

fn memory_bytes(field: &str) -> u64 {
    kib_field(&text("/proc/meminfo"), field).unwrap_or(0) * 1_024
}

/// The host's name with only what a folder name may hold.
pub(crate) fn host() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.to_string_lossy().chars().map(plain).collect();
    if name.is_empty() {
        "host".to_owned()
    } else {
        name
    }
}

/// Whether programs read this clock source of the kernel without a system call (the vDSO). An empty
/// name counts as one.
pub(crate) fn is_fast_clock(clock_source: &str) -> bool {
    matches!(
        clock_source,
        "" | "tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page" | "arch_sys_counter"
    )
}

/// Whether this governor keeps the processor's frequency whatever the load. An empty name (a
/// virtual machine has no governor) counts as one that does.
pub(crate) fn is_steady_governor(governor: &str) -> bool {
    matches!(governor, "" | "performance")
}

fn boost() -> Option<bool> {
    let read = |file: &str| first_line(&format!("/sys/devices/system/cpu/{file}"));
    let (no_turbo, boost) = (read("intel_pstate/no_turbo"), read("cpufreq/boost"));
    match (no_turbo.as_str(), boost.as_str()) {
        ("0", _) | ("", "1") => Some(true),
        ("1", _) | ("", "0") => Some(false),
        _ => None,
    }
}

fn load_average_milli() -> u64 {
    let text = first_line("/proc/loadavg");
    let mut numbers = text.split(['.', ' ']).map(str::parse::<u64>);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or(0);
    // Two decimals: "0.42".
    number() * 1_000 + number() * 10
}

fn output(root: &Path, command: &[&str]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let said = || String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then(said)
}

/// The sources under this folder. What git or rustc do not say stays empty.
pub(crate) fn source(root: &Path) -> Source {
    let commit = output(root, &["git", "rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    Source {
        dirty: !commit.is_empty()
            && output(root, &["git", "status", "--porcelain"])
                .is_some_and(|changes| !changes.is_empty()),
        commit,
        rustc: output(root, &["rustc", "--version"]).unwrap_or_default(),
    }
}

/// Size and hash of a program; `None` when it cannot be read.
pub(crate) fn program(path: &Path) -> Option<Program> {
    let content = fs::read(path).ok()?;
    let digits = b"0123456789abcdef";
    let sha256 = (Sha256::digest(&content).iter())
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(digits[usize::from(digit)]))
        .collect();
    Some(Program {
        path: path.display().to_string(),
        bytes: content.len() as u64,
        sha256,
    })
}

#[cfg(test)]
mod tests {
    use super::{named_line, program};

    #[test]
    fn named_lines_are_found_whatever_the_blanks() {
        let of_cpu = named_line("a\t: 1\nmodel name\t: X Y\n", "model name", ':');
        assert_eq!(of_cpu, "X Y");
        assert_eq!(named_line("NAME=\"D 12\"\n", "NAME", '='), "D 12");
        assert_eq!(named_line("", "x", ':'), "");
    }

    #[test]
    fn a_program_is_hashed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let found = program(&path).unwrap();
        assert_eq!(found.bytes, 3);
        assert!(found.sha256.starts_with("ba7816bf8f01cfea"), "{found:?}");
        assert!(program(&folder.path().join("none")).is_none());
    }
}
