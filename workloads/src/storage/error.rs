//! What can go wrong with a database or a store, and what to do about it.

use std::{fmt, path::PathBuf, time::Duration};

use super::{Place, Storage, sqlite::is_locked};
use crate::pool::{PoolOptions, PoolSize};

/// A database or a store that could not be opened or used. The URLs in it carry no password.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No engine understands this URL.
    #[error("the {name} URL {1:?} is not understood; use {forms}", name = .0.name(), forms = .0.forms())]
    UnknownUrl(Storage, String),
    /// This build leaves out the engine, which is this cargo feature.
    #[error(
        "the {0} needs the feature `{1}`, which this build leaves out; \
         build with `cargo build --features {1}`, or give another {flag}",
        flag = .0.url_flag()
    )]
    MissingFeature(Place, &'static str),
    /// The scheme is right, and for the driver's reason the rest is not.
    #[error("the URL of the {0} is not valid: {1}; use {forms}", forms = .0.storage.forms())]
    InvalidUrl(Place, String),
    /// The default file has no folder.
    #[error(
        "no folder for the {name}: neither XDG_CACHE_HOME nor HOME names an absolute path; \
         set one of them or give --{name}-url",
        name = .0.name()
    )]
    NoCacheFolder(Storage),
    /// A store in memory lives in its one connection, so calls cannot open their own.
    #[error(
        "the {0} lives in its one connection, so no call can open its own; \
         leave out --store-pool off, or give a file as --store-url"
    )]
    InMemoryWithoutPool(Place),
    /// The folder of the file could not be created.
    #[error(
        "cannot create the folder {1:?} for the {0}; \
         make it writable or give another {flag} (sqlite::memory: needs none)",
        flag = .0.url_flag()
    )]
    Folder(Place, PathBuf, #[source] std::io::Error),
    /// A step of opening failed.
    #[error(
        "cannot {1} the {0}: {2}; {advice}, or give another {flag}",
        advice = .0.advice(*.1),
        flag = .0.url_flag()
    )]
    Open(Place, Step, #[source] sqlx::Error),
    /// The content, described here, is not what this program writes.
    #[error(
        "the {0} holds {1}; {advice}, or give another {flag}",
        advice = match .0.storage {
            Storage::Database => "delete it",
            Storage::Store => "run `seed --reset` on it",
        },
        flag = .0.url_flag()
    )]
    Foreign(Place, String),
    /// An order names this, which is no user.
    #[error("{0:?} is no user of the store; an id is `user-` and five digits, as user-00042")]
    UserId(String),
    /// All connections of this pool were in use for too long, or a new one could not be opened in
    /// time.
    #[error(
        "no connection to the {0} became free or could be opened within {waited} s ({pool}); \
         ask again later, send fewer calls at once or raise --{name}-pool",
        waited = .1.timeout.as_secs_f64(),
        pool = match .1.size {
            PoolSize::Off => "each call opens its own".to_owned(),
            PoolSize::Of(size) => format!("the pool has {size}"),
        },
        name = .0.storage.name()
    )]
    PoolExhausted(Place, PoolOptions),
    /// Another connection held the file's write lock for longer than the call waited.
    #[error("another writer locked the {0} for {waited} s; ask again later", waited = .1.as_secs_f64())]
    Locked(Place, Duration),
    /// A statement failed.
    #[error("cannot query the {0}: {1}; ask again later")]
    Query(Place, #[source] sqlx::Error),
    /// It took the connection, or did not refuse it, and sent nothing for so long.
    #[error(
        "the {0} did not answer a new connection within {waited} s; check that {engine} itself \
         listens there and is not overloaded or paused, or give another {flag}",
        waited = .1.as_secs_f64(),
        engine = .0.engine,
        flag = .0.url_flag()
    )]
    Silent(Place, Duration),
    /// Redis accepts no connection, for the driver's reason.
    #[error(
        "cannot connect to the {0}: {1}; \
         check that Redis (6 or newer) runs there, and that --store-url has the right password"
    )]
    Unreachable(Place, String),
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
            source if is_locked(&source) => Self::Locked(place, pool.timeout),
            source => Self::Query(place, source),
        }
    }

    /// The error of a call that waited too long for a connection of `pool`.
    pub(crate) fn exhausted(place: &Place, pool: &PoolOptions) -> Self {
        Self::PoolExhausted(place.clone(), *pool)
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
        move |source| StorageError::Open(place.clone(), step, source)
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
