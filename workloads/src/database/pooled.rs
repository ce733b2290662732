//! What the pool's lever means to sqlx.

use sqlx::{Connection, Database, Pool};

use crate::pool::{MAX_CONNECTIONS, PoolOptions, PoolSize};

/// A pool whose connections are all open, or, where the lever is off, none.
///
/// They are opened here once and not kept up by sqlx's `min_connections`: what does that waits longer and
/// longer between its attempts while a server is away, up to a minute, and holds the place in the pool
/// that a call could have connected with long before.
pub(super) async fn open<DB: Database>(
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

/// Nothing is checked before it is used: that would be a second trip for every call. Who uses a connection
/// that can die on its own has to cope with a dead one.
fn settings<DB: Database>(options: &PoolOptions) -> sqlx::pool::PoolOptions<DB> {
    let settings = sqlx::pool::PoolOptions::new()
        .acquire_timeout(options.timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(None)
        .test_before_acquire(false);
    match options.size {
        PoolSize::Of(size) => settings.max_connections(size.get()),
        // A pool that keeps nothing, so that waiting and its limit are the same with and without one.
        PoolSize::Off => settings
            .max_connections(MAX_CONNECTIONS)
            .after_release(|_, _| Box::pin(async { Ok(false) })),
    }
}
