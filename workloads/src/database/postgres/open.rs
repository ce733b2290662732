//! From a URL to a connection that may write, on a current schema.

use std::str::FromStr;

use sqlx::{
    ConnectOptions, Connection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgConnection},
};

use crate::database::{DatabaseError, Step, url::DatabaseUrl};

/// What `pg_stat_activity` shows these connections as, unless the URL says otherwise.
const APPLICATION_NAME: &str = "mcp-transport-lab";

/// sqlx locks the database by an advisory lock while they run, so that servers may start at once.
static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// What every connection to `url` shares.
pub(super) fn connect_options(url: &DatabaseUrl) -> Result<PgConnectOptions, DatabaseError> {
    let options =
        PgConnectOptions::from_str(&url.full).map_err(|source| DatabaseError::InvalidUrl {
            url: url.shown.clone(),
            source,
        })?;
    let options = match options.get_application_name() {
        Some(_) => options,
        None => options.application_name(APPLICATION_NAME),
    };
    // That a table is there already is no news to anybody.
    Ok(options
        .options([("client_min_messages", "warning")])
        .disable_statement_logging())
}

/// The same for connections that shall not write.
pub(super) fn reading(options: PgConnectOptions) -> PgConnectOptions {
    options.options([("default_transaction_read_only", "on")])
}

/// The connection that migrates and seeds, on a database whose schema is current.
pub(super) async fn writer(
    url: &DatabaseUrl,
    options: &PgConnectOptions,
) -> Result<PgConnection, DatabaseError> {
    let mut writer = options
        .connect()
        .await
        .map_err(|source| DatabaseError::Open {
            url: url.shown.clone(),
            step: Step::Open,
            source,
        })?;
    // Not `run`, for the reason that SQLite's `writer` gives.
    MIGRATIONS
        .run_direct(None, &mut writer, false)
        .await
        .map_err(|source| DatabaseError::Migrate {
            url: url.shown.clone(),
            source,
        })?;
    Ok(writer)
}

/// Closes `connection`; what fails on the way is said in the log, since nobody can act on it.
pub(super) async fn close(connection: PgConnection) {
    if let Err(error) = connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}
