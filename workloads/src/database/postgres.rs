//! `PostgreSQL`: how it is opened, and what happens when it goes away and comes back.
//!
//! A connection that died is found by the query that it fails. That query then runs again on
//! another one: it only reads, so a second run does no harm, and no call pays for a check before
//! it.

use std::str::FromStr as _;

use sqlx::{
    ConnectOptions as _, Connection as _, PgPool,
    postgres::{PgConnectOptions, PgConnection},
};
use tokio::time::timeout;

use super::{Query, seed};
use crate::{
    pool::{PoolOptions, PoolSize, Waits},
    storage::{Step, StorageError, StorageUrl, pool},
};

/// What `pg_stat_activity` shows these connections as, unless the URL names something else.
const APPLICATION_NAME: &str = "mcp-transport-lab";

const SCHEMA: &str = include_str!("../../schema/database.postgres.sql");

/// Begins a transaction that locks out others of this project: an advisory lock of a number that
/// spells "products".
pub(super) const BEGIN: &str = "BEGIN; SELECT pg_advisory_xact_lock(8102661156849808499)";

/// After a seeding: the first queries then know how many rows there are, and count them in the
/// index alone.
const ANALYZE: &str = "VACUUM (ANALYZE) products, experiment_orders, experiment_order_lines";

/// Creates the tables, seeds them, and opens a pool that only reads. The first connection has as
/// long as a call waits for one: a server may accept it and never answer.
pub(super) async fn open(url: &StorageUrl, options: &PoolOptions) -> Result<PgPool, StorageError> {
    let place = &url.place;
    let connect = connect_options(url)?;
    let opening = timeout(options.timeout, connect.connect()).await;
    let opened = opening.map_err(|_| StorageError::Silent(place.clone(), options.timeout))?;
    let mut writer = opened.map_err(place.failed(Step::Open))?;
    create_tables(&mut writer)
        .await
        .map_err(place.failed(Step::Schema))?;
    if seed::postgres(&mut writer, place).await? {
        let analyzed = sqlx::query(ANALYZE).execute(&mut writer).await;
        analyzed.map_err(place.failed(Step::Seed))?;
    }
    if let Err(error) = writer.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
    let reading = connect.options([("default_transaction_read_only", "on")]);
    let readers = open_all(reading, options).await;
    readers.map_err(place.failed(Step::Pool))
}

/// Opens a pool with all of its connections, or, with `off`, with none: each takes a while to open.
///
/// sqlx's `min_connections` is no substitute: while a server is away it waits up to a minute
/// between its attempts, and holds the place in the pool that a call could have connected with long
/// before.
async fn open_all(connect: PgConnectOptions, options: &PoolOptions) -> sqlx::Result<PgPool> {
    let pool = pool::settings(options).connect_with(connect).await?;
    if let PoolSize::Of(size) = options.size {
        let mut held = Vec::new();
        for _ in 0..size.get() {
            held.push(pool.acquire().await?);
        }
    }
    Ok(pool)
}

/// The options that every connection to `url` shares.
fn connect_options(url: &StorageUrl) -> Result<PgConnectOptions, StorageError> {
    let options = PgConnectOptions::from_str(&url.full)
        .map_err(|error| StorageError::InvalidUrl(url.place.clone(), error.to_string()))?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION_NAME),
    };
    // Without the notice that a table exists.
    Ok(options
        .options([("client_min_messages", "warning")])
        .disable_statement_logging())
}

async fn create_tables(writer: &mut PgConnection) -> sqlx::Result<()> {
    let mut locked = writer.begin_with(BEGIN).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut *locked).await?;
    locked.commit().await
}

/// Runs `query` on a connection, and on another one while those in the pool turn out to be dead.
pub(super) async fn run<Q: Query>(
    readers: &PgPool,
    waits: &Waits,
    query: &Q,
) -> sqlx::Result<Q::Rows> {
    // All connections in the pool may have died at once; the one after them is new.
    for _ in 0..readers.size().max(1) {
        match run_once(readers, waits, query).await {
            Err(error) if is_lost(&error) => {}
            rows => return rows,
        }
    }
    run_once(readers, waits, query).await
}

async fn run_once<Q: Query>(readers: &PgPool, waits: &Waits, query: &Q) -> sqlx::Result<Q::Rows> {
    let mut connection = waits.take(readers.acquire()).await?;
    let rows = query.postgres(&mut connection).await;
    if rows.as_ref().is_err_and(is_lost) {
        connection.close_on_drop();
    }
    rows
}

/// Whether the connection is gone rather than the query wrong: a socket's error, or a server that
/// closes (<https://www.postgresql.org/docs/current/errcodes-appendix.html>: class 57P is an
/// operator's intervention, class 08 a connection exception).
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code();
            code.is_some_and(|code| code.starts_with("57P") || code.starts_with("08"))
        }
        _ => false,
    }
}
