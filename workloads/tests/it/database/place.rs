//! A test's database, and a way to it beside the pool.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use fixtures::services::Service;
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workloads::{
    catalog::PriceRange,
    database::{Database, DatabaseOptions, ProductFilter},
    pool::PoolOptions,
    storage::StorageError,
};

/// How long a test waits before it gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// An empty database of a test's own.
pub(super) enum Place {
    /// A file in a folder that is deleted with this.
    File(TempDir),
    /// A database at this URL.
    Server(String),
}

impl Place {
    /// A file that is not there yet.
    pub(super) fn sqlite() -> Self {
        Self::File(TempDir::new().unwrap())
    }

    /// A new database on the shared server.
    pub(super) async fn postgres() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SHARED: OnceLock<Service> = OnceLock::new();
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let server = SHARED.get_or_init(|| Service::up("postgres"));
        let (prefix, _) = server.url.rsplit_once('/').unwrap();
        Self::Server(server.url.clone())
            .execute(&format!("CREATE DATABASE {name}"))
            .await;
        Self::Server(format!("{prefix}/{name}"))
    }

    pub(super) fn url(&self) -> String {
        match self {
            Self::File(folder) => format!("sqlite:{}/products.db", folder.path().display()),
            Self::Server(url) => url.clone(),
        }
    }

    /// The name of the engine, which its errors must contain.
    pub(super) fn service(&self) -> &'static str {
        match self {
            Self::File(_) => "SQLite",
            Self::Server(_) => "PostgreSQL",
        }
    }

    pub(super) fn options(&self, pool: PoolOptions) -> DatabaseOptions {
        DatabaseOptions {
            pool,
            ..DatabaseOptions::new(self.url())
        }
    }

    pub(super) async fn open(&self) -> Result<Database, StorageError> {
        Database::open(&self.options(PoolOptions::of(2))).await
    }

    /// Runs `statement` on a connection of its own.
    pub(super) async fn execute(&self, statement: &str) {
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        match self {
            Self::File(_) => {
                let options: SqliteConnectOptions = self.url().parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap();
                connection.close().await.unwrap();
            }
            Self::Server(url) => {
                let options: PgConnectOptions = url.parse().unwrap();
                let mut connection = options.connect().await.unwrap();
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// The number that `query` selects, asked on a connection of its own.
    pub(super) async fn number(&self, query: &str) -> sqlx::Result<i64> {
        let query = sqlx::AssertSqlSafe(query.to_owned());
        match self {
            Self::File(_) => {
                let options: SqliteConnectOptions = self.url().parse()?;
                let mut connection = options.connect().await?;
                sqlx::query_scalar(query).fetch_one(&mut connection).await
            }
            Self::Server(url) => {
                let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
                sqlx::query_scalar(query).fetch_one(&mut connection).await
            }
        }
    }

    pub(super) async fn products(&self) -> i64 {
        self.number("SELECT count(*) FROM products").await.unwrap()
    }
}

/// The published query: 2,251 products match.
pub(super) fn electronics() -> ProductFilter {
    ProductFilter {
        category: "Electronics",
        price: PriceRange::new(50.0, 500.0).unwrap(),
        limit: 10,
    }
}

/// How many products `database` finds for the published query.
pub(super) async fn total_found(database: &Database) -> Result<i64, StorageError> {
    let page = database.find_products(&electronics()).await?;
    Ok(page.total_found)
}

/// Waits until `ask` returns true.
pub(super) async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !ask().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
