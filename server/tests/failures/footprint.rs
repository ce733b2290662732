//! What is left of trouble in a process: descriptors, memory, word of a panic.

use crate::{
    callers::CALLERS,
    common::{Server, eventually},
};

/// How much more memory a server may have after its trouble than before. An allocator keeps what it had
/// at its busiest; what leaks with every failed call is far more after thousands of them, and what keeps
/// a flood of 100 MB is, too.
const SLACK_KB: u64 = 24 * 1024;

/// Counted while nobody asks.
#[derive(Debug)]
pub(crate) struct Footprint {
    descriptors: usize,
    rss_kb: u64,
}

impl Footprint {
    /// That of `server` now.
    pub(crate) fn of(server: &Server) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.unwrap().trim_end_matches("kB").trim();
        Self {
            descriptors: descriptors(server),
            rss_kb: rss.parse().unwrap(),
        }
    }

    /// Waits until `server` holds no more descriptors than this, and asserts that its memory is about the same.
    ///
    /// A pool keeps as many connections as were in use at once. That may have been fewer than there are
    /// callers when this was counted, since a caller pauses, and one for each of them later.
    pub(crate) fn is_back(&self, server: &Server) {
        let most = self.descriptors + CALLERS;
        eventually("connections that failed are closed", || {
            (descriptors(server) <= most).then_some(())
        });
        let now = Self::of(server);
        assert!(
            now.rss_kb <= self.rss_kb + SLACK_KB,
            "{self:?} before, {now:?} after"
        );
    }
}

fn descriptors(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.pid());
    std::fs::read_dir(folder).unwrap().count()
}

/// Nothing that `server` says on standard error tells of a panic.
pub(crate) fn has_not_panicked(server: &Server) {
    let panic = |line: &String| line.contains("panicked");
    assert_eq!(server.log().lines().into_iter().find(panic), None);
}
