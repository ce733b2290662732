//! Flags of the cache.

use std::time::Duration;

use clap::{Args, ValueEnum};
use workloads::cache::CacheOptions;

use super::{
    ServiceFlags, Switch,
    values::{results, seconds},
};

/// Flags of the cache.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheFlags {
    /// Where results of reading tools are kept for those who ask the same: nowhere, in this process, or in a
    /// Redis that several servers share. What is kept may be out of date; `checkout` is never kept
    #[arg(long, env = "MCP_CACHE", value_name = "WHERE", default_value = "off")]
    pub(crate) cache: CachePlace,

    /// The Redis of --cache redis [default: that of --store-url]
    #[arg(long, env = "MCP_CACHE_URL", value_name = "URL")]
    pub(crate) cache_url: Option<String>,

    /// How long a result is given again
    #[arg(long, env = "MCP_CACHE_TTL", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(crate) cache_ttl: Duration,

    /// Results kept in memory, of at most 128 KiB each; Redis has limits of its own
    #[arg(long, env = "MCP_CACHE_CAPACITY", value_name = "N", default_value = "10000", value_parser = results)]
    pub(crate) cache_capacity: u64,

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

impl CacheFlags {
    /// What is kept, and for how long.
    pub(crate) fn options(&self, server_type: &'static str) -> CacheOptions {
        CacheOptions {
            server_type,
            ttl: self.cache_ttl,
            capacity: self.cache_capacity,
        }
    }

    /// The Redis that would keep them, if one is named.
    pub(crate) fn url<'f>(&'f self, services: &'f ServiceFlags) -> Option<&'f str> {
        let store = services.store_url.as_deref();
        let store = store.filter(|url| url.starts_with("redis"));
        self.cache_url.as_deref().or(store)
    }
}
