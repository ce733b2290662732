//! Limits of the control groups that processes are in, version 2 and version 1.
//!
//! A limit may sit on any group up to the root; the tightest one counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::proc::{ProcessId, kib_field};

/// Folders of the control groups of a process for one controller, innermost first; none when it
/// has ended.
fn folders(process: ProcessId, controller: &str) -> Vec<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap_or_default();
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let mounts: &[&str] = if controllers.is_empty() {
            &["", "unified"]
        } else if controllers.split(',').any(|name| name == controller) {
            &[controller]
        } else {
            continue;
        };
        for mount in mounts {
            let root = Path::new("/sys/fs/cgroup").join(mount);
            let own = root.join(group.trim_start_matches('/'));
            let up_to_root = own.ancestors().take_while(|one| one.starts_with(&root));
            found.extend(up_to_root.filter(|one| one.is_dir()).map(Path::to_owned));
        }
    }
    found
}

fn numbers(path: &Path) -> Option<Vec<i64>> {
    let text = fs::read_to_string(path).ok()?;
    let words = text.split_ascii_whitespace();
    words.map(|word| word.parse().ok()).collect()
}

/// Processor quota in thousandths of a core; `None` without one.
pub(crate) fn cpu_limit_milli() -> Option<u64> {
    let limit = |folder: PathBuf| -> Option<u64> {
        let (quota, period) = match numbers(&folder.join("cpu.max")).as_deref() {
            Some([quota, period]) => (*quota, *period),
            _ => (
                *numbers(&folder.join("cpu.cfs_quota_us"))?.first()?,
                *numbers(&folder.join("cpu.cfs_period_us"))?.first()?,
            ),
        };
        (quota > 0 && period > 0).then(|| u64::try_from(quota * 1_000 / period).unwrap_or(0))
    };
    let folders = folders(std::process::id(), "cpu").into_iter();
    folders.filter_map(limit).min()
}

/// Memory limit in bytes; `None` without one.
pub(crate) fn memory_limit_bytes() -> Option<u64> {
    // Version 1 writes "no limit" as the largest page-aligned number.
    const NO_LIMIT: u64 = 1 << 62;
    let limit = |folder: PathBuf| -> Option<u64> {
        let own = numbers(&folder.join("memory.max"))
            .or_else(|| numbers(&folder.join("memory.limit_in_bytes")))?;
        let bytes = u64::try_from(*own.first()?).ok();
        bytes.filter(|bytes| *bytes < NO_LIMIT)
    };
    let folders = folders(std::process::id(), "memory").into_iter();
    folders.filter_map(limit).min()
}

/// How often the processor quotas of their control groups have stopped this process and these
/// others; `None` where the system does not count it.
pub(crate) fn throttled_count(others: &[ProcessId]) -> Option<u64> {
    let count = |folder: PathBuf| -> Option<u64> {
        let text = fs::read_to_string(folder.join("cpu.stat")).ok()?;
        kib_field(&text, "nr_throttled ")
    };
    let all = [std::process::id()]
        .into_iter()
        .chain(others.iter().copied());
    // Each folder once, though several processes are in it.
    let all: BTreeSet<PathBuf> = all.flat_map(|process| folders(process, "cpu")).collect();
    let counts: Vec<u64> = all.into_iter().filter_map(count).collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}
