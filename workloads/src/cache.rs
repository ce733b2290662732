//! Results of tools, kept for those who ask the same: in this process or in Redis.
//!
//! What is kept is the result as JSON ([`SerializedResult`]), because a hit is then a look-up and a copy.
//! [`Cacheable`] says which tools take part. Left to others: what a tool does, and where in a call the cache is
//! asked (the methods of [`DemoServer`](crate::DemoServer), so that both paths pass it).
//!
//! Invariants: of those who ask the same at once one works, and the others wait for it, whoever of
//! them leaves; errors are given to those who wait and kept for nobody; a key holds the server's type, the
//! tool and every argument, so nobody is given another's result; what is kept is bounded in number, size and
//! time.

mod flights;
mod key;
mod memory;
mod redis;
mod warm;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rmcp::{
    ErrorData,
    handler::server::{tool::IntoCallToolResult, wrapper::Json},
    model::{CallToolResponse, CallToolResult},
};
use serde::Serialize;
use transports::fast_path::{FastResult, Outcome, SerializedResult};

use self::{
    flights::{Flight, Flights},
    key::Key,
    memory::Memory,
    redis::Redis,
};
pub use self::{key::Cacheable, redis::RedisCacheError, warm::warm};

/// The largest result that is kept: so memory is bounded by the number of results.
pub const MAX_RESULT_BYTES: usize = 128 * 1024;

/// What is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CacheOptions {
    /// The field `server_type` of the results, which is part of every key.
    pub server_type: &'static str,
    /// How long a result is given again.
    pub ttl: Duration,
    /// How many results are kept in memory; Redis has limits of its own.
    pub capacity: u64,
}

/// A cache. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    server_type: &'static str,
    keeper: Keeper,
    flights: Flights,
    hits: AtomicU64,
    misses: AtomicU64,
}

enum Keeper {
    Memory(Memory),
    Redis(Box<Redis>),
}

/// What a tool gives back whose results may be kept.
pub enum Cached<R> {
    /// Made for this call; there is no cache.
    Fresh(R),
    /// Kept, or made for everybody who asked.
    Shared(Flown),
}

/// What those are given who share a result.
type Flown = Result<SerializedResult, ErrorData>;

/// A result that a cache may keep.
pub trait Keep {
    /// Whether it is worth giving again. Errors never are, and need not be told.
    fn is_worth_keeping(&self) -> bool {
        true
    }
}

impl<T: Keep> Keep for Json<T> {
    fn is_worth_keeping(&self) -> bool {
        self.0.is_worth_keeping()
    }
}

impl<T: Keep, E> Keep for Result<T, E> {
    fn is_worth_keeping(&self) -> bool {
        self.as_ref().is_ok_and(T::is_worth_keeping)
    }
}

impl Keep for CallToolResult {}

impl Cache {
    /// A cache in this process.
    #[must_use]
    pub fn in_memory(options: &CacheOptions) -> Self {
        Self::over(Keeper::Memory(Memory::new(options)), options)
    }

    /// A cache in the Redis at `url`, which need not be there: without it every call works for itself, and the log
    /// says so once.
    ///
    /// # Errors
    /// When `url` is not one of a Redis.
    pub async fn in_redis(url: &str, options: &CacheOptions) -> Result<Self, RedisCacheError> {
        let redis = Redis::open(url, options.ttl).await?;
        Ok(Self::over(Keeper::Redis(Box::new(redis)), options))
    }

    fn over(keeper: Keeper, options: &CacheOptions) -> Self {
        Self(Arc::new(Inner {
            server_type: options.server_type,
            keeper,
            flights: Flights::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }))
    }

    /// The result of `tool` for `arguments`: a kept one, or what `work` makes, for this caller and for whoever
    /// asks the same meanwhile.
    ///
    /// # Errors
    /// What `work` ended with, if that is a JSON-RPC error.
    pub async fn get<A, R, F>(
        &self,
        tool: Cacheable,
        arguments: A,
        work: impl FnOnce(A) -> F,
    ) -> Flown
    where
        A: Serialize,
        R: FastResult + Keep + Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let Some(key) = Key::of(self.0.server_type, tool, &arguments) else {
            return SerializedResult::of(work(arguments).await);
        };
        if let Some(written) = self.0.at_hand(&key) {
            return Ok(written);
        }
        let joined = self.0.flights.join(
            &key,
            // Its flight may have ended since; what it made is kept before.
            || self.0.at_hand(&key),
            |ticket| self.0.clone().fly(key.clone(), ticket, work(arguments)),
        );
        match joined {
            Flight::Landed(written) => Ok(written),
            Flight::Under(flight) => flight.await,
        }
    }

    /// Takes away what is kept for `tool` and `arguments`, and what is on its way there.
    pub async fn forget(&self, tool: Cacheable, arguments: &impl Serialize) {
        let Some(key) = Key::of(self.0.server_type, tool, arguments) else {
            return;
        };
        self.0.flights.cut_off(&key);
        match &self.0.keeper {
            Keeper::Memory(memory) => memory.forget(&key),
            Keeper::Redis(redis) => redis.forget(&key).await,
        }
    }

    /// Calls that were answered with a kept result, and those that had to work. Who waited for another's work is
    /// neither.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.0.hits), of(&self.0.misses))
    }
}

impl Inner {
    /// What is kept under `key` in this process.
    fn at_hand(&self, key: &Key) -> Option<SerializedResult> {
        match &self.keeper {
            Keeper::Memory(memory) => self.counted(memory.find(key)),
            Keeper::Redis(_) => None,
        }
    }

    fn counted(&self, found: Option<SerializedResult>) -> Option<SerializedResult> {
        if found.is_some() {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Looks further away, then works, then keeps what was made.
    async fn fly<R: FastResult + Keep + Send + 'static>(
        self: Arc<Self>,
        key: Key,
        ticket: flights::Ticket,
        work: impl Future<Output = R>,
    ) -> Flown {
        let landing = self.flights.landing(&key, ticket);
        if let Keeper::Redis(redis) = &self.keeper
            && let Some(written) = self.counted(redis.find(&key).await)
        {
            return Ok(written);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let result = work.await;
        let is_worth_keeping = result.is_worth_keeping();
        let written = SerializedResult::of(result)?;
        let is_kept =
            is_worth_keeping && !written.is_error() && written.json().len() <= MAX_RESULT_BYTES;
        match &self.keeper {
            Keeper::Memory(memory) if is_kept => {
                landing.if_expected(|| memory.keep(&key, &written));
            }
            Keeper::Redis(redis) if is_kept && landing.is_expected() => {
                redis.keep(&key, &written).await;
            }
            _ => {}
        }
        Ok(written)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.0.keeper {
            Keeper::Memory(_) => "memory",
            Keeper::Redis(_) => "Redis",
        };
        write!(formatter, "Cache in {place}")
    }
}

impl<R: IntoCallToolResult> IntoCallToolResult for Cached<R> {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        match self {
            Self::Fresh(result) => result.into_call_tool_result(),
            Self::Shared(result) => result.into_call_tool_result(),
        }
    }
}

impl<R: FastResult> FastResult for Cached<R> {
    fn outcome(self) -> Outcome {
        match self {
            Self::Fresh(result) => result.outcome(),
            Self::Shared(result) => result.outcome(),
        }
    }
}
