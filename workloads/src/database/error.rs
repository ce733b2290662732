//! What can go wrong with the database, and what to do about it.

use std::{fmt, path::PathBuf, time::Duration};

use crate::pool::{PoolOptions, PoolSize};

/// A database that could not be opened or asked. URLs in here carry no password.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No engine speaks this URL.
    #[error("the database URL {url:?} is not understood; use {FORMS}")]
    UnknownUrl {
        /// The URL.
        url: String,
    },
    /// The scheme is right, the rest is not.
    #[error("the database URL {url:?} is not valid: {source}; use {FORMS}")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What the driver says of it.
        source: sqlx::Error,
    },
    /// There is no folder to put the default database into.
    #[error(
        "no place for the product database: neither XDG_CACHE_HOME nor HOME names an absolute path; \
         set one of them or give --database-url"
    )]
    NoCacheFolder,
    /// The folder of the file could not be created.
    #[error(
        "cannot create the folder {folder:?} for the database {url}; \
         make it writable or give another --database-url (sqlite::memory: needs none)"
    )]
    Folder {
        /// The database.
        url: String,
        /// Its folder.
        folder: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A step of opening failed.
    #[error(
        "cannot {step} the {} database {url}: {source}; {}, or give another --database-url",
        engine(url),
        advice(url)
    )]
    Open {
        /// The database.
        url: String,
        /// What was being done.
        step: Step,
        /// What the driver says.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error(
        "cannot migrate the {} database {url}: {source}; \
         if another version of this program made it, delete it or give another --database-url",
        engine(url)
    )]
    Migrate {
        /// The database.
        url: String,
        /// What the migrator says.
        source: sqlx::migrate::MigrateError,
    },
    /// The table holds something else than the first so many products.
    #[error(
        "the database {url} holds {count} products with ids up to {highest_id}, which seeding never \
         leaves; delete it or give another --database-url"
    )]
    NotOurs {
        /// The database.
        url: String,
        /// Rows in the table.
        count: i64,
        /// The highest id among them.
        highest_id: i64,
    },
    /// All connections were in use for too long, or a new one was not let in.
    #[error(
        "no connection to the {} database {url} became free or could be opened within {} s ({}); \
         ask again later, send fewer calls at once or raise --database-pool",
        engine(url),
        timeout.as_secs_f64(),
        match pool_size {
            PoolSize::Off => "each call opens its own".to_owned(),
            PoolSize::Of(size) => format!("the pool has {size}"),
        }
    )]
    PoolExhausted {
        /// The database.
        url: String,
        /// Connections in the pool.
        pool_size: PoolSize,
        /// How long the call waited.
        timeout: Duration,
    },
    /// The query failed.
    #[error(
        "cannot query the {} database {url}: {source}; ask again later",
        engine(url)
    )]
    Query {
        /// The database.
        url: String,
        /// What the driver says.
        source: sqlx::Error,
    },
}

/// The URLs that are understood.
const FORMS: &str = "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE";

impl DatabaseError {
    /// Why the database `url`, whose connections `pool` bounds, did not answer.
    pub(super) fn query(url: String, pool: &PoolOptions, source: sqlx::Error) -> Self {
        match source {
            sqlx::Error::PoolTimedOut => Self::PoolExhausted {
                url,
                pool_size: pool.size,
                timeout: pool.timeout,
            },
            source => Self::Query { url, source },
        }
    }
}

/// What the engine behind `url` is called.
fn engine(url: &str) -> &'static str {
    if url.starts_with("postgres") {
        "PostgreSQL"
    } else {
        "SQLite"
    }
}

/// What to look at when it cannot be opened.
fn advice(url: &str) -> &'static str {
    if url.starts_with("postgres") {
        "check that PostgreSQL runs there and that this user may make tables in that database \
         (`just services-up` starts one)"
    } else {
        "check that the file is writable and no other program holds it"
    }
}

/// A step of opening a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first connection, and the journal mode.
    Open,
    /// The products.
    Seed,
    /// The read connections.
    Pool,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Seed => "seed",
            Self::Pool => "open read connections to",
        })
    }
}
