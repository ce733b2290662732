//! The SQL database behind `query_products`.
//!
//! [`Database::open`] creates, migrates and seeds it, so that a server finds its products on the
//! first start as on every other. `SQLite` and `PostgreSQL` are the engines; another one is another file
//! beside theirs, a scheme in `url`, and an arm in the matches here.

mod error;
mod found;
mod orders;
mod pooled;
mod postgres;
mod seeding;
pub(crate) mod sqlite;
pub(crate) mod url;

use schemars::JsonSchema;
use serde::Serialize;

pub use error::{DatabaseError, Step};
pub use orders::{OrderFilter, OrderLine, OrderPage, OrderQueries};
use postgres::Postgres;
use sqlite::Sqlite;
pub use url::default_url;
use url::{DatabaseUrl, Scheme};

use crate::{catalog::PriceRange, pool::PoolOptions};

/// Which database to open, and how many calls may use it at once.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:` or `postgres://USER:PASSWORD@HOST:PORT/NAME`. See
    /// [`default_url`].
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
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// Which products are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ProductFilter {
    /// One of [`crate::catalog::CATEGORIES`].
    pub category: &'static str,
    /// The prices wanted.
    pub price: PriceRange,
    /// How many rows at most; at least 1, or nothing can be counted.
    pub limit: i64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductPage {
    /// How many products match the filter, whatever its limit.
    pub total_found: i64,
    /// The cheapest of them; those of equal price in the order of their ids.
    pub products: Vec<ProductRow>,
}

/// One product as a tool returns it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProductRow {
    /// Who makes it.
    pub brand: String,
    /// The product's number, from 1.
    pub id: i64,
    /// The product's name.
    pub name: String,
    /// Price in units of the currency, to the cent.
    pub price: f64,
    /// 1.0 to 4.9.
    pub rating: f64,
    /// The stock-keeping unit.
    pub sku: String,
    /// Pieces in stock.
    pub stock: i64,
}

impl Database {
    /// Opens the database: creates a file and its folders where they are missing (a `PostgreSQL` database
    /// has to be there), migrates the schema, and seeds what is missing of the products. Several processes
    /// may do so at once.
    ///
    /// # Errors
    /// When the URL is not understood, or a step fails; the error names both and a remedy.
    pub async fn open(options: &DatabaseOptions) -> Result<Self, DatabaseError> {
        let url = DatabaseUrl::parse(&options.url)?;
        let engine = match url.scheme {
            Scheme::Sqlite => Engine::Sqlite(Sqlite::open(&url, options).await?),
            Scheme::Postgres => Engine::Postgres(Postgres::open(&url, options).await?),
        };
        Ok(Self { engine })
    }

    /// Finds the cheapest products that match, and counts all that do.
    ///
    /// # Errors
    /// When no connection becomes free within the pool's timeout, or the query fails.
    pub async fn find_products(
        &self,
        filter: &ProductFilter,
    ) -> Result<ProductPage, DatabaseError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.find_products(filter).await,
            Engine::Postgres(postgres) => postgres.find_products(filter).await,
        }
    }

    /// Finds the orders of a customer with their lines and products.
    ///
    /// # Errors
    /// When no connection becomes free within the pool's timeout, or a query fails.
    pub async fn find_orders(&self, filter: &OrderFilter) -> Result<OrderPage, DatabaseError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.find_orders(filter).await,
            Engine::Postgres(postgres) => postgres.find_orders(filter).await,
        }
    }

    /// Closes every connection, once the queries that run have ended.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
        }
    }
}
