//! Where a call gets its connection from, and what becomes of it afterwards.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Sqlite, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};
use tokio::sync::Mutex;
use transports::runtime::Handle;

use crate::{
    database::sqlite::open::close,
    pool::PoolOptions,
    store::{StoreError, within},
};

/// The connections of one store.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) source: Source,
    /// A store in memory lives while somebody is connected to it.
    pub(super) keeper: Mutex<Option<SqliteConnection>>,
    /// For people: the store.
    pub(super) shown: String,
    pub(super) pool: PoolOptions,
    pub(super) runtime: Handle,
}

/// Where connections come from.
#[derive(Debug)]
pub(super) enum Source {
    /// From pools: one connection writes.
    Pools {
        readers: SqlitePool,
        writer: SqlitePool,
    },
    /// Each call opens its own.
    Opened(Box<SqliteConnectOptions>),
}

/// A connection for one call.
pub(super) enum Lent {
    Pooled(PoolConnection<Sqlite>),
    Own(Box<SqliteConnection>),
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        match self {
            Self::Pooled(connection) => connection,
            Self::Own(connection) => connection,
        }
    }

    /// To its pool, which takes it back by itself, or closed. A call that is cancelled leaves the closing to the
    /// connection's own thread.
    pub(super) async fn give_back(self) {
        if let Self::Own(connection) = self {
            close(*connection).await;
        }
    }
}

impl Connections {
    pub(super) fn url(&self) -> &str {
        &self.shown
    }

    /// How long a call waits for a connection, and for the file's lock.
    pub(super) fn timeout(&self) -> Duration {
        self.pool.timeout
    }

    pub(super) async fn reader(&self) -> Result<Lent, StoreError> {
        match &self.source {
            Source::Pools { readers, .. } => self.pooled(readers).await,
            Source::Opened(options) => self.opened(options).await,
        }
    }

    pub(super) async fn writer(&self) -> Result<Lent, StoreError> {
        match &self.source {
            Source::Pools { writer, .. } => self.pooled(writer).await,
            Source::Opened(options) => self.opened(options).await,
        }
    }

    pub(super) async fn close(&self) {
        if let Source::Pools { readers, writer } = &self.source {
            readers.close().await;
            // Last: whoever leaves a file last takes its write-ahead log away, and a reader may not.
            writer.close().await;
        }
        if let Some(keeper) = self.keeper.lock().await.take() {
            close(keeper).await;
        }
    }

    async fn pooled(&self, pool: &SqlitePool) -> Result<Lent, StoreError> {
        match pool.acquire().await {
            Ok(connection) => Ok(Lent::Pooled(connection)),
            Err(sqlx::Error::PoolTimedOut) => Err(self.exhausted()),
            Err(source) => Err(self.query_error(source)),
        }
    }

    async fn opened(&self, options: &SqliteConnectOptions) -> Result<Lent, StoreError> {
        match within(&self.runtime, self.pool.timeout, options.connect()).await {
            Some(Ok(connection)) => Ok(Lent::Own(Box::new(connection))),
            Some(Err(source)) => Err(self.query_error(source)),
            None => Err(self.exhausted()),
        }
    }

    fn exhausted(&self) -> StoreError {
        StoreError::PoolExhausted {
            url: self.shown.clone(),
            size: self.pool.size,
            timeout: self.pool.timeout,
        }
    }

    fn query_error(&self, source: sqlx::Error) -> StoreError {
        StoreError::Query {
            url: self.shown.clone(),
            source,
        }
    }
}
