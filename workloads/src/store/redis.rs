//! The store in Redis, 6 or newer, under the keys of the public v2 benchmark.
//!
//! Nothing is connected before the first call, so that a server starts whether Redis is there or not; and nothing is
//! seeded here by itself, for Redis is shared.

mod keys;
mod pool;
mod seed;

use std::{sync::Arc, time::Duration};

use ::redis::{
    ErrorKind, FromRedisValue, Pipeline, RedisError, ServerErrorKind, aio::MultiplexedConnection,
};
use pool::Pool;
pub(crate) use pool::client;

use super::{
    ANSWER_LIMIT, Cart, CartItem, Order, Popular, Progress, StoreError, StoreOptions, content,
    user_number, within,
};

/// An open Redis store.
#[derive(Clone, Debug)]
pub(super) struct Redis {
    pool: Arc<Pool>,
}

/// What is sent in one go, and what it means for the store when nobody knows whether it arrived.
struct Request<'a> {
    commands: &'a Pipeline,
    writes: bool,
    limit: Duration,
}

impl Redis {
    pub(super) fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        Ok(Self {
            pool: Pool::new(options)?,
        })
    }

    pub(super) async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StoreError> {
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
            _ => Err(self.not_ours(&key, "a cart", "it lacks its items or its total")),
        }
    }

    pub(super) async fn history(
        &self,
        user_id: &str,
        newest: u32,
    ) -> Result<Vec<Order>, StoreError> {
        let key = keys::history(user_id);
        let mut commands = Pipeline::new();
        commands
            .cmd("LRANGE")
            .arg(&key)
            .arg(-i64::from(newest))
            .arg(-1);
        let (orders,): (Vec<String>,) = self.read(&commands).await?;
        let newest_first = orders.iter().rev();
        newest_first
            .map(|order| self.parsed(order, &key, "an order"))
            .collect()
    }

    pub(super) async fn popular(&self, count: u32) -> Result<Vec<Popular>, StoreError> {
        let mut commands = Pipeline::new();
        commands
            .cmd("ZREVRANGE")
            .arg(keys::POPULAR)
            .arg(0)
            .arg(i64::from(count) - 1)
            .arg("WITHSCORES");
        let (ranking,): (Vec<(String, f64)>,) = self.read(&commands).await?;
        let popular = |(member, score): (String, f64)| {
            let product_id = keys::product_id(&member)
                .ok_or_else(|| self.not_ours(keys::POPULAR, "a product", &member))?;
            Ok(Popular { product_id, score })
        };
        ranking.into_iter().map(popular).collect()
    }

    /// One transaction. Redis takes all of its commands or none of them; of those that it has taken one fails alone
    /// only where its key holds something of another type, which nothing of ours leaves there.
    pub(super) async fn record_order(&self, order: &Order) -> Result<i64, StoreError> {
        let number = user_number(&order.user_id).ok_or_else(|| StoreError::UserId {
            user_id: order.user_id.clone(),
        })?;
        let mut commands = Pipeline::new();
        commands
            .atomic()
            .cmd("RPUSH")
            .arg(keys::history(&order.user_id))
            .arg(keys::order(order))
            .ignore();
        for item in &order.items {
            commands
                .cmd("ZINCRBY")
                .arg(keys::POPULAR)
                .arg(item.quantity)
                .arg(keys::product(item.product_id))
                .ignore();
        }
        commands
            .cmd("INCR")
            .arg(keys::rate_counter(content::rate_counter(number)));
        let (count,) = self
            .ask(Request {
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
    ) -> Result<(), StoreError> {
        if anew {
            seed::clear(self).await?;
        }
        seed::seed(self, progress).await
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    async fn read<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        self.ask(Request {
            commands,
            writes: false,
            limit: ANSWER_LIMIT,
        })
        .await
    }

    /// Sends a request on a connection of its own and waits for the answer. A connection that gave none, or broke, is
    /// closed; so is that of a call which is dropped.
    async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, StoreError> {
        let mut lent = self.pool.take().await?;
        let asked = answer(request.commands, lent.connection());
        let Some(answer) = within(self.pool.runtime(), request.limit, asked).await else {
            return Err(StoreError::Unanswered {
                url: self.pool.url().to_owned(),
                timeout: request.limit,
                may_have_written: request.writes,
            });
        };
        if !answer
            .as_ref()
            .is_err_and(RedisError::is_unrecoverable_error)
        {
            lent.give_back();
        }
        answer.map_err(|source| StoreError::Redis {
            url: self.pool.url().to_owned(),
            // A transaction that was aborted did nothing.
            may_have_written: request.writes
                && source.kind() != ErrorKind::Server(ServerErrorKind::ExecAbort),
            source,
        })
    }

    fn parsed<T: serde::de::DeserializeOwned>(
        &self,
        json: &str,
        key: &str,
        expected: &'static str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(json).map_err(|error| self.not_ours(key, expected, &error.to_string()))
    }

    fn not_ours(&self, key: &str, expected: &'static str, reason: &str) -> StoreError {
        StoreError::NotOurs {
            url: self.pool.url().to_owned(),
            key: key.to_owned(),
            expected,
            reason: reason.to_owned(),
        }
    }
}

async fn answer<T: FromRedisValue>(
    commands: &Pipeline,
    connection: &mut MultiplexedConnection,
) -> Result<T, RedisError> {
    commands.query_async(connection).await
}
