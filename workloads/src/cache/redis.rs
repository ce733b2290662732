//! A cache in Redis, shared by every server that uses it.
//!
//! A cache that fails does not fail a call: nothing is found and nothing cached, the log says so
//! once, and once more when Redis is back. While Redis is unreachable, one caller a second tries to
//! connect and the others go on without.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, aio::MultiplexedConnection,
};
use transports::fast_path::SerializedResult;

use super::{CacheError, Key};

/// How long Redis may take to connect, and to answer. A slower cache costs more than it saves.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// How long callers go on without Redis after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// What every key begins with: Redis holds other things, too.
const PREFIX: &[u8] = b"mcp-transport-lab:cache:";

/// Results in one Redis, each for a time. Its own setting `maxmemory` limits how many it holds.
pub(super) struct Redis {
    client: Client,
    address: String,
    ttl_ms: u64,
    state: Mutex<State>,
}

struct State {
    connection: Option<MultiplexedConnection>,
    /// Without a connection: when to try for one.
    try_at: Instant,
    /// Whether the log has said that Redis is unreachable.
    is_away: bool,
}

impl Redis {
    /// Opens the Redis at `url`, which may be unreachable.
    pub(super) async fn open(url: &str, ttl: Duration) -> Result<Self, CacheError> {
        let client = Client::open(url).map_err(|error| CacheError::Url {
            reason: error.to_string(),
        })?;
        let redis = Self {
            address: client.get_connection_info().addr().to_string(),
            client,
            // Redis refuses 0.
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1),
            state: Mutex::new(State {
                connection: None,
                try_at: Instant::now(),
                is_away: false,
            }),
        };
        redis.connection().await;
        Ok(redis)
    }

    pub(super) async fn get(&self, key: &Key) -> Option<SerializedResult> {
        let mut get = redis::cmd("GET");
        get.arg(name(key));
        let json: Vec<u8> = self.ask::<Option<Vec<u8>>>(&get).await??;
        SerializedResult::read(Bytes::from(json))
    }

    pub(super) async fn set(&self, key: &Key, result: &SerializedResult) {
        let mut set = redis::cmd("SET");
        set.arg(name(key)).arg(&result.json()[..]);
        set.arg("PX").arg(self.ttl_ms);
        let _: Option<()> = self.ask(&set).await;
    }

    pub(super) async fn remove(&self, key: &Key) {
        let mut del = redis::cmd("DEL");
        del.arg(name(key));
        let _: Option<i64> = self.ask(&del).await;
    }

    /// The answer of Redis to `command`, if there is one.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut connection = self.connection().await?;
        match command.query_async(&mut connection).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    /// The connection, or a new one if it is time to try.
    async fn connection(&self) -> Option<MultiplexedConnection> {
        {
            let mut state = self.state();
            if let Some(connection) = &state.connection {
                return Some(connection.clone());
            }
            let now = Instant::now();
            if now < state.try_at {
                return None;
            }
            state.try_at = now + PAUSE;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        match connecting.await {
            Ok(connection) => {
                let mut state = self.state();
                state.connection = Some(connection.clone());
                if std::mem::take(&mut state.is_away) {
                    tracing::info!("the cache's Redis at {} is back", self.address);
                }
                Some(connection)
            }
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    fn failed(&self, error: &RedisError) {
        let mut state = self.state();
        state.connection = None;
        state.try_at = Instant::now() + PAUSE;
        if !std::mem::replace(&mut state.is_away, true) {
            tracing::warn!(
                "the cache's Redis at {} cannot be asked ({error}); serving without a cache until it can",
                self.address
            );
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(key: &Key) -> Vec<u8> {
    [PREFIX, &key.0].concat()
}
