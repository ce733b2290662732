//! Results of tools, cached for callers that ask the same: in this process or in Redis.
//!
//! A cached result is JSON already ([`SerializedResult`]), so a hit costs a look-up and a copy.
//! Which results are cached is said by each tool's file; the tool's method asks the cache, so both
//! paths pass it.
//!
//! Invariants: of callers that ask the same at once one works, and the others wait for it,
//! whichever of them leaves; errors are given to those who wait and are not cached; a key holds the
//! server's type, the tool and every argument, so no caller is given another's result; the cache is
//! bounded in number, size and time.

#[cfg(feature = "redis")]
mod redis;
mod single_flight;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::sync::{Cache as Memory, CacheBuilder};
use rmcp::{
    ErrorData,
    handler::server::{tool::IntoCallToolResult, wrapper::Json},
    model::{CallToolResponse, CallToolResult},
};
use serde::Serialize;
use transports::{
    admission::shared,
    fast_path::{FastResult, Outcome, SerializedResult},
};

#[cfg(feature = "redis")]
use self::redis::Redis;
use self::single_flight::{Generation, Joined, SingleFlight};

/// The largest result that is cached: so memory is bounded by the number of results.
pub const MAX_RESULT_BYTES: usize = 128 * 1024;

/// The longest key that is cached: arguments come from outside, and may be as long as a message.
const MAX_KEY_BYTES: usize = 4 * 1024;

/// What is cached, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct CacheOptions {
    /// The field `server_type` of the results, which is part of every key.
    pub server_type: &'static str,
    /// How long a result is given again.
    pub ttl: Duration,
    /// How many results are held in memory; Redis has limits of its own.
    pub capacity: u64,
}

/// A cache in Redis that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The URL is not one of a Redis. It is not repeated here: it may hold a password.
    #[error(
        "the cache's URL is not one of a Redis ({reason}); give redis://HOST:PORT, or --cache memory"
    )]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// This build leaves Redis out.
    #[error(
        "--cache redis needs the feature `redis`, which this build leaves out; \
         build with `cargo build --features redis`, or give --cache memory"
    )]
    MissingFeature,
}

/// A cache. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    server_type: &'static str,
    backend: Backend,
    in_flight: SingleFlight,
    hits: AtomicU64,
    misses: AtomicU64,
}

enum Backend {
    /// A bounded number of results, each for a time. When it is full, moka keeps those that are
    /// asked for often.
    Memory(Memory<Key, SerializedResult>),
    #[cfg(feature = "redis")]
    Redis(Box<Redis>),
}

/// What a tool returns whose results may be cached.
pub enum Cached<R> {
    /// Made for this call; there is no cache.
    Fresh(R),
    /// Cached, or made for several callers at once.
    Shared(SharedResult),
}

/// A result for several callers.
pub type SharedResult = Result<SerializedResult, ErrorData>;

/// A result that a cache may keep.
pub trait Cacheable {
    /// Whether this one may be given again. Errors never are.
    fn is_cacheable(&self) -> bool {
        true
    }
}

impl<T: Cacheable> Cacheable for Json<T> {
    fn is_cacheable(&self) -> bool {
        self.0.is_cacheable()
    }
}

impl<T: Cacheable, E> Cacheable for Result<T, E> {
    fn is_cacheable(&self) -> bool {
        self.as_ref().is_ok_and(T::is_cacheable)
    }
}

impl Cacheable for CallToolResult {}

/// What a result is cached under: server type, tool, arguments as JSON. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Arc<[u8]>);

impl Key {
    /// The key of `tool` for `arguments`, unless it would be too long.
    ///
    /// Two spellings of the same arguments have one key, because arguments are read before they are
    /// written here: members in the order of the type, defaults filled in.
    fn of(server_type: &str, tool: &str, arguments: &impl Serialize) -> Option<Self> {
        let mut key = Vec::with_capacity(256);
        for part in [server_type, tool] {
            key.extend_from_slice(part.as_bytes());
            key.push(b':');
        }
        serde_json::to_writer(&mut key, arguments).ok()?;
        (key.len() <= MAX_KEY_BYTES).then(|| Self(key.into()))
    }
}

impl Cache {
    /// A cache in this process.
    #[must_use]
    pub fn in_memory(options: &CacheOptions) -> Self {
        let memory = CacheBuilder::new(options.capacity).time_to_live(options.ttl);
        Self::over(Backend::Memory(memory.build()), options)
    }

    /// A cache in the Redis at `url`. While that is unreachable, each call computes its own result,
    /// and the log says so once.
    ///
    /// # Errors
    /// When `url` is not one of a Redis, or this build leaves Redis out.
    #[cfg(feature = "redis")]
    pub async fn in_redis(url: &str, options: &CacheOptions) -> Result<Self, CacheError> {
        let redis = Redis::open(url, options.ttl).await?;
        Ok(Self::over(Backend::Redis(Box::new(redis)), options))
    }

    /// Refuses: this build leaves Redis out.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "redis"))]
    #[expect(clippy::unused_async, reason = "with the feature `redis` it connects")]
    pub async fn in_redis(_: &str, _: &CacheOptions) -> Result<Self, CacheError> {
        Err(CacheError::MissingFeature)
    }

    fn over(backend: Backend, options: &CacheOptions) -> Self {
        Self(Arc::new(Inner {
            server_type: options.server_type,
            backend,
            in_flight: SingleFlight::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }))
    }

    /// The result of `tool` for `arguments`: a cached one, or what `work` makes, for this caller
    /// and for all that ask the same meanwhile.
    ///
    /// # Errors
    /// When `work` ends with a JSON-RPC error.
    pub async fn get<A, R, F>(
        &self,
        tool: &str,
        arguments: A,
        work: impl FnOnce(A) -> F,
    ) -> SharedResult
    where
        A: Serialize,
        R: FastResult + Cacheable + Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let Some(key) = Key::of(self.0.server_type, tool, &arguments) else {
            return SerializedResult::of(work(arguments).await);
        };
        if let Some(result) = self.0.in_memory(&key) {
            return Ok(result);
        }
        let joined = self.0.in_flight.join(
            &key,
            // Work that was in flight at the first look may have ended and cached its result since.
            || self.0.in_memory(&key),
            |generation| {
                self.0
                    .clone()
                    .fill(key.clone(), generation, work(arguments))
            },
        );
        match joined {
            Joined::Cached(result) => Ok(result),
            Joined::InFlight(work) => shared(work).await,
        }
    }

    /// Removes the cached result of `tool` for `arguments`, and keeps work in flight from caching
    /// an old one.
    #[cfg_attr(
        not(feature = "redis"),
        expect(
            clippy::unused_async,
            reason = "with the feature `redis` it waits for Redis"
        )
    )]
    pub async fn forget(&self, tool: &str, arguments: &impl Serialize) {
        let Some(key) = Key::of(self.0.server_type, tool, arguments) else {
            return;
        };
        self.0.in_flight.cut_off(&key);
        match &self.0.backend {
            Backend::Memory(memory) => memory.invalidate(&key),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.remove(&key).await,
        }
    }

    /// Calls that were answered with a cached result, and those that had to work. A caller that
    /// waited for another caller's work is neither.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (of(&self.0.hits), of(&self.0.misses))
    }
}

impl Inner {
    /// The result under `key`, if the cache is in this process and has one.
    fn in_memory(&self, key: &Key) -> Option<SerializedResult> {
        match &self.backend {
            Backend::Memory(memory) => self.counted(memory.get(key)),
            #[cfg(feature = "redis")]
            Backend::Redis(_) => None,
        }
    }

    fn counted(&self, found: Option<SerializedResult>) -> Option<SerializedResult> {
        if found.is_some() {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// Looks into Redis, then works, then caches the result. Runs once for all callers that wait
    /// for it.
    async fn fill<R: FastResult + Cacheable + Send + 'static>(
        self: Arc<Self>,
        key: Key,
        generation: Generation,
        work: impl Future<Output = R>,
    ) -> SharedResult {
        let guard = self.in_flight.guard(&key, generation);
        #[cfg(feature = "redis")]
        if let Backend::Redis(redis) = &self.backend
            && let Some(result) = self.counted(redis.get(&key).await)
        {
            return Ok(result);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let result = work.await;
        let is_cacheable = result.is_cacheable();
        let result = SerializedResult::of(result)?;
        if !is_cacheable || result.is_error() || result.json().len() > MAX_RESULT_BYTES {
            return Ok(result);
        }
        match &self.backend {
            Backend::Memory(memory) => {
                guard.if_current(|| memory.insert(key.clone(), result.clone()));
            }
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => {
                if guard.if_current(|| ()).is_some() {
                    redis.set(&key, &result).await;
                }
                if guard.if_current(|| ()).is_none() {
                    // It was forgotten while it was on its way there.
                    redis.remove(&key).await;
                }
            }
        }
        Ok(result)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0.backend {
            Backend::Memory(_) => "Cache in memory",
            #[cfg(feature = "redis")]
            Backend::Redis(_) => "Cache in Redis",
        })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_tells_servers_tools_and_arguments_apart() {
        let key =
            |server, tool, user: &str| Key::of(server, tool, &json!({"user_id": user})).unwrap();
        let one = key("a", "get_user_cart", "user-00042");
        assert_eq!(one, key("a", "get_user_cart", "user-00042"));
        assert_ne!(one, key("b", "get_user_cart", "user-00042"));
        assert_ne!(one, key("a", "search_products", "user-00042"));
        assert_ne!(one, key("a", "get_user_cart", "user-00043"));
        // No argument can write itself into another's place.
        assert_ne!(
            key("a", "get_user_cart", "x\",\"y\":\"z"),
            Key::of("a", "get_user_cart", &json!({"user_id": "x", "y": "z"})).unwrap()
        );
    }

    #[test]
    fn what_is_too_long_has_no_key() {
        let long = "x".repeat(MAX_KEY_BYTES);
        assert_eq!(Key::of("a", "fetch_external_data", &long), None);
        assert!(Key::of("a", "fetch_external_data", &&long[..2_048]).is_some());
    }
}
