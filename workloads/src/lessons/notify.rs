//! `lesson_notify`: notifications published and received, in the process or through Redis.
//!
//! What is shown: a server that runs in several instances cannot wake a client of another instance by
//! itself, so what happened is published through something that all of them listen to. Each
//! notification is one trip more. Here it is published and comes back to the same call, one after
//! the other: the time of a call divided by its `messages` is what one takes.
//!
//! In memory and through Redis the last step is the same, a desk that hands what arrives to the call that
//! waits for it: what is left in memory is that step alone.

mod desk;
mod line;

use std::{sync::Arc, time::Duration};

use desk::Desk;
use futures::{
    StreamExt,
    future::{Either, select},
};
use line::{Line, Redis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::LessonError;
use crate::tools::{ToolError, arguments, check_range};

/// The most notifications of one call.
pub const MAX_MESSAGES: i64 = 1_000;

/// How long all notifications of a call may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// What a notification goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A queue of this process.
    Memory,
    /// Redis's publish and subscribe.
    Redis,
}

/// The arguments of `lesson_notify`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyArguments {
    /// How many notifications; each is published when the one before has arrived.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_MESSAGES))]
    pub messages: i64,
    /// What they go through.
    pub via: Via,
}

impl Default for NotifyArguments {
    fn default() -> Self {
        Self {
            messages: 100,
            via: Via::Memory,
        }
    }
}

/// The result of `lesson_notify`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotifyResult {
    /// Notifications that were published, and arrived in their order.
    pub messages: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// What they went through.
    pub via: Via,
}

/// Where notifications go through.
#[derive(Debug)]
pub struct Notices {
    memory: Arc<Desk>,
    redis: Option<Redis>,
}

impl Notices {
    /// `store_url` is where the store is; through it go notifications if it is a Redis.
    pub(super) fn new(store_url: Option<&str>) -> Result<Self, LessonError> {
        let url = store_url.filter(|url| url.starts_with("redis"));
        Ok(Self {
            memory: Arc::default(),
            redis: url.map(Redis::new).transpose()?,
        })
    }
}

/// Publishes the notifications and waits for each.
///
/// # Errors
/// When `messages` is outside of its limits, or Redis is asked for and is not there or does not answer in
/// time.
pub async fn notify(
    arguments: NotifyArguments,
    server_type: &'static str,
    runtime: &Handle,
    notices: &Notices,
) -> Result<NotifyResult, ToolError> {
    let NotifyArguments { messages, via } = arguments;
    check_range("messages", messages, 1, MAX_MESSAGES)?;
    let line = match (via, &notices.redis) {
        (Via::Memory, _) => None,
        (Via::Redis, Some(redis)) => Some(redis.line().await?),
        (Via::Redis, None) => return Err(LessonError::NoRedis.into()),
    };
    let desk = line.as_deref().map_or(&notices.memory, Line::desk);
    let mut timeout = runtime.sleep(ARRIVAL_LIMIT);
    let mut waiting = desk.wait();
    for at in 1..=messages {
        match &line {
            None => notices.memory.hand_over(waiting.call(), at),
            Some(line) => line.publish(waiting.call(), at).await?,
        }
        loop {
            match select(waiting.arrivals().next(), &mut timeout).await {
                Either::Left((Some(arrived), _)) if arrived == at => break,
                Either::Left((Some(_), _)) => {}
                Either::Left((None, _)) => Err(LessonError::Interrupted { at, messages })?,
                Either::Right(_) => Err(LessonError::Lost {
                    at,
                    messages,
                    waited_s: ARRIVAL_LIMIT.as_secs(),
                })?,
            }
        }
    }
    Ok(NotifyResult {
        messages,
        server_type,
        via,
    })
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use transports::runtime::Tokio;

    use super::*;

    async fn ask(messages: i64, via: Via) -> Result<NotifyResult, ToolError> {
        let notices = Notices::new(Some("sqlite::memory:"))?;
        let arguments = NotifyArguments { messages, via };
        notify(arguments, "test", &Handle::new(Tokio), &notices).await
    }

    #[tokio::test]
    async fn in_memory_all_arrive() {
        assert_eq!(ask(1_000, Via::Memory).await.unwrap().messages, 1_000);
    }

    #[tokio::test]
    async fn without_redis_it_says_what_to_do() {
        let refused = ask(1, Via::Redis).await.unwrap_err().to_string();
        assert!(refused.contains("--store-url redis://"), "{refused}");
        let refused = ask(1_001, Via::Memory).await.unwrap_err().to_string();
        assert!(refused.contains("messages must be"), "{refused}");
    }
}
