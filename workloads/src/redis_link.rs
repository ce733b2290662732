//! One connection to a Redis, made again when it is lost, for what can go on without an answer.
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

/// A connection to one Redis.
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
        // The log has the reason.
        let _ = self.connection().await;
    }

    /// The answer of Redis to `command`.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoAnswer> {
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
            let Usage { owner, without } = self.usage;
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
