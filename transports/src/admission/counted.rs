//! Bytes that hold permits for as long as they live.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory that is reserved for a call. Clones are the same reservation, which ends with the last of
/// them.
#[derive(Clone, Debug)]
pub struct Reserved(#[expect(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

impl Reserved {
    pub(super) fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(permit))
    }

    /// Returns `bytes`, which keep the reservation until the last slice of them is dropped.
    #[must_use]
    pub fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Counted {
            bytes,
            _permits: self,
        })
    }
}

/// Permits that were free when an answer needed them.
pub(super) struct Taken {
    from: Arc<Semaphore>,
    permits: usize,
}

impl Taken {
    /// Takes up to `permits` permits.
    pub(super) fn from(from: &Arc<Semaphore>, permits: u32) -> Self {
        Self {
            permits: from.forget_permits(permits as usize),
            from: from.clone(),
        }
    }

    pub(super) fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Counted {
            bytes,
            _permits: self,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.from.add_permits(self.permits);
    }
}

struct Counted<P> {
    bytes: Bytes,
    _permits: P,
}

impl<P> AsRef<[u8]> for Counted<P> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
