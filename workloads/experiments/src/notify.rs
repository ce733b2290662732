//! `experiment_notify`: notifications published and received, in the process or through Redis.
//!
//! A server that runs in several instances cannot notify a client of another instance by itself, so it
//! publishes events through a service that all instances subscribe to. Each notification is one trip
//! more. Here the call that publishes a notification also receives it, one after the other: the time of
//! a call divided by its `messages` is the time of one.
//!
//! In memory and through Redis the last step is the same: [`Subscribers`] delivers each notification to
//! the call that waits for it. The figure for `memory` is that step alone.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    future::{Either, select},
};
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use workloads::tools::{arguments, check_range};

use crate::{ExperimentError, server::Experiments};

const MAX_MESSAGES: i64 = 1_000;

/// The time that all notifications of a call may take.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// What a notification goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Via {
    /// A queue of this process.
    Memory,
    /// Redis's publish and subscribe.
    Redis,
}

/// The arguments of `experiment_notify`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NotifyArguments {
    /// How many notifications; each is published when the one before has arrived.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_MESSAGES))]
    messages: i64,
    /// What they go through.
    via: Via,
}

impl Default for NotifyArguments {
    fn default() -> Self {
        Self {
            messages: 100,
            via: Via::Memory,
        }
    }
}

/// The result of `experiment_notify`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NotifyResult {
    /// Notifications that were published, and arrived in their order.
    messages: i64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// What they went through.
    via: Via,
}

#[tool_router(router = notify_tool, vis = "pub(crate)")]
impl Experiments {
    #[tool(
        description = "Publishes notifications one after another and waits until each has come back, in memory or through Redis: what reaching other instances costs.",
        annotations(
            title = "Experiment: notify",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(crate) async fn experiment_notify(
        &self,
        Parameters(arguments): Parameters<NotifyArguments>,
    ) -> Result<Json<NotifyResult>, ExperimentError> {
        let NotifyArguments { messages, via } = arguments;
        check_range("messages", messages, 1, MAX_MESSAGES)?;
        let channel = self.state().notices.channel(via).await?;
        let app = self.app();
        let mut timeout = app.runtime.sleep(ARRIVAL_LIMIT);
        let mut subscription = channel.subscribers.subscribe();
        for at in 1..=messages {
            channel.publish(subscription.call, at).await?;
            loop {
                match select(subscription.arrivals.next(), &mut timeout).await {
                    Either::Left((Some(arrived), _)) if arrived == at => break,
                    Either::Left((Some(_), _)) => {}
                    Either::Left((None, _)) => {
                        return Err(ExperimentError::Interrupted { at, messages });
                    }
                    Either::Right(_) => {
                        return Err(ExperimentError::Lost {
                            at,
                            messages,
                            waited_s: ARRIVAL_LIMIT.as_secs(),
                        });
                    }
                }
            }
        }
        Ok(Json(NotifyResult {
            messages,
            server_type: app.server_type,
            via,
        }))
    }
}

/// The channels of the server.
#[derive(Default)]
pub(crate) struct Notices {
    memory: Arc<Subscribers>,
    #[cfg(feature = "redis")]
    redis: Option<pubsub::Redis>,
}

/// The channel of one call: the memory, unless there is a connection.
struct Channel {
    subscribers: Arc<Subscribers>,
    #[cfg(feature = "redis")]
    redis: Option<Arc<pubsub::Connection>>,
}

impl Notices {
    /// The channels of a server whose store is at `store_url`. If that is no Redis, there is the memory
    /// alone. Nothing is connected yet.
    #[cfg_attr(
        not(feature = "redis"),
        expect(unused_variables, reason = "the URL of Redis")
    )]
    pub(crate) fn new(store_url: Option<&str>) -> Self {
        Self {
            memory: Arc::default(),
            #[cfg(feature = "redis")]
            redis: store_url
                .filter(|url| url.starts_with("redis"))
                .map(pubsub::Redis::new),
        }
    }

    #[cfg_attr(
        not(feature = "redis"),
        expect(clippy::unused_async, reason = "only Redis has to be waited for")
    )]
    async fn channel(&self, via: Via) -> Result<Channel, ExperimentError> {
        let memory = Channel {
            subscribers: self.memory.clone(),
            #[cfg(feature = "redis")]
            redis: None,
        };
        match via {
            Via::Memory => Ok(memory),
            #[cfg(feature = "redis")]
            Via::Redis => {
                let redis = self.redis.as_ref().ok_or(ExperimentError::NoRedis)?;
                let connection = redis.connection().await?;
                Ok(Channel {
                    subscribers: connection.subscribers().clone(),
                    redis: Some(connection),
                })
            }
            #[cfg(not(feature = "redis"))]
            Via::Redis => Err(ExperimentError::NoRedisFeature),
        }
    }
}

impl Channel {
    /// Publishes notification `at` of `call`.
    #[cfg_attr(
        not(feature = "redis"),
        expect(clippy::unused_async, reason = "only Redis has to be waited for")
    )]
    async fn publish(&self, call: u64, at: i64) -> Result<(), ExperimentError> {
        #[cfg(feature = "redis")]
        if let Some(connection) = &self.redis {
            return Ok(connection.publish(call, at).await?);
        }
        self.subscribers.deliver(call, at);
        Ok(())
    }
}

/// The calls that wait, by their number. A call has one notification under way at a time, so no queue
/// grows.
#[derive(Debug, Default)]
struct Subscribers {
    next: AtomicU64,
    calls: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, UnboundedSender<i64>>,
    is_closed: bool,
}

/// A call that waits for notifications until it is dropped.
#[derive(Debug)]
struct Subscription {
    /// The number under which notifications reach this call.
    call: u64,
    /// The notifications. The stream ends when the channel is closed.
    arrivals: UnboundedReceiver<i64>,
    subscribers: Arc<Subscribers>,
}

impl Subscribers {
    /// Adds a call. On a closed channel its stream of notifications ends at once.
    fn subscribe(self: &Arc<Self>) -> Subscription {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, arrivals) = unbounded();
        let mut calls = self.calls();
        if !calls.is_closed {
            calls.open.insert(call, sender);
        }
        drop(calls);
        Subscription {
            call,
            arrivals,
            subscribers: Arc::clone(self),
        }
    }

    /// Delivers notification `at` to `call`, if it still waits.
    fn deliver(&self, call: u64, at: i64) {
        if let Some(sender) = self.calls().open.get(&call) {
            // The call may end at this moment.
            let _ = sender.unbounded_send(at);
        }
    }

    /// Ends the stream of every call, now and in future.
    #[cfg(any(test, feature = "redis"))]
    fn close(&self) {
        let mut calls = self.calls();
        calls.is_closed = true;
        calls.open.clear();
    }

    #[cfg(any(test, feature = "redis"))]
    fn is_closed(&self) -> bool {
        self.calls().is_closed
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.subscribers.calls().open.remove(&self.call);
    }
}

#[cfg(feature = "redis")]
pub(crate) use pubsub::RedisFailure;

/// A lasting connection to Redis, over which notifications are published and come back.
///
/// All calls share one. The first call opens it; after it broke, the next call opens another. It
/// subscribes to a channel of this process. RESP3 lets one connection do both
/// (<https://redis.io/docs/latest/develop/pubsub/>).
#[cfg(feature = "redis")]
mod pubsub {
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

    /// The connection that calls share, and the attempt to open one. Calls that need a connection at the
    /// same time wait for the same attempt, so that a Redis that does not answer costs each of them one
    /// timeout. The attempt ends when no call waits for it any more.
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
            let client = redis_client(&url)
                .map_err(|error| failed("redis://HOST:PORT", "connect", &error))?;
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
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_call_gets_its_own_notifications_until_it_ends() {
        let subscribers = Arc::new(Subscribers::default());
        let (mut a, b) = (subscribers.subscribe(), subscribers.subscribe());
        subscribers.deliver(b.call, 7);
        subscribers.deliver(a.call, 1);
        subscribers.deliver(99, 2);
        assert_eq!(a.arrivals.next().now_or_never(), Some(Some(1)));
        assert_eq!(a.arrivals.next().now_or_never(), None);
        drop(b);
        assert_eq!(subscribers.calls().open.len(), 1);
        drop(a);
        assert!(subscribers.calls().open.is_empty());
    }

    #[test]
    fn a_closed_channel_ends_the_wait_of_every_call() {
        let subscribers = Arc::new(Subscribers::default());
        let mut before = subscribers.subscribe();
        subscribers.close();
        assert!(subscribers.is_closed());
        assert_eq!(before.arrivals.next().now_or_never(), Some(None));
        let mut after = subscribers.subscribe();
        assert_eq!(after.arrivals.next().now_or_never(), Some(None));
    }

    #[test]
    #[cfg(feature = "redis")]
    fn messages_of_others_are_ignored() {
        assert_eq!(pubsub::parse(b"12 3"), Some((12, 3)));
        for message in [&b""[..], b"12", b"a b", b"-1 2", b"1 2 3", b"\xff 1"] {
            assert_eq!(pubsub::parse(message), None, "{message:?}");
        }
    }
}
