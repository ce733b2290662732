//! The one signal that ends a server: raised once, seen by everybody who holds a clone.
//!
//! Left to others: who raises it (a signal handler, a test) and what each transport does then.

use std::{future::Future, time::Duration};

use futures::future::{Either, select};
use tokio_util::sync::CancellationToken;

use crate::runtime::Runtime;

/// Says when a server is to stop taking work, and how long it may take over what it has.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    drain_timeout: Duration,
}

impl Shutdown {
    /// A signal that is not raised yet. Once it is, what is in flight has `drain_timeout` to be
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

    /// Waits for `drained`, but not longer than the drain timeout, and says in the log when that
    /// was too short.
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
