//! The settings of pools of SQL connections, from [`PoolOptions`].

use sqlx::{Database, Pool};
use transports::metrics::PoolUse;

use crate::pool::{MAX_CONNECTIONS, PoolOptions, PoolSize, Waits};

/// How `pool` is used at this moment.
pub(crate) fn usage<DB: Database>(pool: &Pool<DB>, waits: &Waits) -> PoolUse {
    let size = pool.options().get_max_connections();
    waits.pool_use(size.into(), pool.size().into(), pool.num_idle() as u64)
}

/// The settings of a pool. A connection is not checked before its use, because that would be a
/// second trip for every call: a caller whose connections can die has to handle a dead one.
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
