//! The store behind the shop tools: carts, order histories, a popularity ranking and rate counters.
//!
//! [`Store`] is one contract over two engines, told apart by the URL: `SQLite`, embedded, and Redis.
//! Both hold what [`content`] makes by formula, so that a right answer is known without asking them.
//!
//! Invariants: an order is recorded as a whole or not at all; every call is bounded (the wait for a connection by the
//! pool's timeout; then `SQLite`'s wait for the file's lock by the same, and Redis's answer by [`ANSWER_LIMIT`]); no
//! error shows a password.

pub mod content;
mod error;
mod model;
mod redis;
mod sqlite;
mod url;

use std::time::Duration;

use transports::runtime::Handle;

pub use error::{Step, StoreError};
pub use model::{Cart, CartItem, Order, Popular, Progress, user_number};
use redis::Redis;
pub(crate) use redis::client as redis_client;
use sqlite::Sqlite;
pub use url::default_url;
use url::{Scheme, scheme};

use crate::pool::PoolOptions;

/// How long Redis may take for an answer. It needs a fraction of a millisecond.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Which store to open, and how many calls may use it at once.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH`, `sqlite://PATH`, `sqlite::memory:` or `redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]`.
    /// See [`default_url`].
    pub url: String,
    /// How many connections are kept, and how long a call waits for one.
    pub pool: PoolOptions,
    /// The runtime that the store is asked on. Redis also needs a tokio context, as every runtime here has.
    pub runtime: Handle,
}

/// An open store. Cheap to clone: clones share the connections.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite),
    Redis(Redis),
}

impl Store {
    /// Opens the store. A `SQLite` file and its folders are created and filled on the first start; Redis is
    /// filled by the program `seed`, and need not be there yet.
    ///
    /// # Errors
    /// When the URL is not understood, or a step of opening a file fails.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let engine = match scheme(&options.url)? {
            Scheme::Sqlite => Engine::Sqlite(Sqlite::open(options).await?),
            Scheme::Redis => Engine::Redis(Redis::open(options)?),
        };
        Ok(Self { engine })
    }

    /// The cart of `user_id`, if there is one.
    ///
    /// # Errors
    /// When the store cannot be asked in time, or what it holds is no cart.
    pub async fn cart(&self, user_id: &str) -> Result<Option<Cart>, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.cart(user_id).await,
            Engine::Redis(redis) => redis.cart(user_id).await,
        }
    }

    /// The `newest` orders of `user_id`, newest first; fewer when there are not so many.
    ///
    /// # Errors
    /// When the store cannot be asked in time, or what it holds is no order.
    pub async fn history(&self, user_id: &str, newest: u32) -> Result<Vec<Order>, StoreError> {
        match &self.engine {
            // Redis reads a range that ends where it begins as all there is.
            _ if newest == 0 => Ok(Vec::new()),
            Engine::Sqlite(sqlite) => sqlite.history(user_id, newest).await,
            Engine::Redis(redis) => redis.history(user_id, newest).await,
        }
    }

    /// The `count` most popular products, highest score first. Those of equal score come in the reverse
    /// order of their ids as text, which is Redis's.
    ///
    /// # Errors
    /// When the store cannot be asked in time, or what it holds is no ranking.
    pub async fn popular(&self, count: u32) -> Result<Vec<Popular>, StoreError> {
        match &self.engine {
            _ if count == 0 => Ok(Vec::new()),
            Engine::Sqlite(sqlite) => sqlite.popular(count).await,
            Engine::Redis(redis) => redis.popular(count).await,
        }
    }

    /// Records `order`, all of it or nothing: appends it to the history of its user, adds the quantity of each
    /// item to the popularity of its product, and counts one up on the user's rate counter, whose value
    /// is returned. A call that is dropped has recorded all of it or nothing, too.
    ///
    /// # Errors
    /// When the user is none, or the store cannot be asked in time. Then nothing was recorded, except where
    /// [`StoreError::may_have_written`] says that it is not known.
    pub async fn record_order(&self, order: &Order) -> Result<i64, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.record_order(order).await,
            Engine::Redis(redis) => redis.record_order(order).await,
        }
    }

    /// Puts the content where it is missing and leaves the rest alone; `progress` is told how far it is.
    ///
    /// # Errors
    /// When the store cannot be asked. `SQLite` then is as it was; in Redis what was put stays, and seeding again goes
    /// on from there.
    pub async fn seed(&self, mut progress: impl FnMut(Progress) + Send) -> Result<(), StoreError> {
        self.put(false, &mut progress).await
    }

    /// Takes away everything that the store holds, and puts the content there anew. Of Redis only the store's own keys
    /// are touched; calls that are made meanwhile find some of them missing.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn reset(&self, mut progress: impl FnMut(Progress) + Send) -> Result<(), StoreError> {
        self.put(true, &mut progress).await
    }

    /// Closes every connection: those that are in use, when their calls end.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Redis(redis) => redis.close(),
        }
    }

    async fn put(
        &self,
        anew: bool,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.seed(anew, progress).await,
            Engine::Redis(redis) => redis.seed(anew, progress).await,
        }
    }
}

/// What `future` gives, unless it takes longer than `limit`.
async fn within<T>(
    runtime: &Handle,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = runtime.sleep(limit) => None,
    }
}
