//! A lasting connection to Redis, over which notifications are published and come back.
//!
//! All calls share one. The first call opens it; after it broke, the next call opens another. It
//! subscribes to a channel of this process. RESP3 lets one connection do both
//! (<https://redis.io/docs/latest/develop/pubsub/>).

use std::{
    str,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, WeakShared},
};
use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult,
    Value, aio::MultiplexedConnection,
};
use workloads::store::redis_client;

use super::Subscribers;

/// The time that Redis may take to be connected to, and to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A Redis, connected to when it is first needed.
pub(super) struct Redis {
    url: String,
    slot: Mutex<Slot>,
}

/// The connection that calls share, and the attempt to open one. Calls that need a connection at
/// the same time wait for the same attempt, so that a Redis that does not answer costs each of them
/// one timeout. The attempt ends when no call waits for it any more.
#[derive(Default)]
struct Slot {
    open: Option<Arc<Connection>>,
    opening: Option<WeakShared<Opening>>,
}

/// Why Redis could not be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {doing} to Redis at {url}: {reason}; start it, or ask for via \"memory\"")]
pub(crate) struct RedisFailure {
    url: String,
    doing: &'static str,
    reason: String,
}

type Opening = BoxFuture<'static, Result<Arc<Connection>, RedisFailure>>;

/// An open connection, subscribed to a channel.
pub(super) struct Connection {
    link: MultiplexedConnection,
    channel: String,
    subscribers: Arc<Subscribers>,
    url: String,
}

impl Redis {
    /// The Redis at `url`.
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            slot: Mutex::default(),
        }
    }

    /// The connection that is open, or a new one.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>, RedisFailure> {
        let opening = {
            let mut slot = self.slot();
            if let Some(open) = &slot.open
                && !open.subscribers.is_closed()
            {
                return Ok(open.clone());
            }
            let opening = slot.opening.as_ref().and_then(WeakShared::upgrade);
            // An attempt that ended before this call began is not this call's.
            let opening = opening.filter(|opening| opening.peek().is_none());
            opening.unwrap_or_else(|| {
                let opening = Connection::open(self.url.clone()).boxed().shared();
                slot.opening = opening.downgrade();
                opening
            })
        };
        let opened = opening.await?;
        self.slot().open = Some(opened.clone());
        Ok(opened)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn open(url: String) -> Result<Arc<Self>, RedisFailure> {
        // The message leaves an invalid URL out: it may hold a password anywhere.
        let client =
            redis_client(&url).map_err(|error| failed("redis://HOST:PORT", "connect", &error))?;
        let url = format!("redis://{}", client.get_connection_info().addr());
        let opened = Self::subscribed(&client, &url).await;
        let opened = opened.map_err(|error| failed(&url, "connect", &error))?;
        Ok(Arc::new(opened))
    }

    /// Opens a connection and subscribes it to a channel that no other connection has.
    async fn subscribed(client: &Client, url: &str) -> RedisResult<Self> {
        let subscribers = Arc::<Subscribers>::default();
        let receiving = Arc::clone(&subscribers);
        let receive = move |push: PushInfo| -> Result<(), RedisError> {
            receive(&receiving, &push);
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER_LIMIT))
            .set_response_timeout(Some(ANSWER_LIMIT))
            .set_push_sender(receive);
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        let id: i64 = redis::cmd("CLIENT")
            .arg("ID")
            .query_async(&mut connection)
            .await?;
        // Redis never gives a number twice.
        let channel = format!("mcp-transport-lab:notices:{id}");
        connection.subscribe(&channel).await?;
        Ok(Self {
            link: connection,
            channel,
            subscribers,
            url: url.to_owned(),
        })
    }

    /// The calls that wait for notifications of this connection.
    pub(super) fn subscribers(&self) -> &Arc<Subscribers> {
        &self.subscribers
    }

    /// Publishes notification `at` of `call`.
    pub(super) async fn publish(&self, call: u64, at: i64) -> Result<(), RedisFailure> {
        let mut link = self.link.clone();
        let message = format!("{call} {at}");
        let published: RedisResult<()> = link.publish(&self.channel, message).await;
        published.map_err(|error| {
            // A connection that failed once is not used again.
            self.subscribers.close();
            failed(&self.url, "publish", &error)
        })
    }
}

fn failed(url: &str, doing: &'static str, error: &RedisError) -> RedisFailure {
    RedisFailure {
        url: url.to_owned(),
        doing,
        reason: error.to_string(),
    }
}

/// Delivers what Redis sends by itself.
fn receive(subscribers: &Subscribers, push: &PushInfo) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Disconnection, _) => subscribers.close(),
        (PushKind::Message, [_, Value::BulkString(message)]) => {
            if let Some((call, at)) = parse(message) {
                subscribers.deliver(call, at);
            }
        }
        _ => {}
    }
}

/// The call and the number of a notification.
pub(super) fn parse(message: &[u8]) -> Option<(u64, i64)> {
    let (call, at) = str::from_utf8(message).ok()?.split_once(' ')?;
    Some((call.parse().ok()?, at.parse().ok()?))
}
