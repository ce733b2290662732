//! The SQL database behind `query_products`.
//!
//! [`Database::open`] creates, fills and opens it, so a server finds its products on every start.
//! The engines are `SQLite` and, with the feature `postgres`, `PostgreSQL`. Calls only read, each
//! on one connection of a pool.

#[cfg(feature = "postgres")]
mod postgres;
mod products;
mod seed;
#[cfg(feature = "tokio")]
#[cfg(test)]
mod tests;

use sqlx::{SqliteConnection, SqlitePool};
use transports::metrics::PoolUse;

pub use self::products::{ProductFilter, ProductPage, ProductRow};
use crate::{
    pool::{PoolOptions, Waits},
    storage::{
        Place, Scheme, Step, Storage, StorageError, StorageUrl, pool,
        sqlite::{self, Keeper, SqliteFile},
    },
};

const SCHEMA: &str = include_str!("../schema/database.sqlite.sql");

/// Which database to open, and how many calls may use it at once.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:` or
    /// `postgres://USER:PASSWORD@HOST:PORT/NAME`. See [`Storage::default_url`].
    pub url: String,
    /// The connections that calls read through.
    pub pool: PoolOptions,
}

impl DatabaseOptions {
    /// Options for `url` with a pool of four connections.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool: PoolOptions::of(4),
        }
    }
}

/// An open database that holds all products. Cheap to clone: clones share the pool.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Engine,
    place: Place,
    pool: PoolOptions,
    waits: Waits,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite {
        readers: SqlitePool,
        keeper: Keeper,
    },
    #[cfg(feature = "postgres")]
    Postgres(sqlx::PgPool),
}

/// A query that reads over one connection of either engine. It may run twice, so it must not write.
pub trait Query: Sync {
    /// What the query returns.
    type Rows: Send;

    /// Runs it on `SQLite`.
    fn sqlite(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = sqlx::Result<Self::Rows>> + Send;

    /// Runs it on `PostgreSQL`.
    #[cfg(feature = "postgres")]
    fn postgres(
        &self,
        connection: &mut sqlx::PgConnection,
    ) -> impl Future<Output = sqlx::Result<Self::Rows>> + Send;
}

/// Keeps its tokens if this crate has the feature `postgres`, which another crate may have turned
/// on. Implementations of `database::Query` in other crates need it.
#[cfg(feature = "postgres")]
#[macro_export]
macro_rules! with_postgres {
    ($($tokens:tt)*) => { $($tokens)* };
}
/// Drops its tokens, because this crate is built without the feature `postgres`.
#[cfg(not(feature = "postgres"))]
#[macro_export]
macro_rules! with_postgres {
    ($($tokens:tt)*) => {};
}

impl Database {
    /// Opens the database: creates a file and its folders where they are missing (a `PostgreSQL`
    /// database must exist), creates the tables, and seeds the missing products. Several processes
    /// may do so at once.
    ///
    /// # Errors
    /// When the URL is not understood, or a step fails; the error names both and a remedy.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, StorageError> {
        let url = StorageUrl::parse(Storage::Database, &options.url)?;
        let engine = match url.scheme {
            Scheme::Sqlite => open_sqlite(&url, &options.pool).await?,
            #[cfg(feature = "postgres")]
            Scheme::Postgres => Engine::Postgres(postgres::open(&url, &options.pool).await?),
            _ => return Err(url.unknown()),
        };
        Ok(Self {
            engine,
            place: url.place,
            pool: options.pool,
            waits: Waits::default(),
        })
    }

    /// Finds the cheapest products that match, and counts all that do.
    ///
    /// # Errors
    /// When no connection becomes free within the pool's timeout, or the query fails.
    pub async fn find_products(&self, filter: &ProductFilter) -> Result<ProductPage, StorageError> {
        self.run(filter).await
    }

    /// Runs `query` on a connection of the pool. A `PostgreSQL` connection that died while it was
    /// idle is replaced, and the query runs again.
    ///
    /// # Errors
    /// When no connection becomes free within the pool's timeout, or the query fails.
    pub async fn run<Q: Query>(&self, query: &Q) -> Result<Q::Rows, StorageError> {
        let rows = match &self.engine {
            Engine::Sqlite { readers, .. } => match self.waits.take(readers.acquire()).await {
                Ok(mut connection) => query.sqlite(&mut connection).await,
                Err(error) => Err(error),
            },
            #[cfg(feature = "postgres")]
            Engine::Postgres(readers) => postgres::run(readers, &self.waits, query).await,
        };
        rows.map_err(|source| StorageError::query(&self.place, &self.pool, source))
    }

    /// How the connections are used at this moment.
    #[must_use]
    pub fn usage(&self) -> PoolUse {
        match &self.engine {
            Engine::Sqlite { readers, .. } => pool::usage(readers, &self.waits),
            #[cfg(feature = "postgres")]
            Engine::Postgres(readers) => pool::usage(readers, &self.waits),
        }
    }

    /// Closes every connection, once the queries that run have ended.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { readers, keeper } => {
                readers.close().await;
                keeper.close().await;
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(readers) => readers.close().await,
        }
    }
}

async fn open_sqlite(url: &StorageUrl, options: &PoolOptions) -> Result<Engine, StorageError> {
    let file = SqliteFile::at(url)?;
    let mut writer = file.create(SCHEMA).await?;
    if seed::sqlite(&mut writer, &url.place).await? {
        let checkpoint = sqlite::checkpoint(&mut writer).await;
        checkpoint.map_err(url.place.failed(Step::Seed))?;
    }
    // One connection now, and others when calls need them: each is a thread, and a file cannot be
    // away.
    let reading = file.options().pragma("query_only", "ON");
    let readers = pool::settings(options).connect_with(reading).await;
    let readers = readers.map_err(url.place.failed(Step::Pool))?;
    Ok(Engine::Sqlite {
        readers,
        keeper: file.keep(writer).await,
    })
}
