//! `experiment_notify`: notifications published and received, in the process or through Redis.
//!
//! A server that runs in several instances cannot notify a client of another instance by itself, so
//! it publishes events through a service that all instances subscribe to. Each notification is one
//! trip more. Here the call that publishes a notification also receives it, one after the other:
//! the time of a call divided by its `messages` is the time of one.
//!
//! In memory and through Redis the last step is the same: [`Subscribers`] delivers each
//! notification to the call that waits for it. The figure for `memory` is that step alone.

#[cfg(feature = "redis")]
mod pubsub;

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

#[cfg(feature = "redis")]
pub(crate) use self::pubsub::RedisFailure;
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
    /// The channels of a server whose store is at `store_url`. If that is no Redis, there is the
    /// memory alone. Nothing is connected yet.
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

/// The calls that wait, by their number. A call has one notification under way at a time, so no
/// queue grows.
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
