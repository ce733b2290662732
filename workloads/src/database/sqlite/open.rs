//! From a URL to a connection that may write: folders, journal mode, schema.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous},
};

use crate::database::{DatabaseError, Step, url::DatabaseUrl};

/// How long a connection waits for another process's lock. A chunk of seeding holds it for about a
/// tenth of a second; the rest is for slow disks.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How often the change to WAL mode is tried. See [`enter_wal`].
const WAL_ATTEMPTS: usize = 50;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// What `BEGIN` must say where a transaction will write: to ask for the lock first, so that it waits
/// for it; a transaction that only later turns out to write is refused at once when somebody else
/// has written meanwhile.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";

/// What every connection to `url` shares. The folders of the file exist afterwards.
pub(super) fn connect_options(url: &DatabaseUrl) -> Result<SqliteConnectOptions, DatabaseError> {
    let options = SqliteConnectOptions::from_str(&url.full)
        .map_err(|source| DatabaseError::InvalidUrl {
            url: url.shown.clone(),
            source,
        })?
        .create_if_missing(true)
        .busy_timeout(BUSY_TIMEOUT)
        // What a crash may lose can be seeded again; in WAL mode the file stays sound.
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging();
    if let Some(folder) = options.get_filename().parent() {
        std::fs::create_dir_all(folder).map_err(|source| DatabaseError::Folder {
            url: url.shown.clone(),
            folder: folder.to_owned(),
            source,
        })?;
    }
    Ok(options)
}

/// The connection that migrates and seeds, on a database whose schema is current.
pub(super) async fn writer(
    url: &DatabaseUrl,
    options: &SqliteConnectOptions,
) -> Result<SqliteConnection, DatabaseError> {
    let failed = |source| DatabaseError::Open {
        url: url.shown.clone(),
        step: Step::Open,
        source,
    };
    let mut writer = options.connect().await.map_err(failed)?;
    enter_wal(&mut writer).await.map_err(failed)?;
    // sqlx locks nothing for SQLite's migrations: without this, two first starts at once would both
    // create the tables. (`run`, over sqlx's `Acquire`, makes a future that is not provably `Send`
    // in a caller that is generic itself; `run_direct` is what it calls.)
    let mut locked = writer.begin_with(BEGIN).await.map_err(failed)?;
    MIGRATIONS
        .run_direct(None, &mut *locked, false)
        .await
        .map_err(|source| DatabaseError::Migrate {
            url: url.shown.clone(),
            source,
        })?;
    locked.commit().await.map_err(failed)?;
    Ok(writer)
}

/// Closes `connection`; what fails on the way is said in the log, since nobody can act on it.
pub(crate) async fn close(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

/// Turns on the write-ahead log (a database in memory keeps its own journal mode). The change needs
/// the file to itself and does not wait for it, busy timeout or not; taking the write lock does
/// wait. So each attempt waits there first.
pub(crate) async fn enter_wal(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut attempt = 1;
    loop {
        let lock = async {
            connection.begin_with(BEGIN).await?.rollback().await?;
            sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL")
                .fetch_one(&mut *connection)
                .await
        };
        match lock.await {
            Ok(_) => return Ok(()),
            Err(error) if is_locked(&error) && attempt < WAL_ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Whether another connection was in the way: `SQLITE_BUSY` or `SQLITE_LOCKED`, the low byte of an
/// extended result code (<https://www.sqlite.org/rescode.html>).
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}
