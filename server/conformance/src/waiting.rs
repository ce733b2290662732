//! A call that waits, and a count of those that did not get to the end: what a client sees of
//! cancellation. The suite has no scenario for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rmcp::{tool, tool_router};

use crate::Fixtures;

/// Shorter than the time limit of a call, so that a call that nobody cancels ends well.
const WAIT: Duration = Duration::from_secs(20);

/// How many calls ended before their time.
#[derive(Clone, Default)]
pub(crate) struct Cancelled(Arc<AtomicU64>);

/// A call that waits. It is counted unless it is over when it is dropped.
struct Waiting<'f> {
    cancelled: &'f Cancelled,
    is_over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.cancelled.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tool_router(router = waiting_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Waits for 20 s")]
    pub(crate) async fn test_waiting_tool(&self) -> String {
        let mut waiting = Waiting {
            cancelled: &self.cancelled,
            is_over: false,
        };
        self.runtime.sleep(WAIT).await;
        waiting.is_over = true;
        "Nobody cancelled this call.".to_owned()
    }

    #[tool(description = "Tells how many calls of test_waiting_tool were cancelled")]
    pub(crate) fn test_cancelled_calls(&self) -> String {
        self.cancelled.0.load(Ordering::Relaxed).to_string()
    }
}
