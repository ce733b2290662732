//! What can go wrong with a database or a store, and what to do about it.

use std::{fmt, path::PathBuf, time::Duration};

use super::{Place, Storage, sqlite::is_locked};
use crate::pool::{PoolOptions, PoolSize};

/// A database or a store that could not be opened or used. The URLs in it carry no password.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No engine understands this URL.
    #[error(
        "the {} URL {url:?} is not understood; use {}",
        storage.name(),
        storage.forms()
    )]
    UnknownUrl {
        /// What was to be opened.
        storage: Storage,
        /// The URL.
        url: String,
    },
    /// This build leaves the engine out.
    #[error(
        "the {place} needs the feature `{feature}`, which this build leaves out; \
         build with `cargo build --features {feature}`, or give another {}",
        place.url_flag()
    )]
    MissingFeature {
        /// What was to be opened.
        place: Place,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The scheme is right, the rest is not.
    #[error("the URL of the {place} is not valid: {reason}; use {}", place.storage.forms())]
    InvalidUrl {
        /// What was to be opened.
        place: Place,
        /// The driver's message.
        reason: String,
    },
    /// The default file has no folder.
    #[error(
        "no folder for the {name}: neither XDG_CACHE_HOME nor HOME names an absolute path; \
         set one of them or give --{name}-url",
        name = .0.name()
    )]
    NoCacheFolder(Storage),
    /// A store in memory lives in its one connection, so calls cannot open their own.
    #[error(
        "the {place} lives in its one connection, so no call can open its own; \
         leave out --store-pool off, or give a file as --store-url"
    )]
    InMemoryWithoutPool {
        /// The store.
        place: Place,
    },
    /// The folder of the file could not be created.
    #[error(
        "cannot create the folder {folder:?} for the {place}; \
         make it writable or give another {} (sqlite::memory: needs none)",
        place.url_flag()
    )]
    Folder {
        /// What was to be opened.
        place: Place,
        /// Its folder.
        folder: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A step of opening failed.
    #[error(
        "cannot {step} the {place}: {source}; {}, or give another {}",
        place.advice(*step),
        place.url_flag()
    )]
    Open {
        /// What was to be opened.
        place: Place,
        /// The step.
        step: Step,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// The content is not what this program writes.
    #[error(
        "the {place} holds {found}; {}, or give another {}",
        match place.storage {
            Storage::Database => "delete it",
            Storage::Store => "run `seed --reset` on it",
        },
        place.url_flag()
    )]
    Foreign {
        /// The database or store.
        place: Place,
        /// What it holds, and what should be there.
        found: String,
    },
    /// An order names no user.
    #[error("{user_id:?} is no user of the store; an id is `user-` and five digits, as user-00042")]
    UserId {
        /// The name.
        user_id: String,
    },
    /// All connections were in use for too long, or a new one could not be opened in time.
    #[error(
        "no connection to the {place} became free or could be opened within {} s ({}); \
         ask again later, send fewer calls at once or raise --{}-pool",
        timeout.as_secs_f64(),
        match size {
            PoolSize::Off => "each call opens its own".to_owned(),
            PoolSize::Of(size) => format!("the pool has {size}"),
        },
        place.storage.name()
    )]
    PoolExhausted {
        /// The database or store.
        place: Place,
        /// The size of the pool.
        size: PoolSize,
        /// How long the call waited.
        timeout: Duration,
    },
    /// Another connection held the file's write lock for too long.
    #[error(
        "another writer locked the {place} for {} s; ask again later",
        timeout.as_secs_f64()
    )]
    Locked {
        /// The file.
        place: Place,
        /// How long the call waited.
        timeout: Duration,
    },
    /// A statement failed.
    #[error("cannot query the {place}: {source}; ask again later")]
    Query {
        /// The database or store.
        place: Place,
        /// The driver's error.
        source: sqlx::Error,
    },
    /// Redis accepts no connection.
    #[error(
        "cannot connect to the {place}: {reason}; \
         check that Redis (6 or newer) runs there, and that --store-url has the right password"
    )]
    Unreachable {
        /// The store.
        place: Place,
        /// The driver's message.
        reason: String,
    },
    /// Redis refused a command, or the connection to it broke.
    #[error("cannot query the {place}: {reason}{}", doubt(*may_have_written))]
    Redis {
        /// The store.
        place: Place,
        /// The driver's message.
        reason: String,
        /// Whether the write may have happened.
        may_have_written: bool,
    },
    /// Redis sent no answer in time.
    #[error(
        "the {place} did not answer within {} s{}",
        timeout.as_secs_f64(),
        doubt(*may_have_written)
    )]
    Unanswered {
        /// The store.
        place: Place,
        /// How long the call waited.
        timeout: Duration,
        /// Whether the write may have happened.
        may_have_written: bool,
    },
}

impl StorageError {
    /// Whether a write may have happened in spite of the error. With every other error it did not.
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

    /// The error of a statement, or of the wait for a connection of `pool`.
    pub(crate) fn query(place: &Place, pool: &PoolOptions, source: sqlx::Error) -> Self {
        let place = place.clone();
        match source {
            sqlx::Error::PoolTimedOut => Self::exhausted(&place, pool),
            source if is_locked(&source) => Self::Locked {
                place,
                timeout: pool.timeout,
            },
            source => Self::Query { place, source },
        }
    }

    /// The error of a call that waited too long for a connection of `pool`.
    pub(crate) fn exhausted(place: &Place, pool: &PoolOptions) -> Self {
        Self::PoolExhausted {
            place: place.clone(),
            size: pool.size,
            timeout: pool.timeout,
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

impl Place {
    /// The error of a `step` of opening.
    pub(crate) fn failed(&self, step: Step) -> impl Fn(sqlx::Error) -> StorageError {
        let place = self.clone();
        move |source| StorageError::Open {
            place: place.clone(),
            step,
            source,
        }
    }

    fn url_flag(&self) -> &'static str {
        match self.storage {
            Storage::Database => "--database-url",
            Storage::Store => "--store-url",
        }
    }

    /// What to check when a step of opening failed.
    fn advice(&self, step: Step) -> &'static str {
        if step == Step::Schema {
            "if another version of this program made it, delete it"
        } else if self.engine == super::Scheme::Postgres.name() {
            "check that PostgreSQL runs there and that this user may make tables in that database \
             (`just services-up` starts one)"
        } else {
            "check that the file is writable and no other program holds it"
        }
    }
}

/// A step of opening a database or a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first connection, and the journal mode.
    Open,
    /// The tables.
    Schema,
    /// The content.
    Seed,
    /// The read connections.
    Pool,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Schema => "create the tables of",
            Self::Seed => "seed",
            Self::Pool => "open read connections to",
        })
    }
}
