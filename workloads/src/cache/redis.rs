//! A cache in Redis, shared by every server that uses it. A cache that fails does not fail a call:
//! nothing is found and nothing cached.

use std::time::Duration;

use bytes::Bytes;
use transports::fast_path::SerializedResult;

use super::{CacheError, Key};
use crate::redis_link::{RedisLink, Usage};

/// Results in one Redis, each for a time. Its own setting `maxmemory` limits how many it holds.
pub(super) struct Redis(RedisLink);

impl Redis {
    /// Opens the Redis at `url`, which may be unreachable.
    pub(super) async fn open(url: &str, ttl: Duration) -> Result<Self, CacheError> {
        let usage = Usage {
            owner: "the cache",
            without: "serving without a cache",
            prefix: b"mcp-transport-lab:cache:",
            ttl,
        };
        let link = RedisLink::new(url, usage).map_err(|error| CacheError::Url {
            reason: error.to_string(),
        })?;
        link.connect().await;
        Ok(Self(link))
    }

    pub(super) async fn get(&self, key: &Key) -> Option<SerializedResult> {
        let json = self.0.get(&key.0).await.ok()??;
        SerializedResult::read(Bytes::from(json))
    }

    pub(super) async fn set(&self, key: &Key, result: &SerializedResult) {
        let _ = self.0.set(&key.0, result.json()).await;
    }

    pub(super) async fn remove(&self, key: &Key) {
        let _ = self.0.remove(&key.0).await;
    }
}
