//! Opens `SQLite` files: folders, journal mode and tables.
//!
//! A file is in WAL mode, so that readers do not wait for a writer. One connection creates the
//! tables and the content; calls use pools. A connection lives as long as its pool: a file on this
//! machine does not go away.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteError, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{Place, Step, StorageError, StorageUrl};

/// How long a connection waits for another process's lock while a file is opened. Seeding holds it
/// for at most a second; the rest is for slow disks.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the change to WAL mode is tried; [`enter_wal`] says why.
const WAL_ATTEMPTS: usize = 50;

/// Begins a transaction that will write. It asks for the lock first and so waits for it; a
/// transaction that only later turns out to write is refused at once when another connection wrote
/// in between.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";

/// A file, or a database in memory.
pub(crate) struct SqliteFile {
    place: Place,
    in_memory: bool,
    options: SqliteConnectOptions,
}

/// Keeps a database in memory alive: it ends with its last connection. A file needs no keeper.
#[derive(Clone, Debug)]
pub(crate) struct Keeper(Arc<Mutex<Option<SqliteConnection>>>);

impl SqliteFile {
    /// The file at `url`, whose folders exist afterwards.
    pub(crate) fn at(url: &StorageUrl) -> Result<Self, StorageError> {
        let options = SqliteConnectOptions::from_str(&url.full)
            .map_err(|error| StorageError::InvalidUrl(url.place.clone(), error.to_string()))?
            .create_if_missing(true)
            .busy_timeout(BUSY_TIMEOUT)
            // A crash of the machine may lose the last transactions, and never a part of one.
            .synchronous(SqliteSynchronous::Normal)
            .disable_statement_logging();
        if let Some(folder) = options.get_filename().parent() {
            std::fs::create_dir_all(folder).map_err(|source| {
                StorageError::Folder(url.place.clone(), folder.to_owned(), source)
            })?;
        }
        Ok(Self {
            place: url.place.clone(),
            in_memory: url.is_in_memory(),
            options,
        })
    }

    /// The options of connections that serve calls.
    pub(crate) fn options(&self) -> SqliteConnectOptions {
        self.options.clone()
    }

    /// A connection that may write, on a file that has the tables of `schema`. Several processes
    /// may create the same file at once.
    pub(crate) async fn create(
        &self,
        schema: &'static str,
    ) -> Result<SqliteConnection, StorageError> {
        let failed = self.place.failed(Step::Open);
        let mut writer = self.options.connect().await.map_err(&failed)?;
        enter_wal(&mut writer).await.map_err(&failed)?;
        let mut locked = writer.begin_with(BEGIN).await.map_err(&failed)?;
        let created = sqlx::raw_sql(schema).execute(&mut *locked).await;
        created.map_err(self.place.failed(Step::Schema))?;
        locked.commit().await.map_err(&failed)?;
        Ok(writer)
    }

    /// Keeps `writer` for a database in memory, and closes it for a file. Call this after other
    /// connections are open: the last one that leaves a file removes its write-ahead log.
    pub(crate) async fn keep(&self, writer: SqliteConnection) -> Keeper {
        let keeper = Keeper(Arc::new(Mutex::new(Some(writer))));
        if !self.in_memory {
            keeper.close().await;
        }
        keeper
    }
}

impl Keeper {
    /// Closes the connection. A failure goes to the log, because no caller can act on it.
    pub(crate) async fn close(&self) {
        if let Some(connection) = self.0.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

/// Turns on the write-ahead log (a database in memory keeps its own journal mode). The change needs
/// the file to itself and, in spite of the busy timeout, does not wait for it; taking the write
/// lock does wait, so each attempt does that first.
async fn enter_wal(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut attempt = 1;
    loop {
        let change = async {
            connection.begin_with(BEGIN).await?.rollback().await?;
            sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
                .fetch_one(&mut *connection)
                .await
        };
        match change.await {
            Ok(_) => return Ok(()),
            Err(error) if is_locked(&error) && attempt < WAL_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Copies the write-ahead log into the file, so that readers find a whole file instead of a long
/// log. A reader that is in the way is no error: `SQLite` then does it later.
pub(crate) async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
    checkpoint.execute(connection).await.map(|_| ())
}

/// Whether another connection held the lock: `SQLITE_BUSY` or `SQLITE_LOCKED`, the low byte of an
/// extended result code (<https://www.sqlite.org/rescode.html>).
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<SqliteError>())
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}
