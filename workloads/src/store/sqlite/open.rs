//! From a URL to connections: folders, journal mode, schema, content.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Mutex;

use super::{
    lent::{Connections, Source},
    seed,
};
use crate::{
    database::{
        sqlite::open::{BEGIN, close, enter_wal},
        url::redact,
    },
    pool::{PoolOptions, PoolSize},
    store::{Progress, Step, StoreError, StoreOptions},
};

/// How long an opening waits for another process that seeds the same file, which is one transaction of
/// about a second; the rest is for slow disks.
const SEEDING_TIMEOUT: Duration = Duration::from_secs(30);

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/store");

/// Opens the store that `options` name, filled.
pub(super) async fn open(options: &StoreOptions) -> Result<Connections, StoreError> {
    let shown = redact(&options.url);
    let in_memory = is_in_memory(&options.url);
    if in_memory && options.pool.size == PoolSize::Off {
        return Err(StoreError::InMemoryWithoutPool { url: shown });
    }
    let connect = connect_options(&options.url, &shown)?;
    let writer = filled(&connect, &shown).await?;
    let serving = connect.busy_timeout(options.pool.timeout);
    let source = match options.pool.size {
        PoolSize::Off => Source::Opened(Box::new(serving)),
        PoolSize::Of(_) if in_memory => {
            let only = pool(1, &options.pool).connect_lazy_with(serving);
            Source::Pools {
                readers: only.clone(),
                writer: only,
            }
        }
        PoolSize::Of(size) => Source::Pools {
            readers: pool(size.get(), &options.pool)
                .connect_lazy_with(serving.clone().pragma("query_only", "ON")),
            writer: pool(1, &options.pool).connect_lazy_with(serving),
        },
    };
    let keeper = if in_memory {
        Some(writer)
    } else {
        close(writer).await;
        None
    };
    Ok(Connections {
        source,
        keeper: Mutex::new(keeper),
        shown,
        pool: options.pool,
        runtime: options.runtime.clone(),
    })
}

/// Whether the store is gone when the last connection is. In doubt it is.
fn is_in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

/// What every connection shares. The folders of the file exist afterwards.
fn connect_options(url: &str, shown: &str) -> Result<SqliteConnectOptions, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|source| StoreError::InvalidUrl {
            url: shown.to_owned(),
            reason: source.to_string(),
        })?
        .create_if_missing(true)
        .busy_timeout(SEEDING_TIMEOUT)
        // A crash of the machine may lose the last orders, and never a part of one.
        .synchronous(SqliteSynchronous::Normal)
        .disable_statement_logging();
    if let Some(folder) = options.get_filename().parent() {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::Folder {
            url: shown.to_owned(),
            folder: folder.to_owned(),
            source,
        })?;
    }
    Ok(options)
}

/// A connection to a file whose schema is current and whose content is there.
async fn filled(
    options: &SqliteConnectOptions,
    shown: &str,
) -> Result<SqliteConnection, StoreError> {
    let failed = |step| {
        move |source| StoreError::Open {
            url: shown.to_owned(),
            step,
            source,
        }
    };
    let mut writer = options.connect().await.map_err(failed(Step::Open))?;
    enter_wal(&mut writer).await.map_err(failed(Step::Open))?;
    // The lock and `run_direct` are explained where the product database does the same.
    let mut locked = writer.begin_with(BEGIN).await.map_err(failed(Step::Open))?;
    MIGRATIONS
        .run_direct(None, &mut *locked, false)
        .await
        .map_err(|source| StoreError::Migrate {
            url: shown.to_owned(),
            source,
        })?;
    locked.commit().await.map_err(failed(Step::Open))?;
    let mut log = |progress: Progress| {
        if progress.done == progress.total {
            tracing::info!(
                store = shown,
                records = progress.total,
                "seeded {}",
                progress.what
            );
        }
    };
    seed::seed(&mut writer, false, &mut log)
        .await
        .map_err(failed(Step::Seed))?;
    Ok(writer)
}

fn pool(size: u32, options: &PoolOptions) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(options.timeout)
        .idle_timeout(options.idle_timeout)
        .max_lifetime(None)
        .test_before_acquire(false)
}
