//! Processes and their children: who started whom, and what a family of processes has used.

use std::fs;

use super::{CHILDREN_TICKS, ProcessId, cpu_time_ns, ticks_of, ticks_per_s};

/// The process that started this one.
#[must_use]
pub fn parent(process: ProcessId) -> Option<ProcessId> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let behind_name = stat.get(stat.rfind(')')? + 1..)?;
    behind_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// A process and all that descend from it, as far as their parents still live. Children that a thread other than the
/// first has started are not seen.
#[must_use]
pub fn tree(process: ProcessId) -> Vec<ProcessId> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        next += 1;
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        let children = children.unwrap_or_default();
        let numbers = children.split_ascii_whitespace();
        found.extend(numbers.filter_map(|child| child.parse::<ProcessId>().ok()));
    }
    found
}

/// CPU time that a process and its children have used, in nanoseconds: its own, that of the children that
/// it has seen end (in ticks of 10 ms), and that of those that live. `None` when it has ended.
#[must_use]
pub fn tree_cpu_time_ns(process: ProcessId) -> Option<u64> {
    cpu_time_ns(process)?;
    let used = |one: ProcessId| -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{one}/stat")).ok()?;
        let (user, system) = ticks_of(&stat, CHILDREN_TICKS)?;
        Some(cpu_time_ns(one)? + (user + system) * 1_000_000_000 / ticks_per_s()?)
    };
    // One that ends in between is left out; its parent has its time then.
    Some(tree(process).into_iter().filter_map(used).sum())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::{parent, tree, tree_cpu_time_ns};

    #[test]
    fn a_tree_holds_children_and_their_children() {
        // The shell waits for its child, which waits for its own.
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'sleep 60; true'; true"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let begin = std::time::Instant::now();
        while tree(shell.id()).len() < 3 && begin.elapsed().as_secs() < 20 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let family = tree(shell.id());
        assert_eq!(family.len(), 3, "{family:?}");
        assert_eq!(parent(family[2]), Some(family[1]));
        assert!(tree_cpu_time_ns(shell.id()).is_some());
        for process in family.iter().rev() {
            let number = nix::unistd::Pid::from_raw(i32::try_from(*process).unwrap());
            let _ = nix::sys::signal::kill(number, nix::sys::signal::Signal::SIGKILL);
        }
        shell.wait().unwrap();
        assert_eq!(tree_cpu_time_ns(shell.id()), None);
    }
}
