//! Connections to Redis: a pool that lends each to one call at a time, or, with `off`, one for each
//! call.
//!
//! The driver's connections can be shared by calls, and a pool of those would never run out. This
//! one does not share them: what the size of a pool costs and brings is one of the questions here.
//!
//! The driver reads all the time and RESP3 reports a disconnection, so a connection whose other end
//! has gone is known at once: no call gets one that died while it was idle.

use std::{
    convert::Infallible,
    fmt,
    pin::pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{
    Manager, Metrics, Object, Pool as Deadpool, PoolError, QueueMode, RecycleError, RecycleResult,
};
use futures::future::{Either, select};
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo as _, ProtocolVersion, PushInfo, PushKind,
    RedisError, aio::MultiplexedConnection,
};
use transports::{metrics::PoolUse, runtime::Handle};

use crate::{
    pool::{MAX_CONNECTIONS, PoolOptions, PoolSize, Waits},
    storage::{Place, StorageError, StorageUrl},
    store::{ANSWER_LIMIT, StoreOptions},
};

/// The share of a call's wait for a connection that the opening of one may take.
const OPEN_SHARE: f64 = 0.9;

/// The connections of one store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    connections: Deadpool<Connector>,
    options: PoolOptions,
    runtime: Handle,
    place: Place,
    waits: Waits,
}

/// Opens connections, and checks those that were idle.
struct Connector {
    client: Client,
    idle_timeout: Option<Duration>,
    runtime: Handle,
    /// How long Redis may take to answer a new connection: less than a call waits for one, so that
    /// the call can say what is wrong.
    limit: Duration,
    /// Whether it took longer the last time.
    is_silent: AtomicBool,
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Refused(#[from] RedisError),
    #[error("it did not answer")]
    Silent,
}

/// A connection, and whether its other end has gone.
struct Connection {
    connection: MultiplexedConnection,
    is_gone: Arc<AtomicBool>,
}

/// A connection for one call. When it is dropped, it is closed.
pub(super) struct Lent {
    object: Option<Object<Connector>>,
    /// Whether the pool keeps connections.
    is_kept: bool,
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut MultiplexedConnection {
        match &mut self.object {
            Some(object) => &mut object.connection,
            None => unreachable!("only `drop` and `give_back` take the connection"),
        }
    }

    /// Keeps the connection for the next call, if the pool keeps any.
    pub(super) fn give_back(mut self) {
        if self.is_kept {
            self.object = None;
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = OpenError;

    async fn create(&self) -> Result<Connection, OpenError> {
        let is_gone = Arc::new(AtomicBool::new(false));
        let told = is_gone.clone();
        // The caller keeps the time limits, on the runtime that it runs on.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    told.store(true, Ordering::Relaxed);
                }
                Ok::<(), Infallible>(())
            });
        let opening = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        // Boxed, because the driver's large future would grow every call.
        let opened = within(&self.runtime, self.limit, Box::pin(opening)).await;
        self.is_silent.store(opened.is_none(), Ordering::Relaxed);
        Ok(Connection {
            connection: opened.ok_or(OpenError::Silent)??,
            is_gone,
        })
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<OpenError> {
        if connection.is_gone.load(Ordering::Relaxed) {
            return Err(RecycleError::message("the connection was closed"));
        }
        if self
            .idle_timeout
            .is_some_and(|limit| metrics.last_used() >= limit)
        {
            return Err(RecycleError::message(
                "the connection was idle for too long",
            ));
        }
        Ok(())
    }
}

impl Pool {
    /// A pool that has no connection yet.
    pub(super) fn new(url: &StorageUrl, options: &StoreOptions) -> Result<Self, StorageError> {
        let invalid = |reason: String| StorageError::InvalidUrl(url.place.clone(), reason);
        let client = client(&url.full).map_err(|error| invalid(error.to_string()))?;
        let size = match options.pool.size {
            PoolSize::Off => MAX_CONNECTIONS,
            PoolSize::Of(size) => size.get(),
        };
        let connector = Connector {
            client,
            idle_timeout: options.pool.idle_timeout,
            runtime: options.runtime.clone(),
            limit: ANSWER_LIMIT.min(options.pool.timeout.mul_f64(OPEN_SHARE)),
            is_silent: AtomicBool::new(false),
        };
        let connections = Deadpool::builder(connector)
            .max_size(size as usize)
            // The connection that was used last, so that those which are not needed grow old.
            .queue_mode(QueueMode::Lifo)
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        let pool = Arc::new(Inner {
            connections,
            options: options.pool,
            runtime: options.runtime.clone(),
            place: url.place.clone(),
            waits: Waits::default(),
        });
        if let Some(limit) = options.pool.idle_timeout {
            let sweep = sweep(Arc::downgrade(&pool), options.runtime.clone(), limit);
            options.runtime.spawn(Box::pin(sweep));
        }
        Ok(Self(pool))
    }

    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// How the connections are used at this moment.
    pub(super) fn usage(&self) -> PoolUse {
        let Inner {
            connections, waits, ..
        } = &*self.0;
        let status = connections.status();
        waits.pool_use(
            status.max_size as u64,
            status.size as u64,
            status.available as u64,
        )
    }

    /// Lends a connection, within the pool's timeout. Callers that wait are served in their order.
    pub(super) async fn take(&self) -> Result<Lent, StorageError> {
        let Inner {
            connections,
            options,
            place,
            waits,
            ..
        } = &*self.0;
        let taking = self.within(options.timeout, connections.get());
        let lending = waits.take(taking).await;
        let unreachable = |reason: String| StorageError::Unreachable(place.clone(), reason);
        let Connector {
            limit, is_silent, ..
        } = connections.manager();
        let silent = || StorageError::Silent(place.clone(), *limit);
        match lending {
            Some(Ok(object)) => Ok(Lent {
                object: Some(object),
                is_kept: options.size != PoolSize::Off,
            }),
            Some(Err(PoolError::Backend(OpenError::Refused(error)))) => {
                Err(unreachable(error.to_string()))
            }
            Some(Err(PoolError::Backend(OpenError::Silent))) => Err(silent()),
            Some(Err(PoolError::Closed)) => Err(unreachable("it was closed".to_owned())),
            Some(Err(error)) => Err(unreachable(error.to_string())),
            // Those in front of this call wait for a Redis that does not answer them either.
            None if is_silent.load(Ordering::Relaxed) => Err(silent()),
            None => Err(StorageError::exhausted(place, options)),
        }
    }

    /// The output of `future`, unless it takes longer than `limit`.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        within(&self.0.runtime, limit, future).await
    }

    /// Closes the idle connections; those that are lent, when they come back.
    pub(super) fn close(&self) {
        self.0.connections.close();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Pool")
            .field("place", &self.0.place)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

/// The output of `future`, unless it takes longer than `limit`. A future that is ready at once needs
/// no timer.
async fn within<T>(
    runtime: &Handle,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let timer = pin!(async { runtime.sleep(limit).await });
    match select(pin!(future), timer).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// A client of the Redis at `url`, without a connection yet. It speaks RESP3, in which Redis also
/// reports events.
///
/// # Errors
/// When `url` is not one of a Redis.
pub fn client(url: &str) -> Result<Client, RedisError> {
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
async fn sweep(pool: Weak<Inner>, runtime: Handle, limit: Duration) {
    loop {
        runtime.sleep(limit / 2).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.connections
            .retain(|_, metrics| metrics.last_used() < limit);
    }
}
