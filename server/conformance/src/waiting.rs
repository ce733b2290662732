//! A call that waits, and a count of those that did not get to the end: what a client sees of
//! cancellation. The suite has no scenario for it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rmcp::{tool, tool_router};

use crate::Fixtures;

/// Shorter than the time limit of a call, so that a call that nobody cancels ends well.
const WAIT: Duration = Duration::from_secs(20);

/// How many calls wait, and how many ended before their time.
#[derive(Default)]
pub(crate) struct Calls {
    waiting: AtomicU64,
    cancelled: AtomicU64,
}

/// A call that waits. It is counted as cancelled unless it is over when it is dropped.
struct Waiting<'f> {
    calls: &'f Calls,
    is_over: bool,
}

impl<'f> Waiting<'f> {
    fn begin(calls: &'f Calls) -> Self {
        calls.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            calls,
            is_over: false,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.waiting.fetch_sub(1, Ordering::Relaxed);
        if !self.is_over {
            self.calls.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tool_router(router = waiting_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Waits for 20 s")]
    pub(crate) async fn test_waiting_tool(&self) -> String {
        let mut waiting = Waiting::begin(&self.calls);
        self.runtime.sleep(WAIT).await;
        waiting.is_over = true;
        "Nobody cancelled this call.".to_owned()
    }

    #[tool(description = "Tells how many calls of test_waiting_tool wait now")]
    pub(crate) fn test_waiting_calls(&self) -> String {
        self.calls.waiting.load(Ordering::Relaxed).to_string()
    }

    #[tool(description = "Tells how many calls of test_waiting_tool were cancelled")]
    pub(crate) fn test_cancelled_calls(&self) -> String {
        self.calls.cancelled.load(Ordering::Relaxed).to_string()
    }
}
