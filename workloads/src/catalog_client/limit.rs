//! How many calls may be under way to the upstream at once.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use reqwest::Url;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::CatalogClientError;

/// A number of calls at once, and how long the next one waits for its turn: first come, first served. Clones
/// count together.
///
/// Waiting needs a tokio context, as the calls themselves do.
#[derive(Clone, Debug)]
pub struct CallLimit {
    turns: Arc<Semaphore>,
    calls: u32,
    patience: Duration,
}

impl CallLimit {
    /// At most `calls` at once; one more waits for at most `patience`.
    #[must_use]
    pub fn new(calls: NonZeroU32, patience: Duration) -> Self {
        let calls = calls.get();
        Self {
            turns: Arc::new(Semaphore::new(calls as usize)),
            calls,
            patience,
        }
    }

    /// Waits for a turn, which lasts until the permit is dropped.
    pub(super) async fn turn(&self, url: &Url) -> Result<SemaphorePermit<'_>, CatalogClientError> {
        match timeout(self.patience, self.turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            // Nobody closes the semaphore, so the turn has not come.
            Ok(Err(_)) | Err(_) => Err(CatalogClientError::Busy {
                url: url.to_string(),
                calls: self.calls,
                waited: self.patience,
            }),
        }
    }
}
