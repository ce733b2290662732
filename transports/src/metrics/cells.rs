//! Cells that threads add to without disturbing each other, and the cells of a tool's calls.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

/// The upper bounds of the histogram's buckets, in nanoseconds. The published targets, 100 and
/// 500 ms, are among them, so that the share of calls beyond a target is exact.
pub(super) const BOUNDS_NS: [u64; 20] = [
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// The most threads that have cells of their own; more threads share cells.
const MAX_SHARDS: usize = 64;

/// A number that only grows.
#[derive(Default)]
pub(super) struct Cell(AtomicU64);

impl Cell {
    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A `T` on cache lines of its own. Processors fetch lines in pairs of 64 bytes.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

/// One `T` for each of a few threads. A thread adds to its own; readers add up all of them.
pub(super) struct Sharded<T>(Box<[Apart<T>]>);

impl<T: Default> Sharded<T> {
    /// Makes a `T` for each of `threads` threads.
    pub(super) fn new(threads: usize) -> Self {
        let shards = threads.clamp(1, MAX_SHARDS).next_power_of_two();
        Self((0..shards).map(|_| Apart::default()).collect())
    }

    /// Returns the `T` of this thread.
    pub(super) fn here(&self) -> &T {
        // The number of shards is a power of two.
        &self.0[thread() & (self.0.len() - 1)].0
    }

    /// Adds up one number of all `T`.
    pub(super) fn sum(&self, number: impl Fn(&T) -> &Cell) -> u64 {
        self.0.iter().map(|one| number(&one.0).get()).sum()
    }
}

/// Returns the number of this thread among those that count.
fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// Bytes of messages.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) received: Cell,
    pub(super) sent: Cell,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallEnd {
    /// With a result.
    Succeeded,
    /// With a result that reports an error (`isError`).
    ToolError,
    /// With a JSON-RPC error of this code.
    ProtocolError(i32),
}

/// A failure that is the server's and not the caller's. Its call also ends with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The tool panicked.
    Panic,
    /// The call took longer than its limit.
    Timeout,
}

/// The calls of one tool.
pub(crate) struct ToolCalls {
    pub(super) tool: Box<str>,
    pub(super) calls: Sharded<Calls>,
    pub(super) panics: Cell,
    pub(super) timeouts: Cell,
}

#[derive(Default)]
pub(super) struct Calls {
    /// One more than there are bounds: the last one has no bound.
    pub(super) buckets: [Cell; BOUNDS_NS.len() + 1],
    pub(super) nanoseconds: Cell,
    pub(super) tool_errors: Cell,
    pub(super) protocol_errors: Cell,
}

impl ToolCalls {
    pub(super) fn new(tool: &str, threads: usize) -> Self {
        Self {
            tool: tool.into(),
            calls: Sharded::new(threads),
            panics: Cell::default(),
            timeouts: Cell::default(),
        }
    }

    /// Counts a call that took `time`.
    pub(crate) fn record(&self, time: Duration, end: CallEnd) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let calls = self.calls.here();
        let bucket = BOUNDS_NS.partition_point(|bound| *bound < nanoseconds);
        calls.buckets[bucket].add(1);
        calls.nanoseconds.add(nanoseconds);
        match end {
            CallEnd::Succeeded => {}
            CallEnd::ToolError => calls.tool_errors.add(1),
            CallEnd::ProtocolError(_) => calls.protocol_errors.add(1),
        }
    }

    /// Counts a failure.
    pub(crate) fn fail(&self, failure: Failure) {
        match failure {
            Failure::Panic => self.panics.add(1),
            Failure::Timeout => self.timeouts.add(1),
        }
    }
}
