//! Entries of one kind in a Redis, each for a time, for what can go on without an answer. Its one
//! connection is made again when it is lost.
//!
//! While Redis is unreachable, one caller a second tries to connect and the others are told at once.
//! The log says so once, and once more when Redis is back.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, aio::MultiplexedConnection,
};

/// How long Redis may take to connect, and to answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);
/// How long callers go on without Redis after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Entries in one Redis.
pub(crate) struct RedisLink {
    client: Client,
    address: String,
    usage: Usage,
    state: Mutex<State>,
}

/// What a Redis is used for. The log says it.
pub(crate) struct Usage {
    /// Who asks, for instance `the cache`.
    pub(crate) owner: &'static str,
    /// What becomes of its work without Redis.
    pub(crate) without: &'static str,
    /// What every key begins with: Redis holds other things, too.
    pub(crate) prefix: &'static [u8],
    /// How long an entry lives.
    pub(crate) ttl: Duration,
}

struct State {
    connection: Option<MultiplexedConnection>,
    /// Without a connection: when to try for one.
    try_at: Instant,
    /// Whether the log has said that Redis is unreachable.
    is_away: bool,
}

/// Redis did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It failed a moment ago and was not asked.
    #[error("Redis did not answer a moment ago")]
    Away,
    #[error("Redis cannot be asked: {0}")]
    Failed(#[from] RedisError),
}

impl RedisLink {
    /// Reads `url`, and connects to nothing.
    pub(crate) fn new(url: &str, usage: Usage) -> Result<Self, RedisError> {
        let client = Client::open(url)?;
        Ok(Self {
            address: client.get_connection_info().addr().to_string(),
            client,
            usage,
            state: Mutex::new(State {
                connection: None,
                try_at: Instant::now(),
                is_away: false,
            }),
        })
    }

    /// Connects. A Redis that cannot be reached is in the log.
    pub(crate) async fn connect(&self) {
        let _ = self.connection().await;
    }

    /// Returns the entry of this key.
    pub(crate) async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        self.ask(redis::cmd("GET").arg(self.name(key))).await
    }

    /// Puts an entry in the place of an earlier one.
    pub(crate) async fn set(&self, key: &[u8], value: &[u8]) -> Result<(), NoAnswer> {
        let ttl_ms = u64::try_from(self.usage.ttl.as_millis()).unwrap_or(u64::MAX);
        let mut set = redis::cmd("SET");
        set.arg(self.name(key)).arg(value);
        // Redis refuses 0.
        set.arg("PX").arg(ttl_ms.max(1));
        self.ask(&set).await
    }

    /// Removes an entry, if it is there.
    pub(crate) async fn remove(&self, key: &[u8]) -> Result<(), NoAnswer> {
        let removed: Result<i64, _> = self.ask(redis::cmd("DEL").arg(self.name(key))).await;
        removed.map(drop)
    }

    fn name(&self, key: &[u8]) -> Vec<u8> {
        [self.usage.prefix, key].concat()
    }

    /// The answer of Redis to `command`.
    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoAnswer> {
        let mut connection = self.connection().await?;
        let answer = command.query_async(&mut connection).await;
        answer.map_err(|error| self.failed(error))
    }

    /// The connection, or a new one if it is time to try.
    async fn connection(&self) -> Result<MultiplexedConnection, NoAnswer> {
        {
            let mut state = self.state();
            if let Some(connection) = &state.connection {
                return Ok(connection.clone());
            }
            let now = Instant::now();
            if now < state.try_at {
                return Err(NoAnswer::Away);
            }
            state.try_at = now + PAUSE;
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let connection = connecting.await.map_err(|error| self.failed(error))?;
        let mut state = self.state();
        state.connection = Some(connection.clone());
        if std::mem::take(&mut state.is_away) {
            let owner = self.usage.owner;
            tracing::info!("the Redis of {owner} at {} is back", self.address);
        }
        Ok(connection)
    }

    fn failed(&self, error: RedisError) -> NoAnswer {
        let mut state = self.state();
        state.connection = None;
        state.try_at = Instant::now() + PAUSE;
        if !std::mem::replace(&mut state.is_away, true) {
            let Usage { owner, without, .. } = self.usage;
            tracing::warn!(
                "the Redis of {owner} at {} cannot be asked ({error}); {without} until it can",
                self.address
            );
        }
        NoAnswer::Failed(error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
