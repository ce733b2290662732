//! `PostgreSQL`: one connection that writes while the database is opened, and a pool that only reads.
//!
//! The server may go away and come back while this runs. Connections that died with it are found out by
//! the query that they fail, which is then asked again on another one: it only reads, so that asking
//! twice does no harm, and no call pays for a check before it.

mod open;
mod orders;
mod seed;

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use sqlx::{PgPool, postgres::PgConnection};

use super::{
    DatabaseError, DatabaseOptions, ProductFilter, ProductPage, Step,
    found::{self, FIND_PRODUCTS, FoundRow},
    pooled,
    url::DatabaseUrl,
};
use crate::pool::{PoolOptions, PoolSize};

/// An open `PostgreSQL` database.
#[derive(Clone, Debug)]
pub(super) struct Postgres {
    readers: PgPool,
    url: Arc<str>,
    pool: PoolOptions,
}

impl Postgres {
    pub(super) async fn open(
        url: &DatabaseUrl,
        options: &DatabaseOptions,
    ) -> Result<Self, DatabaseError> {
        let connect = open::connect_options(url)?;
        let mut writer = open::writer(url, &connect).await?;
        seed::seed(&mut writer, url).await?;
        open::close(writer).await;
        let readers = pooled::open(open::reading(connect), &options.pool)
            .await
            .map_err(|source| DatabaseError::Open {
                url: url.shown.clone(),
                step: Step::Pool,
                source,
            })?;
        Ok(Self {
            readers,
            url: url.shown.as_str().into(),
            pool: options.pool,
        })
    }

    pub(super) async fn find_products(
        &self,
        filter: &ProductFilter,
    ) -> Result<ProductPage, DatabaseError> {
        let filter = *filter;
        let found: Vec<FoundRow> = self
            .read(move |connection| {
                sqlx::query_as(FIND_PRODUCTS)
                    .bind(filter.category)
                    .bind(filter.price.min_cents)
                    .bind(filter.price.max_cents)
                    .bind(filter.limit)
                    .fetch_all(connection)
                    .boxed()
            })
            .await?;
        Ok(found::page(found))
    }

    /// What `ask` reads over a connection; over another one while those in the pool are found dead.
    async fn read<T>(
        &self,
        ask: impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>>,
    ) -> Result<T, DatabaseError> {
        let mut lost = 0;
        loop {
            match self.read_once(&ask).await {
                // Everything in the pool may have died at once; what comes after that is a new connection.
                Err(error) if is_lost(&error) && lost < self.kept() => lost += 1,
                found => return found.map_err(|source| self.query_error(source)),
            }
        }
    }

    async fn read_once<T>(
        &self,
        ask: &impl for<'c> Fn(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let mut connection = self.readers.acquire().await?;
        let found = ask(&mut connection).await;
        if found.as_ref().is_err_and(is_lost) {
            connection.close_on_drop();
        }
        found
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
    }

    /// How many connections may lie in the pool, and so be dead.
    fn kept(&self) -> u32 {
        match self.pool.size {
            PoolSize::Off => 1,
            PoolSize::Of(size) => size.get(),
        }
    }

    fn query_error(&self, source: sqlx::Error) -> DatabaseError {
        DatabaseError::query(self.url.to_string(), &self.pool, source)
    }
}

/// Whether the connection is gone rather than the question wrong: a socket's error, or the server's last
/// word before it closes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>: class 57P is an
/// operator's intervention, class 08 a connection's exception).
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}
