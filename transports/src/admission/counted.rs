//! Permits, and bytes that hold permits for as long as they live.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::sync::Semaphore;

/// Permits of one kind.
#[derive(Debug)]
pub(super) struct Permits {
    free: Semaphore,
    /// Permits that answers hold beyond those that were free. The next ones that come back pay for
    /// them, before a call that waits gets any.
    missing: AtomicUsize,
}

/// Permits that are held until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    of: Arc<Permits>,
    permits: u32,
}

impl Permits {
    pub(super) fn new(permits: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Semaphore::new(permits),
            missing: AtomicUsize::new(0),
        })
    }

    /// Takes `permits` permits if they are free, and no call waits.
    pub(super) fn try_take(self: &Arc<Self>, permits: u32) -> Option<Held> {
        let taken = self.free.try_acquire_many(permits).ok()?;
        taken.forget();
        Some(self.held(permits))
    }

    /// Waits for `permits` permits. Calls get theirs in the order in which they ask.
    pub(super) async fn take(self: &Arc<Self>, permits: u32) -> Held {
        match self.free.acquire_many(permits).await {
            Ok(taken) => taken.forget(),
            Err(closed) => unreachable!("no line closes: {closed}"),
        }
        self.held(permits)
    }

    /// Takes `permits` permits, whether they are free or not.
    pub(super) fn take_at_once(self: &Arc<Self>, permits: u32) -> Held {
        let taken = self.free.forget_permits(permits as usize);
        let missing = permits as usize - taken;
        self.missing.fetch_add(missing, Ordering::Relaxed);
        self.held(permits)
    }

    fn held(self: &Arc<Self>, permits: u32) -> Held {
        Held {
            of: self.clone(),
            permits,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let permits = self.permits as usize;
        let pay = |missing: usize| (missing > 0).then(|| missing.saturating_sub(permits));
        let missing = &self.of.missing;
        let was_missing = missing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
        let paid = was_missing.unwrap_or(0).min(permits);
        self.of.free.add_permits(permits - paid);
    }
}

/// Memory that is reserved for a call. Clones are the same reservation, which ends with the last of
/// them.
#[derive(Clone, Debug)]
pub struct Reserved(#[expect(dead_code, reason = "held for its drop")] Arc<Held>);

impl Reserved {
    pub(super) fn new(held: Held) -> Self {
        Self(Arc::new(held))
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

impl Held {
    /// Returns `bytes`, which hold the permits until the last slice of them is dropped.
    pub(super) fn hold(self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Counted {
            bytes,
            _permits: self,
        })
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
