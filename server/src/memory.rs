//! Returns memory to the system that glibc's allocator holds free.
//!
//! glibc returns only the end of a heap on its own. When many sessions have ended, what is in use
//! behind them keeps their memory, with one heap or many. `malloc_trim` returns free pages wherever
//! they are, but it takes the allocator's locks. So a thread calls it when there is much to return.
//! A server that never grew large pays for a look at its size every few seconds.

use std::{thread, time::Duration};

use anyhow::Context;

/// The time between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// A process of this size is left alone.
const SMALL_BYTES: u64 = 64 * 1024 * 1024;
/// This much has to be free beyond what the last trim could not return.
const WORTH_BYTES: u64 = 32 * 1024 * 1024;

/// Starts the thread that returns memory. With another C library than glibc there is none.
pub(crate) fn start_returning() -> anyhow::Result<()> {
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let thread = thread::Builder::new().name("memory".into());
        thread
            .spawn(return_free)
            .context("starting the thread that returns memory")?;
    }
    Ok(())
}

fn return_free() {
    let mut kept = Kept::default();
    loop {
        thread::sleep(PAUSE);
        let Some(resident) = resident_bytes().filter(|bytes| *bytes > SMALL_BYTES) else {
            continue;
        };
        if kept.is_worth_a_trim(resident.saturating_sub(glibc::used_bytes())) {
            glibc::trim();
            let left = resident_bytes().unwrap_or(resident);
            kept = Kept {
                bytes: left.saturating_sub(glibc::used_bytes()),
            };
            tracing::debug!(resident, left, "free memory was returned");
        }
    }
}

/// Bytes that the last trim could not return: pages that are partly in use, and the program itself.
#[derive(Default)]
struct Kept {
    bytes: u64,
}

impl Kept {
    fn is_worth_a_trim(&mut self, free_bytes: u64) -> bool {
        self.bytes = self.bytes.min(free_bytes);
        free_bytes - self.bytes >= WORTH_BYTES
    }
}

/// The resident memory of this process.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = resident.trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the functions of C have no safe form")]
mod glibc {
    /// Bytes that the program has allocated and not freed.
    pub(super) fn used_bytes() -> u64 {
        // SAFETY: it takes no arguments and returns numbers. glibc takes the lock of each heap
        // while it counts.
        let info = unsafe { libc::mallinfo2() };
        u64::try_from(info.uordblks.saturating_add(info.hblkhd)).unwrap_or(u64::MAX)
    }

    /// Returns free pages.
    pub(super) fn trim() {
        // SAFETY: it takes the number of bytes to keep, touches free memory alone, and is safe to
        // call beside other threads (malloc_trim(3): MT-Safe).
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(super) fn used_bytes() -> u64 {
        0
    }

    pub(super) fn trim() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trim_could_not_return_is_no_reason_for_the_next() {
        let mut kept = Kept::default();
        assert!(!kept.is_worth_a_trim(WORTH_BYTES - 1));
        kept.bytes = 100;
        assert!(!kept.is_worth_a_trim(100 + WORTH_BYTES - 1));
        assert!(kept.is_worth_a_trim(100 + WORTH_BYTES));
        // Since then some of it was used again.
        assert!(!kept.is_worth_a_trim(0));
        assert!(kept.is_worth_a_trim(WORTH_BYTES));
    }
}
