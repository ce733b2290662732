//! A cache in Redis, shared by every server that uses it. A cache that fails does not fail a call:
//! nothing is found and nothing cached.

use std::time::Duration;

use bytes::Bytes;
use transports::fast_path::SerializedResult;

use super::{CacheError, Key};
use crate::redis_link::{RedisLink, Usage};

/// What every key begins with: Redis holds other things, too.
const PREFIX: &[u8] = b"mcp-transport-lab:cache:";

/// Results in one Redis, each for a time. Its own setting `maxmemory` limits how many it holds.
pub(super) struct Redis {
    link: RedisLink,
    ttl_ms: u64,
}

impl Redis {
    /// Opens the Redis at `url`, which may be unreachable.
    pub(super) async fn open(url: &str, ttl: Duration) -> Result<Self, CacheError> {
        let usage = Usage {
            owner: "the cache",
            without: "serving without a cache",
        };
        let link = RedisLink::new(url, usage).map_err(|error| CacheError::Url {
            reason: error.to_string(),
        })?;
        link.connect().await;
        Ok(Self {
            link,
            // Redis refuses 0.
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1),
        })
    }

    pub(super) async fn get(&self, key: &Key) -> Option<SerializedResult> {
        let mut get = redis::cmd("GET");
        get.arg(name(key));
        let json: Option<Vec<u8>> = self.link.ask(&get).await.ok()?;
        SerializedResult::read(Bytes::from(json?))
    }

    pub(super) async fn set(&self, key: &Key, result: &SerializedResult) {
        let mut set = redis::cmd("SET");
        set.arg(name(key)).arg(&result.json()[..]);
        set.arg("PX").arg(self.ttl_ms);
        let _ = self.link.ask::<()>(&set).await;
    }

    pub(super) async fn remove(&self, key: &Key) {
        let mut del = redis::cmd("DEL");
        del.arg(name(key));
        let _ = self.link.ask::<i64>(&del).await;
    }
}

fn name(key: &Key) -> Vec<u8> {
    [PREFIX, &key.0].concat()
}
