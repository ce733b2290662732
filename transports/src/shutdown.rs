//! The signal that ends a server: raised once, and seen by all its clones.
//!
//! Left to others: raising it (a signal handler, a test), and what each transport does then.

use std::{future::Future, time::Duration};

use futures::future::{Either, select};
use tokio_util::sync::CancellationToken;

use crate::runtime::Runtime;

/// Tells a server when to stop accepting work, and how long it may take to finish.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    drain_timeout: Duration,
}

impl Shutdown {
    /// Creates the signal. After it is raised, requests in flight have `drain_timeout` to be
    /// answered.
    #[must_use]
    pub fn new(drain_timeout: Duration) -> Self {
        Self {
            token: CancellationToken::new(),
            drain_timeout,
        }
    }

    /// Raises the signal. Raising it again changes nothing.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Completes when the signal is raised.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Whether the signal is raised.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits for `drained`, but not longer than the drain timeout. A timeout is logged.
    pub async fn drain(&self, runtime: &impl Runtime, drained: impl Future<Output = ()>) {
        let drained = std::pin::pin!(drained);
        let deadline = std::pin::pin!(runtime.sleep(self.drain_timeout));
        if let Either::Right(_) = select(drained, deadline).await {
            tracing::warn!(
                drain_timeout_s = self.drain_timeout.as_secs_f64(),
                "the drain timeout ended before everything in flight was answered; raise --drain-timeout"
            );
        }
    }
}
