//! The options of a pool of connections, and how calls wait for it. The code that opens the
//! connections knows what is behind them.

use std::{
    fmt,
    num::NonZeroU32,
    pin::pin,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use transports::metrics::PoolUse;

/// The most connections that a pool may be given.
pub const MAX_CONNECTIONS: u32 = 1024;

/// The size of a pool of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolSize {
    /// No pool: each call opens a connection of its own and closes it.
    Off,
    /// This many connections, kept and shared.
    Of(NonZeroU32),
}

/// The text is neither `off` nor a number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `off` (a new connection for each call) or a number of connections from 1 to {MAX_CONNECTIONS}"
)]
pub struct PoolSizeError;

impl FromStr for PoolSize {
    type Err = PoolSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        match text.parse::<NonZeroU32>() {
            Ok(size) if size.get() <= MAX_CONNECTIONS => Ok(Self::Of(size)),
            _ => Err(PoolSizeError),
        }
    }
}

impl fmt::Display for PoolSize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Of(size) => write!(formatter, "{size}"),
        }
    }
}

/// A pool, and how long a call waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// The number of connections.
    pub size: PoolSize,
    /// How long a call waits for a connection, whether one has to become free or to be opened.
    pub timeout: Duration,
    /// How long a connection may be idle before it is closed; without it, as long as the pool
    /// lives.
    pub idle_timeout: Option<Duration>,
}

impl PoolOptions {
    /// A pool of `size` connections (1 for 0), with a wait of at most five seconds.
    #[must_use]
    pub const fn of(size: u32) -> Self {
        let size = match NonZeroU32::new(size) {
            Some(size) => size,
            None => NonZeroU32::MIN,
        };
        Self {
            size: PoolSize::Of(size),
            timeout: Duration::from_secs(5),
            idle_timeout: None,
        }
    }
}

/// The calls that had to wait for a connection: until one was free, or open. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits(Arc<WaitCounts>);

#[derive(Debug, Default)]
struct WaitCounts {
    number: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Waits {
    /// Takes a connection. One that is there at once costs no look at the clock.
    pub(crate) async fn take<T>(&self, taking: impl Future<Output = T>) -> T {
        let mut taking = pin!(taking);
        if let Poll::Ready(taken) = futures::poll!(taking.as_mut()) {
            return taken;
        }
        let begun = Instant::now();
        let taken = taking.await;
        let waited = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0.number.fetch_add(1, Ordering::Relaxed);
        self.0.nanoseconds.fetch_add(waited, Ordering::Relaxed);
        taken
    }

    /// How a pool of `size` connections is used, of which `open` are open and `idle` are idle.
    pub(crate) fn pool_use(&self, size: u64, open: u64, idle: u64) -> PoolUse {
        PoolUse {
            size,
            // The two are not counted at the same moment.
            used: open.saturating_sub(idle),
            idle,
            waits: self.0.number.load(Ordering::Relaxed),
            waited: Duration::from_nanos(self.0.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}
