//! `SQLite`: one connection that writes while the database is opened, and a pool that only reads.
//!
//! The file is in WAL mode, so that readers and the seeding of another process do not wait for one
//! another. The readers' connections live as long as the pool: a file on this machine does not go
//! away, and a check before each use would double the trips to the connection's thread.

pub(crate) mod open;
mod orders;
mod seed;

use std::sync::Arc;

use sqlx::{SqlitePool, sqlite::SqliteConnection};
use tokio::sync::Mutex;

use super::{
    DatabaseError, DatabaseOptions, ProductFilter, ProductPage, Step,
    found::{self, FIND_PRODUCTS, FoundRow},
    pooled,
    url::DatabaseUrl,
};
use crate::pool::PoolOptions;

/// An open `SQLite` database.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: SqlitePool,
    /// A database in memory lives while somebody is connected to it, whatever becomes of readers.
    keeper: Arc<Mutex<Option<SqliteConnection>>>,
    url: Arc<str>,
    pool: PoolOptions,
}

impl Sqlite {
    pub(super) async fn open(
        url: &DatabaseUrl,
        options: &DatabaseOptions,
    ) -> Result<Self, DatabaseError> {
        let connect = open::connect_options(url)?;
        let mut writer = open::writer(url, &connect).await?;
        seed::seed(&mut writer, url).await?;
        let readers = pooled::open(connect.pragma("query_only", "ON"), &options.pool)
            .await
            .map_err(|source| DatabaseError::Open {
                url: url.shown.clone(),
                step: Step::Pool,
                source,
            })?;
        // Only now: the last one to leave a file takes its write-ahead log away.
        let keeper = if url.is_in_memory() {
            Some(writer)
        } else {
            open::close(writer).await;
            None
        };
        Ok(Self {
            readers,
            keeper: Arc::new(Mutex::new(keeper)),
            url: url.shown.as_str().into(),
            pool: options.pool,
        })
    }

    pub(super) async fn find_products(
        &self,
        filter: &ProductFilter,
    ) -> Result<ProductPage, DatabaseError> {
        let found: Vec<FoundRow> = sqlx::query_as(FIND_PRODUCTS)
            .bind(filter.category)
            .bind(filter.price.min_cents)
            .bind(filter.price.max_cents)
            .bind(filter.limit)
            .fetch_all(&self.readers)
            .await
            .map_err(|source| self.query_error(source))?;
        Ok(found::page(found))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        if let Some(keeper) = self.keeper.lock().await.take() {
            open::close(keeper).await;
        }
    }

    fn query_error(&self, source: sqlx::Error) -> DatabaseError {
        DatabaseError::query(self.url.to_string(), &self.pool, source)
    }
}

#[cfg(test)]
mod tests;
