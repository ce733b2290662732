//! Flags of what the tools stand on: database, store and upstream, and the pools of connections to them.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use workloads::pool::{PoolOptions, PoolSize};

use super::values::{seconds, up_to_1024};

/// Flags of the services.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Services")]
pub(crate) struct ServiceFlags {
    /// The products database: an SQLite file, made and filled when it is not there, `sqlite::memory:`,
    /// or `postgres://USER:PASSWORD@HOST:PORT/NAME` [default: products.db in the user's cache folder]
    #[arg(long, env = "MCP_DATABASE_URL", value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// Connections to the database; `off` opens one for each call, which teaches what opening costs
    #[arg(
        long,
        env = "MCP_DATABASE_POOL",
        value_name = "N|off",
        default_value = "4"
    )]
    pub(crate) database_pool: PoolSize,

    /// The store of carts and orders: an SQLite file, made and filled when it is not there, or
    /// `redis://HOST:PORT`, filled by the program `seed` [default: store.db beside products.db]
    #[arg(long, env = "MCP_STORE_URL", value_name = "URL")]
    pub(crate) store_url: Option<String>,

    /// Connections to the store, or `off`
    #[arg(
        long,
        env = "MCP_STORE_POOL",
        value_name = "N|off",
        default_value = "4"
    )]
    pub(crate) store_pool: PoolSize,

    /// The API that tools may call, and nothing else; without one they say so
    #[arg(long, env = "MCP_UPSTREAM_URL", value_name = "URL")]
    pub(crate) upstream_url: Option<String>,

    /// Idle connections kept to the upstream API, or `off`
    #[arg(
        long,
        env = "MCP_UPSTREAM_POOL",
        value_name = "N|off",
        default_value = "100"
    )]
    pub(crate) upstream_pool: PoolSize,

    /// Calls that the upstream API is sent at once; the next one waits its turn [default: no limit]
    #[arg(long, env = "MCP_UPSTREAM_LIMIT", value_name = "N", value_parser = up_to_1024)]
    pub(crate) upstream_limit: Option<NonZeroU32>,

    /// How long a call waits for a connection of a pool, or for its turn at the upstream, before it is
    /// answered with an error
    #[arg(long, env = "MCP_POOL_TIMEOUT", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) pool_timeout: Duration,

    /// How long an idle connection is kept [default: as long as the other side keeps it]
    #[arg(long, env = "MCP_POOL_IDLE_TIMEOUT", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) pool_idle_timeout: Option<Duration>,
}

impl ServiceFlags {
    /// A pool of `size` connections, of which one of `shards` shards has its share: rounded up, or a shard
    /// might have none.
    pub(crate) fn pool(&self, size: PoolSize, shards: usize) -> PoolOptions {
        PoolOptions {
            size: share(size, shards),
            timeout: self.pool_timeout,
            idle_timeout: self.pool_idle_timeout,
        }
    }
}

fn share(size: PoolSize, shards: usize) -> PoolSize {
    let shards = u32::try_from(shards).unwrap_or(u32::MAX).max(1);
    match size {
        PoolSize::Off => PoolSize::Off,
        PoolSize::Of(size) => PoolOptions::of(size.get().div_ceil(shards)).size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_has_a_share() {
        for (size, shards, each) in [
            ("off", 2, "off"),
            ("1", 1, "1"),
            ("1", 4, "1"),
            ("4", 2, "2"),
            ("5", 2, "3"),
            ("1024", 3, "342"),
        ] {
            let size = size.parse().unwrap();
            assert_eq!(share(size, shards).to_string(), each, "{size} of {shards}");
        }
    }
}
