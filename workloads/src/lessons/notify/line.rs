//! A lasting connection to Redis, over which notifications are published and come back.
//!
//! One for all calls, opened by the first; after it broke, the next call opens another. It subscribes
//! to a channel of this process. RESP3 lets one connection do both
//! (<https://redis.io/docs/latest/develop/pubsub/>).

use std::{str, sync::Arc, time::Duration};

use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, PushInfo, PushKind, RedisError, RedisResult,
    Value, aio::MultiplexedConnection,
};
use tokio::sync::Mutex;

use super::desk::Desk;
use crate::{lessons::LessonError, store::redis_client};

/// How long Redis may take to be connected to, and to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A Redis, connected to when it is first needed.
#[derive(Debug)]
pub(super) struct Redis {
    client: Client,
    line: Mutex<Option<Arc<Line>>>,
}

/// A connection that listens.
#[derive(Debug)]
pub(super) struct Line {
    connection: MultiplexedConnection,
    channel: String,
    desk: Arc<Desk>,
    url: String,
}

impl Redis {
    /// The Redis at `url`. Nothing is connected yet.
    pub(super) fn new(url: &str) -> Result<Self, LessonError> {
        // The URL is not repeated: one that is not understood may hold a password anywhere.
        let client = redis_client(url).map_err(|error| LessonError::RedisUrl(error.to_string()))?;
        Ok(Self {
            client,
            line: Mutex::default(),
        })
    }

    /// The connection that is open, or a new one.
    pub(super) async fn line(&self) -> Result<Arc<Line>, LessonError> {
        let mut line = self.line.lock().await;
        if let Some(line) = &*line
            && !line.desk.is_closed()
        {
            return Ok(Arc::clone(line));
        }
        let url = format!("redis://{}", self.client.get_connection_info().addr());
        let opened = Line::open(&self.client, url.clone()).await;
        let opened = Arc::new(opened.map_err(|error| failed(&url, "connect", &error))?);
        *line = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl Line {
    async fn open(client: &Client, url: String) -> RedisResult<Self> {
        let desk = Arc::<Desk>::default();
        let receiving = Arc::clone(&desk);
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
            connection,
            channel,
            desk,
            url,
        })
    }

    /// Where what comes back is handed over.
    pub(super) fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Publishes notification `at` of `call`.
    pub(super) async fn publish(&self, call: u64, at: i64) -> Result<(), LessonError> {
        let mut connection = self.connection.clone();
        let message = format!("{call} {at}");
        let published: RedisResult<()> = connection.publish(&self.channel, message).await;
        published.map_err(|error| {
            // A connection that fails once is not trusted again.
            self.desk.close();
            failed(&self.url, "publish", &error)
        })
    }
}

/// Hands over what Redis sends by itself.
fn receive(desk: &Desk, push: &PushInfo) {
    match (&push.kind, push.data.as_slice()) {
        (PushKind::Disconnection, _) => desk.close(),
        (PushKind::Message, [_, Value::BulkString(message)]) => {
            if let Some((call, at)) = read(message) {
                desk.hand_over(call, at);
            }
        }
        _ => {}
    }
}

/// The call and the number of a notification.
fn read(message: &[u8]) -> Option<(u64, i64)> {
    let (call, at) = str::from_utf8(message).ok()?.split_once(' ')?;
    Some((call.parse().ok()?, at.parse().ok()?))
}

fn failed(url: &str, doing: &'static str, error: &RedisError) -> LessonError {
    LessonError::Redis {
        url: url.to_owned(),
        doing,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_not_understood_is_not_repeated() {
        let refused = Redis::new("redis://:secret@host:port/x").unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("redis://HOST:PORT"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }

    #[test]
    fn what_others_publish_is_nobodys() {
        assert_eq!(read(b"12 3"), Some((12, 3)));
        for message in [&b""[..], b"12", b"a b", b"-1 2", b"1 2 3", b"\xff 1"] {
            assert_eq!(read(message), None, "{message:?}");
        }
    }
}
