//! The options of a pool of connections. The code that opens the connections knows what is behind
//! them.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

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
