//! Connections to Redis: so many, each lent to one call at a time, or a new one for each call.
//!
//! The driver's connections can be shared by calls, and would then never run out. They are not: what a pool's size
//! costs and brings is one of the questions here.
//!
//! A connection whose other end has gone is known at once, for its driver reads all the time: RESP3 tells us. So nobody
//! is lent one that died while it lay idle, and after a restart of Redis the first call is as good as any.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind,
    RedisError, aio::MultiplexedConnection,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use transports::runtime::Handle;

use crate::{
    database::url::redact,
    pool::{PoolOptions, PoolSize},
    store::{StoreError, StoreOptions, within},
};

/// The connections of one store.
pub(super) struct Pool {
    client: Client,
    /// As many as connections may be lent; none when each call opens its own.
    permits: Option<Arc<Semaphore>>,
    /// Those that nobody uses, the one that was used last at the end.
    idle: Mutex<Vec<Idle>>,
    is_closed: AtomicBool,
    options: PoolOptions,
    runtime: Handle,
    shown: String,
}

struct Idle {
    link: Link,
    since: Instant,
}

/// A connection, and whether its other end has gone.
struct Link {
    connection: MultiplexedConnection,
    is_gone: Arc<AtomicBool>,
}

/// A connection for one call. Dropped, it is closed.
pub(super) struct Lent {
    link: Link,
    pool: Arc<Pool>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut MultiplexedConnection {
        &mut self.link.connection
    }

    /// Keeps the connection for the next call, if there is a pool to keep it in.
    pub(super) fn give_back(self) {
        let Self { link, pool, permit } = self;
        if permit.is_some() {
            let mut idle = pool.idle();
            // Looked at under the lock, so that none is left behind by a pool that closes.
            if !pool.is_closed.load(Ordering::Relaxed) {
                idle.push(Idle {
                    link,
                    since: Instant::now(),
                });
            }
        }
        // Only now: whoever gets the permit finds the connection.
        drop(permit);
    }
}

impl Pool {
    /// A pool that has no connection yet.
    pub(super) fn new(options: &StoreOptions) -> Result<Arc<Self>, StoreError> {
        let shown = redact(&options.url);
        let client = client(&options.url).map_err(|error| StoreError::InvalidUrl {
            url: shown.clone(),
            reason: error.to_string(),
        })?;
        let pool = Arc::new(Self {
            client,
            permits: match options.pool.size {
                PoolSize::Off => None,
                PoolSize::Of(size) => Some(Arc::new(Semaphore::new(size.get() as usize))),
            },
            idle: Mutex::default(),
            is_closed: AtomicBool::new(false),
            options: options.pool,
            runtime: options.runtime.clone(),
            shown,
        });
        if let Some(limit) = options.pool.idle_timeout {
            let sweep = sweep(Arc::downgrade(&pool), options.runtime.clone(), limit);
            options.runtime.spawn(Box::pin(sweep));
        }
        Ok(pool)
    }

    pub(super) fn url(&self) -> &str {
        &self.shown
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// A connection, within the pool's timeout. Those who wait are served in their order.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lent, StoreError> {
        // Without a timer when there is nothing to wait for.
        if let Some(permits) = &self.permits
            && let Ok(permit) = permits.clone().try_acquire_owned()
        {
            return match self.take_idle() {
                Some(link) => Ok(self.lend(link, Some(permit))),
                None => self.bounded(self.open(Some(permit))).await,
            };
        }
        self.bounded(self.wait()).await
    }

    pub(super) fn close(&self) {
        if let Some(permits) = &self.permits {
            permits.close();
        }
        let mut idle = self.idle();
        self.is_closed.store(true, Ordering::Relaxed);
        idle.clear();
    }

    async fn bounded(
        &self,
        lending: impl Future<Output = Result<Lent, StoreError>>,
    ) -> Result<Lent, StoreError> {
        let lent = within(&self.runtime, self.options.timeout, lending).await;
        lent.unwrap_or_else(|| {
            Err(StoreError::PoolExhausted {
                url: self.shown.clone(),
                size: self.options.size,
                timeout: self.options.timeout,
            })
        })
    }

    async fn wait(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let permit = match &self.permits {
            None => None,
            Some(permits) => match permits.clone().acquire_owned().await {
                Ok(permit) => Some(permit),
                Err(_closed) => return Err(self.unreachable("it was closed")),
            },
        };
        if permit.is_some()
            && let Some(link) = self.take_idle()
        {
            return Ok(self.lend(link, permit));
        }
        self.open(permit).await
    }

    async fn open(
        self: &Arc<Self>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Lent, StoreError> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(self.unreachable("it was closed"));
        }
        let is_gone = Arc::new(AtomicBool::new(false));
        let told = is_gone.clone();
        // The limits of a call are kept by whoever makes it, on the runtime that it runs on.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    told.store(true, Ordering::Relaxed);
                }
                Ok::<(), std::convert::Infallible>(())
            });
        let opened = self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await;
        let connection = opened.map_err(|error| self.unreachable(&error.to_string()))?;
        let link = Link {
            connection,
            is_gone,
        };
        Ok(self.lend(link, permit))
    }

    fn lend(self: &Arc<Self>, link: Link, permit: Option<OwnedSemaphorePermit>) -> Lent {
        Lent {
            link,
            pool: self.clone(),
            permit,
        }
    }

    /// The connection that was used last, so that those which are not needed grow old.
    fn take_idle(&self) -> Option<Link> {
        let mut idle = self.idle();
        while let Some(last) = idle.pop() {
            if self.is_fresh(&last) {
                return Some(last.link);
            }
        }
        None
    }

    fn is_fresh(&self, idle: &Idle) -> bool {
        let limit = self.options.idle_timeout;
        !idle.link.is_gone.load(Ordering::Relaxed)
            && limit.is_none_or(|limit| idle.since.elapsed() < limit)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A panic cannot leave a list of connections half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreachable(&self, reason: &str) -> StoreError {
        StoreError::Unreachable {
            url: self.shown.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("url", &self.shown)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A client of the Redis at `url`, which nothing is connected to yet: RESP3, which tells of what Redis does by itself.
pub(crate) fn client(url: &str) -> Result<Client, RedisError> {
    let info = url.into_connection_info()?;
    // The driver leaves Nagle's algorithm on, which holds back the end of a long batch.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let resp3 = info
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    Client::open(info.set_redis_settings(resp3).set_tcp_settings(tcp))
}

/// Closes what has been idle for `limit`, until the pool is dropped.
async fn sweep(pool: Weak<Pool>, runtime: Handle, limit: Duration) {
    loop {
        runtime.sleep(limit / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.idle().retain(|idle| pool.is_fresh(idle));
    }
}
