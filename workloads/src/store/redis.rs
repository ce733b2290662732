//! The store in Redis, 6 or newer, under the keys of the public v2 benchmark. It also reads the
//! values that the benchmark's own seed leaves there.
//!
//! Nothing is connected before the first call, so a server starts whether Redis is reachable or
//! not; and nothing is seeded without a request, because Redis is shared.

mod entry;
mod keys;
mod pool;
mod seed;

use std::time::Duration;

use ::redis::{
    ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use entry::Entry;
use pool::Pool;
pub use pool::client;
use transports::metrics::PoolUse;

use super::{ANSWER_LIMIT, Cart, CartItem, Order, Popular, Progress, StoreOptions, to_json};
use crate::storage::{StorageError, StorageUrl};

/// An open Redis store.
#[derive(Clone, Debug)]
pub(super) struct Redis {
    pool: Pool,
}

/// Commands that are sent together.
struct Request<'a> {
    commands: &'a Pipeline,
    /// Whether they record something: an answer that is lost then leaves open whether they did.
    writes: bool,
    /// How long the answer may take.
    limit: Duration,
}

impl Redis {
    pub(super) fn open(url: &StorageUrl, options: &StoreOptions) -> Result<Self, StorageError> {
        let pool = Pool::new(url, options)?;
        Ok(Self { pool })
    }

    pub(super) fn usage(&self) -> PoolUse {
        self.pool.usage()
    }

    pub(super) async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StorageError> {
        let key = keys::cart(user_id);
        let mut commands = Pipeline::new();
        commands.cmd("HMGET").arg(&key).arg("items").arg("total");
        let ((items, total),): ((Option<String>, Option<f64>),) = self.read(&commands).await?;
        match (items, total) {
            (None, None) => Ok(None),
            (Some(items), Some(total)) => Ok(Some(Cart {
                items: self.parsed::<Vec<CartItem>>(&items, &key, "a list of items")?,
                total,
            })),
            _ => Err(self.foreign(&key, "a cart", "it lacks its items or its total")),
        }
    }

    pub(super) async fn history(
        &self,
        user_id: &str,
        newest: u32,
    ) -> Result<Vec<Order>, StorageError> {
        let key = keys::history(user_id);
        let mut commands = Pipeline::new();
        let range = commands.cmd("LRANGE").arg(&key);
        range.arg(-i64::from(newest)).arg(-1);
        let (orders,): (Vec<String>,) = self.read(&commands).await?;
        let order = |json: &String| {
            let entry: Entry = self.parsed(json, &key, "an order")?;
            entry
                .order(user_id)
                .map_err(|error| self.foreign(&key, "an order", &error.to_string()))
        };
        // The newest comes first.
        orders.iter().rev().map(order).collect()
    }

    pub(super) async fn popular(&self, count: u32) -> Result<Vec<Popular>, StorageError> {
        let mut commands = Pipeline::new();
        let range = commands.cmd("ZREVRANGE").arg(keys::POPULAR);
        range.arg(0).arg(i64::from(count) - 1).arg("WITHSCORES");
        let (ranking,): (Vec<(String, f64)>,) = self.read(&commands).await?;
        let popular = |(member, score): (String, f64)| {
            let product_id = keys::product_id(&member)
                .ok_or_else(|| self.foreign(keys::POPULAR, "a product", &member))?;
            Ok(Popular { product_id, score })
        };
        ranking.into_iter().map(popular).collect()
    }

    /// Records `order` in one transaction. Redis accepts all of its commands or none; of those that
    /// it accepted, one fails alone only where its key holds another type, which this program never
    /// leaves there.
    pub(super) async fn record_order(
        &self,
        order: &Order,
        counter: u32,
    ) -> Result<i64, StorageError> {
        let mut commands = Pipeline::new();
        commands.atomic();
        let append = commands.cmd("RPUSH").arg(keys::history(&order.user_id));
        append.arg(to_json(order)).ignore();
        for item in &order.items {
            let add = commands.cmd("ZINCRBY").arg(keys::POPULAR);
            add.arg(item.quantity)
                .arg(keys::product(item.product_id))
                .ignore();
        }
        commands.cmd("INCR").arg(keys::rate_counter(counter));
        let (count,) = self
            .send(Request {
                commands: &commands,
                writes: true,
                limit: ANSWER_LIMIT,
            })
            .await?;
        Ok(count)
    }

    pub(super) async fn seed(
        &self,
        anew: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StorageError> {
        if anew {
            seed::clear(self).await?;
        }
        super::seed::seed(&mut self.clone(), progress).await
    }

    #[expect(clippy::unused_async, reason = "every engine closes in the same way")]
    pub(super) async fn close(&self) {
        self.pool.close();
    }

    async fn read<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StorageError> {
        self.send(Request {
            commands,
            writes: false,
            limit: ANSWER_LIMIT,
        })
        .await
    }

    /// Sends a request on a connection of its own and waits for the answer. A connection that broke
    /// or did not answer is closed; so is that of a call which is dropped.
    async fn send<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, StorageError> {
        let mut lent = self.pool.take().await?;
        let sent = answer(request.commands, lent.connection());
        let Some(answer) = self.pool.within(request.limit, sent).await else {
            return Err(StorageError::Unanswered {
                place: self.pool.place().clone(),
                timeout: request.limit,
                may_have_written: request.writes,
            });
        };
        let is_lost = |error: &RedisError| error.is_unrecoverable_error();
        if !answer.as_ref().is_err_and(is_lost) {
            lent.give_back();
        }
        answer.map_err(|error| StorageError::Redis {
            place: self.pool.place().clone(),
            // A transaction that was aborted did nothing.
            may_have_written: request.writes
                && error.kind() != ErrorKind::Server(ServerErrorKind::ExecAbort),
            reason: error.to_string(),
        })
    }

    fn parsed<T: serde::de::DeserializeOwned>(
        &self,
        json: &str,
        key: &str,
        expected: &str,
    ) -> Result<T, StorageError> {
        serde_json::from_str(json).map_err(|error| self.foreign(key, expected, &error.to_string()))
    }

    fn foreign(&self, key: &str, expected: &str, reason: &str) -> StorageError {
        let found = format!("something at {key} that is not {expected} ({reason})");
        StorageError::Foreign(self.pool.place().clone(), found)
    }
}

async fn answer<T: FromRedisValue>(
    commands: &Pipeline,
    connection: &mut MultiplexedConnection,
) -> Result<T, RedisError> {
    commands.query_async(connection).await
}
