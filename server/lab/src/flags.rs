//! The lab's own flags: its tools, the services that they use, and their cache.

#![expect(
    clippy::doc_markdown,
    reason = "what documents a flag is its help text, and a terminal shows no Markdown"
)]

use std::{num::NonZeroU32, time::Duration};

use clap::{Args, ValueEnum};
use server::flags::{Switch, seconds, up_to_1024};
use workloads::{
    CpuOffload,
    cache::CacheOptions,
    pool::{PoolOptions, PoolSize},
};

/// The largest number of results that a cache keeps in memory.
const MAX_RESULTS: u64 = 1_000_000;

/// The lab's own flags.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct LabFlags {
    #[command(flatten)]
    pub(crate) tools: ToolFlags,
    #[command(flatten)]
    pub(crate) services: ServiceFlags,
    #[command(flatten)]
    pub(crate) cache: CacheFlags,
}

/// Flags of the tools.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tools")]
#[group(skip)]
pub(crate) struct ToolFlags {
    /// Whether the tools of the experiments are served, too: each does one thing in two ways
    #[cfg(feature = "experiments")]
    #[arg(
        long,
        env = "MCP_EXPERIMENTS",
        value_name = "SWITCH",
        default_value = "off"
    )]
    experiments: Switch,

    /// So many more tools, which answer like echo: what a long listing costs
    #[cfg(feature = "experiments")]
    #[arg(long, env = "MCP_EXTRA_TOOLS", value_name = "N", default_value = "0", value_parser = extra_tools)]
    extra_tools: usize,

    /// Where CPU-bound work runs: `blocking` moves long work to threads of its own, `inline`
    /// teaches how long all other calls wait when it stays where the network is read
    #[arg(
        long,
        env = "MCP_CPU_OFFLOAD",
        value_name = "WHERE",
        default_value = "blocking"
    )]
    pub(crate) cpu_offload: Offload,
}

/// Where CPU-bound work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Offload {
    /// Where the network is read.
    Inline,
    /// Where it may block.
    Blocking,
}

/// Flags of the services.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Services")]
#[group(skip)]
pub(crate) struct ServiceFlags {
    /// The products database: an SQLite file, made and filled when it is not there,
    /// `sqlite::memory:`, or `postgres://USER:PASSWORD@HOST:PORT/NAME` [default: products.db in the
    /// user's cache folder]
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

    /// Where sessions are kept that several instances of the server share, so that a client may be
    /// sent to any of them (with --sessions stateful): `redis://HOST:PORT` [default: each instance
    /// keeps its own]
    #[arg(long, env = "MCP_SESSION_STORE_URL", value_name = "URL")]
    pub(crate) session_store_url: Option<String>,

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

    /// How long a call waits for a connection of a pool, or for its turn at the upstream, before it
    /// is answered with an error
    #[arg(long, env = "MCP_POOL_TIMEOUT", value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) pool_timeout: Duration,

    /// How long an idle connection is kept [default: as long as the other side keeps it]
    #[arg(long, env = "MCP_POOL_IDLE_TIMEOUT", value_name = "SECONDS", value_parser = seconds)]
    pub(crate) pool_idle_timeout: Option<Duration>,
}

/// Flags of the cache.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cache")]
#[group(skip)]
pub(crate) struct CacheFlags {
    /// Where results of reading tools are kept for later calls with the same arguments: nowhere, in
    /// this process, or in a Redis that several servers share. They may be out of date; results of
    /// `checkout` are never kept
    #[arg(long, env = "MCP_CACHE", value_name = "WHERE", default_value = "off")]
    pub(crate) cache: CachePlace,

    /// The Redis of --cache redis [default: that of --store-url]
    #[arg(long, env = "MCP_CACHE_URL", value_name = "URL")]
    cache_url: Option<String>,

    /// How long a result is kept
    #[arg(long, env = "MCP_CACHE_TTL", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    cache_ttl: Duration,

    /// Results kept in memory, of at most 128 KiB each; Redis has limits of its own
    #[arg(long, env = "MCP_CACHE_CAPACITY", value_name = "N", default_value = "10000", value_parser = results)]
    cache_capacity: u64,

    /// Fill the cache with every reading tool's default call before the server is ready
    #[arg(
        long,
        env = "MCP_CACHE_WARM",
        value_name = "SWITCH",
        default_value = "off",
        num_args = 0..=1,
        default_missing_value = "on"
    )]
    pub(crate) cache_warm: Switch,
}

/// Where results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CachePlace {
    /// Nowhere.
    Off,
    /// In this process.
    Memory,
    /// In Redis.
    Redis,
}

impl LabFlags {
    /// The tools of the experiments.
    #[cfg(feature = "experiments")]
    pub(crate) fn experiments(&self) -> experiments::ExperimentOptions {
        experiments::ExperimentOptions {
            experiments: self.tools.experiments.is_on(),
            extra_tools: self.tools.extra_tools,
            store_url: self.services.store_url.clone(),
        }
    }
}

impl From<Offload> for CpuOffload {
    fn from(offload: Offload) -> Self {
        match offload {
            Offload::Inline => Self::Inline,
            Offload::Blocking => Self::Blocking,
        }
    }
}

impl ServiceFlags {
    /// The share of one of `shards` shards in a pool of `size` connections, at least one.
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

impl CacheFlags {
    /// What is kept, and for how long.
    pub(crate) fn options(&self, server_type: &'static str) -> CacheOptions {
        CacheOptions {
            server_type,
            ttl: self.cache_ttl,
            capacity: self.cache_capacity,
        }
    }

    /// The URL of the Redis for --cache redis.
    pub(crate) fn url<'f>(&'f self, services: &'f ServiceFlags) -> Option<&'f str> {
        let store = services.store_url.as_deref();
        let store = store.filter(|url| url.starts_with("redis"));
        self.cache_url.as_deref().or(store)
    }

    /// Checks flags that contradict each other.
    pub(crate) fn check(&self, services: &ServiceFlags) -> Result<(), String> {
        let message = match self.cache {
            CachePlace::Off if self.cache_warm.is_on() => {
                "--cache-warm has nothing to fill; add --cache memory or --cache redis"
            }
            CachePlace::Redis if self.url(services).is_none() => {
                "--cache redis needs a Redis; give --cache-url redis://HOST:PORT, or a --store-url that is one"
            }
            _ => return Ok(()),
        };
        Err(message.to_owned())
    }
}

fn results(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(results @ 1..=MAX_RESULTS) => Ok(results),
        _ => Err(format!(
            "expected a number of results from 1 to {MAX_RESULTS}"
        )),
    }
}

#[cfg(feature = "experiments")]
fn extra_tools(text: &str) -> Result<usize, String> {
    use experiments::extra::MAX_EXTRA_TOOLS;
    match text.parse::<usize>() {
        Ok(tools @ 0..=MAX_EXTRA_TOOLS) => Ok(tools),
        _ => Err(format!(
            "expected a number of tools from 0 to {MAX_EXTRA_TOOLS}"
        )),
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
