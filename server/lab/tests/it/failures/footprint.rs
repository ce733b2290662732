//! What failures leave behind in a process: descriptors, memory, a panic in the log.

use super::callers::CALLERS;
use crate::common::{Server, eventually};

/// How much more memory a server may have after its trouble than before. An allocator keeps what it
/// had at its busiest; what leaks with every failed call is far more after thousands of them, and
/// what keeps a flood of 100 MB is, too.
const SLACK_KB: u64 = 24 * 1024;

/// Counted while no call is in flight.
#[derive(Debug)]
pub(crate) struct Footprint {
    descriptors: usize,
    rss_kb: u64,
}

impl Footprint {
    /// That of `server` now.
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            descriptors: server.descriptors(),
            rss_kb: server.rss_kib(),
        }
    }

    /// Waits until `server` holds no more descriptors than this, and asserts that its memory is
    /// about the same.
    ///
    /// A pool keeps as many connections as were in use at once. That may have been fewer than there
    /// are callers when this was counted, since a caller pauses, and one for each of them later.
    pub(crate) fn is_back(&self, server: &Server) {
        let most = self.descriptors + CALLERS;
        eventually("connections that failed are closed", || {
            (server.descriptors() <= most).then_some(())
        });
        let now = Self::of(server);
        assert!(
            now.rss_kb <= self.rss_kb + SLACK_KB,
            "{self:?} before, {now:?} after"
        );
    }
}

/// The log of `server` has no panic.
pub(crate) fn has_not_panicked(server: &Server) {
    let panic = |line: &String| line.contains("panicked");
    assert_eq!(server.log().lines().into_iter().find(panic), None);
}
