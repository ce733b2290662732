//! Pools of SQL connections with the settings of [`PoolOptions`].

use sqlx::Database;
#[cfg(feature = "postgres")]
use sqlx::{Connection, Pool};

use crate::pool::{MAX_CONNECTIONS, PoolOptions, PoolSize};

/// Opens a pool with all of its connections, or, with `off`, with none.
///
/// A server is asked over all of its connections at once, and each takes a while to open. sqlx's
/// `min_connections` is no substitute: while a server is away it waits up to a minute between its
/// attempts, and holds the place in the pool that a call could have connected with long before.
#[cfg(feature = "postgres")]
pub(crate) async fn open<DB: Database>(
    connect: <DB::Connection as Connection>::Options,
    options: &PoolOptions,
) -> sqlx::Result<Pool<DB>> {
    let pool = settings(options).connect_with(connect).await?;
    if let PoolSize::Of(size) = options.size {
        let mut held = Vec::new();
        for _ in 0..size.get() {
            held.push(pool.acquire().await?);
        }
    }
    Ok(pool)
}

/// The settings of a pool. A connection is not checked before its use, because that would be a second trip
/// for every call: a caller whose connections can die has to handle a dead one.
pub(crate) fn settings<DB: Database>(options: &PoolOptions) -> sqlx::pool::PoolOptions<DB> {
    let settings = sqlx::pool::PoolOptions::new()
        .acquire_timeout(options.timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(None)
        .test_before_acquire(false);
    match options.size {
        PoolSize::Of(size) => settings.max_connections(size.get()),
        // A pool that keeps nothing: a call waits in the same way with and without a pool.
        PoolSize::Off => settings
            .max_connections(MAX_CONNECTIONS)
            .after_release(|_, _| Box::pin(async { Ok(false) })),
    }
}
