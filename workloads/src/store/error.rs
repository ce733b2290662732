//! What can go wrong with the store, and what to do about it.

use std::{fmt, path::PathBuf, time::Duration};

use crate::pool::PoolSize;

/// A store that could not be opened or asked. URLs in here carry no password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No engine speaks this URL.
    #[error(
        "the store URL {url:?} is not understood; use sqlite:PATH, sqlite::memory: or redis://HOST:PORT"
    )]
    UnknownUrl {
        /// The URL.
        url: String,
    },
    /// The scheme is right, the rest is not.
    #[error("the store URL {url:?} is not valid: {reason}")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What the driver says of it.
        reason: String,
    },
    /// There is no folder to put the default store into.
    #[error(
        "no place for the store: neither XDG_CACHE_HOME nor HOME names an absolute path; \
         set one of them or give --store-url"
    )]
    NoCacheFolder,
    /// A store in memory lives in its one connection, and cannot be opened for each call.
    #[error(
        "the store {url} lives in its one connection, so it cannot be opened anew for each call; \
         leave out --store-pool off, or give a file as --store-url"
    )]
    InMemoryWithoutPool {
        /// The store.
        url: String,
    },
    /// The folder of the file could not be created.
    #[error(
        "cannot create the folder {folder:?} for the store {url}; \
         make it writable or give another --store-url (sqlite::memory: needs none)"
    )]
    Folder {
        /// The store.
        url: String,
        /// Its folder.
        folder: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A step of opening or filling a file failed.
    #[error(
        "cannot {step} the store {url}: {source}; \
         check that the file is writable and no other program holds it, or give another --store-url"
    )]
    Open {
        /// The store.
        url: String,
        /// What was being done.
        step: Step,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error(
        "cannot migrate the store {url}: {source}; \
         if another version of this program made it, delete it or give another --store-url"
    )]
    Migrate {
        /// The store.
        url: String,
        /// What the migrator says.
        source: sqlx::migrate::MigrateError,
    },
    /// What was given as a user is none.
    #[error("{user_id:?} is no user of the store; an id is `user-` and five digits, as user-00042")]
    UserId {
        /// What was given.
        user_id: String,
    },
    /// All connections were in use, or none could be opened, for too long.
    #[error(
        "no connection to the store {url} was to be had within {} s (the pool's size: {size}); \
         ask again later, send fewer calls at once or raise --store-pool",
        timeout.as_secs_f64()
    )]
    PoolExhausted {
        /// The store.
        url: String,
        /// The size of the pool.
        size: PoolSize,
        /// How long the call waited.
        timeout: Duration,
    },
    /// Another connection held the file's write lock for too long.
    #[error(
        "the store {url} was locked by another writer for {} s; ask again later",
        timeout.as_secs_f64()
    )]
    Locked {
        /// The store.
        url: String,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The statement failed.
    #[error("cannot ask the store {url}: {source}; the server's log may say more")]
    Query {
        /// The store.
        url: String,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// Redis is not there, or does not let us in.
    #[error(
        "cannot connect to the store {url}: {reason}; \
         check that Redis (6 or newer) runs there, and that --store-url has the right password"
    )]
    Unreachable {
        /// The store.
        url: String,
        /// What the driver says.
        reason: String,
    },
    /// Redis refused a command, or the connection to it broke.
    #[error("cannot ask the store {url}: {source}{}", doubt(*may_have_written))]
    Redis {
        /// The store.
        url: String,
        /// What the driver says.
        source: redis::RedisError,
        /// Whether what was to be written may have been.
        may_have_written: bool,
    },
    /// Redis said nothing for too long.
    #[error(
        "the store {url} did not answer within {} s{}",
        timeout.as_secs_f64(),
        doubt(*may_have_written)
    )]
    Unanswered {
        /// The store.
        url: String,
        /// How long the call waited.
        timeout: Duration,
        /// Whether what was to be written may have been.
        may_have_written: bool,
    },
    /// What is stored is not what belongs there.
    #[error(
        "the store {url} holds something at {key} that is not {expected} ({reason}); \
         run `seed --reset` on it, or give another --store-url"
    )]
    NotOurs {
        /// The store.
        url: String,
        /// Where.
        key: String,
        /// What should be there.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Whether a write may have happened all the same. In every other case it has not.
    #[must_use]
    pub fn may_have_written(&self) -> bool {
        match self {
            Self::Redis {
                may_have_written, ..
            }
            | Self::Unanswered {
                may_have_written, ..
            } => *may_have_written,
            _ => false,
        }
    }
}

fn doubt(may_have_written: bool) -> &'static str {
    if may_have_written {
        "; whether the order was recorded is not known"
    } else {
        "; ask again later"
    }
}

/// A step of opening or filling a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first connection, and the journal mode.
    Open,
    /// The content.
    Seed,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Seed => "seed",
        })
    }
}
