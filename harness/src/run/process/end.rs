//! The end of a child and of its process group: asked for first, then brought about.
//!
//! Nothing here reaps: as long as the child is not waited for, its number (and its group's) cannot
//! pass to another process and get its signals.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::machine::proc::ProcessId;

/// How long a child may take to end after SIGTERM before SIGKILL ends it.
pub const GRACE: Duration = Duration::from_secs(5);

/// How a group came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupEnd {
    /// The child had not ended by itself and was sent SIGTERM.
    pub(crate) is_told: bool,
    /// SIGTERM and the grace time were not enough.
    pub(crate) is_killed: bool,
}

fn pid(child: ProcessId) -> Pid {
    Pid::from_raw(i32::try_from(child).unwrap_or(i32::MAX))
}

/// Whether a process has ended. A child is not reaped.
#[must_use]
pub fn has_ended(process: ProcessId) -> bool {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    match waitid(Id::Pid(pid(process)), look) {
        Ok(WaitStatus::StillAlive) => false,
        // Somebody else's child.
        Err(Errno::ECHILD) => !Path::new("/proc").join(process.to_string()).exists(),
        _ => true,
    }
}

/// Waits until a child has ended by itself, no longer than this.
pub(crate) fn await_end(child: ProcessId, limit: Duration) {
    let begin = Instant::now();
    while !has_ended(child) && begin.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends a child that leads its process group, and all of the group: SIGTERM, after the grace time
/// SIGKILL. The child must not be reaped yet, and is there to be waited for afterwards.
pub(crate) fn end_group(child: ProcessId) -> GroupEnd {
    let is_told = !has_ended(child);
    if is_told {
        // The group may be gone between the look and the signal: then there is nothing to end.
        let _ = killpg(pid(child), Signal::SIGTERM);
        await_end(child, GRACE);
    }
    let is_killed = is_told && !has_ended(child);
    // Also for children of the child that it left behind.
    let _ = killpg(pid(child), Signal::SIGKILL);
    GroupEnd { is_told, is_killed }
}
