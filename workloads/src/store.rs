//! The store behind the shop tools: carts, order histories, a popularity ranking and rate counters.
//!
//! [`Store`] is one contract over two engines: `SQLite`, embedded, and, with the feature `redis`,
//! Redis. Both hold what [`content`] makes by formula, so the right answer is known without asking
//! them.
//!
//! Invariants: an order is recorded as a whole or not at all; every call is bounded (the wait for a
//! connection by the pool's timeout; `SQLite`'s wait for the file's lock by the same; Redis's
//! answer by [`ANSWER_LIMIT`]); no error shows a password.

pub mod content;
#[cfg(feature = "redis")]
mod redis;
mod seed;
mod sqlite;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::{metrics::PoolUse, runtime::Handle};

#[cfg(feature = "redis")]
use self::redis::Redis;
#[cfg(feature = "redis")]
pub use self::redis::client as redis_client;
pub use self::seed::Progress;
use self::sqlite::Sqlite;
use crate::{
    pool::PoolOptions,
    storage::{Scheme, Storage, StorageError, StorageUrl},
};

/// How long Redis may take for an answer. It needs a fraction of a millisecond.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Which store to open, and how many calls may use it at once.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:` or
    /// `redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]`. See [`Storage::default_url`].
    pub url: String,
    /// How many connections are kept, and how long a call waits for one.
    pub pool: PoolOptions,
    /// The runtime of the callers. Redis also needs a tokio context, as every runtime here has.
    pub runtime: Handle,
}

/// A number of pieces of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CartItem {
    /// The product's number, from 1.
    pub product_id: i64,
    /// The number of pieces, from 1.
    // The public benchmark's seed stores it as `qty`.
    #[serde(alias = "qty")]
    pub quantity: i64,
}

/// What a user is about to buy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cart {
    /// The items in the order in which the user added them.
    pub items: Vec<CartItem>,
    /// The price of the items, in units of the currency, before tax and shipping.
    pub total: f64,
}

/// What a user has bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// The time of the order (RFC 3339).
    pub created: String,
    /// The items.
    pub items: Vec<CartItem>,
    /// The order's name.
    pub order_id: String,
    /// The price of the items, in units of the currency, before tax and shipping.
    pub total: f64,
    /// The buyer: `user-` and five digits.
    pub user_id: String,
}

/// A product in the ranking.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Popular {
    /// The product's number, from 1.
    pub product_id: i64,
    /// The score; higher is more popular.
    pub score: f64,
}

/// An open store. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

/// Evaluates an expression over the engine of a store.
macro_rules! on_engine {
    ($store:expr, $engine:ident => $call:expr) => {
        match &$store.engine {
            Engine::Sqlite($engine) => $call,
            #[cfg(feature = "redis")]
            Engine::Redis($engine) => $call,
        }
    };
}

impl Store {
    /// Opens the store. A `SQLite` file and its folders are created and filled on the first start.
    /// Redis is filled by the program `seed`, and need not be reachable yet.
    ///
    /// # Errors
    /// When the URL is not understood, or a step of opening a file fails.
    pub async fn open(options: &StoreOptions) -> Result<Self, StorageError> {
        let url = StorageUrl::parse(Storage::Store, &options.url)?;
        let engine = match url.scheme {
            Scheme::Sqlite => Engine::Sqlite(Sqlite::open(&url, options).await?),
            #[cfg(feature = "redis")]
            Scheme::Redis => Engine::Redis(Redis::open(&url, options)?),
            _ => return Err(url.unknown()),
        };
        Ok(Self { engine })
    }

    /// The cart of `user_id`, if there is one.
    ///
    /// # Errors
    /// When the store does not answer in time, or what it holds is no cart.
    pub async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StorageError> {
        on_engine!(self, engine => engine.cart(user_id).await)
    }

    /// The `newest` orders of `user_id`, newest first; fewer when there are not so many.
    ///
    /// # Errors
    /// When the store does not answer in time, or what it holds is no order.
    pub async fn history(&self, user_id: &str, newest: u32) -> Result<Vec<Order>, StorageError> {
        // Redis reads a range that ends where it begins as everything.
        if newest == 0 {
            return Ok(Vec::new());
        }
        on_engine!(self, engine => engine.history(user_id, newest).await)
    }

    /// The `count` most popular products, highest score first. Those of equal score come in the
    /// reverse order of their ids as text, which is Redis's order.
    ///
    /// # Errors
    /// When the store does not answer in time, or what it holds is no ranking.
    pub async fn popular(&self, count: u32) -> Result<Vec<Popular>, StorageError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        on_engine!(self, engine => engine.popular(count).await)
    }

    /// Records `order`, all of it or nothing: appends it to the history of its user, adds the
    /// quantity of each item to the popularity of its product, and increments the user's rate
    /// counter, whose value it returns. A call that is dropped has recorded all of it or nothing,
    /// too.
    ///
    /// # Errors
    /// When the order names no user, or the store does not answer in time. Then nothing was recorded,
    /// except where [`StorageError::may_have_written`] says that this is not known.
    pub async fn record_order(&self, order: &Order) -> Result<i64, StorageError> {
        let number = user_number(&order.user_id)
            .ok_or_else(|| StorageError::UserId(order.user_id.clone()))?;
        let counter = content::rate_counter(number);
        on_engine!(self, engine => engine.record_order(order, counter).await)
    }

    /// Adds the content that is missing and leaves the rest alone; `progress` learns how far it is.
    ///
    /// # Errors
    /// When the store does not answer. `SQLite` then is as it was; Redis keeps what was added, and the next
    /// seeding continues from there.
    pub async fn seed(
        &self,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), StorageError> {
        on_engine!(self, engine => engine.seed(false, &mut progress).await)
    }

    /// Removes everything that the store holds, and adds the content anew. Of Redis it touches only
    /// the store's own keys; calls that run meanwhile find some of them missing.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reset(
        &self,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<(), StorageError> {
        on_engine!(self, engine => engine.seed(true, &mut progress).await)
    }

    /// How the connections that read are used at this moment (of `SQLite`; those of Redis write, too).
    #[must_use]
    pub fn usage(&self) -> PoolUse {
        on_engine!(self, engine => engine.usage())
    }

    /// Closes every connection: those that are in use, when their calls end.
    pub async fn close(&self) {
        on_engine!(self, engine => engine.close().await);
    }
}

/// The number in `user_id`, if it is a user's id: `user-` and five digits.
#[must_use]
pub fn user_number(user_id: &str) -> Option<u32> {
    let digits = user_id.strip_prefix("user-")?;
    let is_number = digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Items as they are stored.
fn to_json(items: &impl Serialize) -> String {
    serde_json::json!(items).to_string()
}
