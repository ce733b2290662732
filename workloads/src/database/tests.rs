//! What only this module can see: the query's plan, and the state of the pool of `SQLite` readers.

use std::time::Duration;

use sqlx::Row as _;
use tempfile::TempDir;

use super::*;
use crate::{catalog::PriceRange, pool::PoolSize};

fn options(folder: &TempDir) -> DatabaseOptions {
    let file = folder.path().join("deep").join("er").join("products.db");
    DatabaseOptions {
        pool: PoolOptions {
            timeout: Duration::from_millis(500),
            ..PoolOptions::of(1)
        },
        ..DatabaseOptions::new(format!("sqlite:{}", file.display()))
    }
}

async fn open(options: &DatabaseOptions) -> (Database, SqlitePool) {
    let database = Database::open(options).await.unwrap();
    let readers = match &database.engine {
        Engine::Sqlite { readers, .. } => readers.clone(),
        #[cfg(feature = "postgres")]
        Engine::Postgres(_) => unreachable!("the URL is SQLite's"),
    };
    (database, readers)
}

async fn assert_answers(database: &Database) {
    let electronics = ProductFilter {
        category: "Electronics",
        price: PriceRange::new(50.0, 500.0).unwrap(),
        limit: 10,
    };
    let found = database.find_products(&electronics).await.unwrap();
    assert_eq!(found.total_found, 2_251);
}

#[tokio::test]
async fn the_plan_uses_the_index_and_sorts_nothing() {
    let folder = TempDir::new().unwrap();
    let (_database, readers) = open(&options(&folder)).await;
    let find_products = products::FIND_PRODUCTS;
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {find_products}"));
    let plan: Vec<String> = sqlx::query(explain)
        .bind("Electronics")
        .bind(5_000)
        .bind(50_000)
        .bind(10)
        .fetch_all(&readers)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get("detail"))
        .collect();
    let condition =
        "products_by_category_and_price (category=? AND price_cents>? AND price_cents<?)";
    assert_eq!(
        plan,
        [
            format!("SEARCH products USING INDEX {condition}"),
            "SCALAR SUBQUERY 1".to_owned(),
            format!("SEARCH products USING COVERING INDEX {condition}"),
        ]
    );
}

#[tokio::test]
async fn the_file_is_in_wal_mode_and_readers_cannot_write() {
    let folder = TempDir::new().unwrap();
    let (_database, readers) = open(&options(&folder)).await;
    let mode = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&readers);
    let mode: String = mode.await.unwrap();
    assert_eq!(mode, "wal");
    let delete = sqlx::query("DELETE FROM products").execute(&readers);
    let refused = delete.await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn an_exhausted_pool_says_so_and_recovers() {
    let folder = TempDir::new().unwrap();
    let (database, readers) = open(&options(&folder)).await;
    let held = readers.acquire().await.unwrap();
    let filter = ProductFilter {
        category: "Books",
        price: PriceRange::new(0.0, 1.0).unwrap(),
        limit: 1,
    };
    let refused = database.find_products(&filter).await.unwrap_err();
    assert!(
        matches!(refused, StorageError::PoolExhausted { .. }),
        "{refused}"
    );
    let message = refused.to_string();
    for part in ["0.5 s", "the pool has 1", "--database-pool", "products.db"] {
        assert!(message.contains(part), "{message}");
    }
    drop(held);
    assert_answers(&database).await;
}

#[tokio::test]
async fn without_a_pool_every_call_opens_its_own_connection() {
    let folder = TempDir::new().unwrap();
    let mut options = options(&folder);
    options.pool.size = PoolSize::Off;
    let (database, readers) = open(&options).await;
    for _ in 0..3 {
        assert_answers(&database).await;
        while readers.size() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn idle_connections_may_be_closed() {
    let folder = TempDir::new().unwrap();
    let mut options = options(&folder);
    options.pool.idle_timeout = Some(Duration::from_millis(50));
    let (database, readers) = open(&options).await;
    while readers.size() > 0 {
        tokio::task::yield_now().await;
    }
    assert_answers(&database).await;
}

#[tokio::test]
async fn a_file_of_an_earlier_version_opens() {
    let folder = TempDir::new().unwrap();
    let options = options(&folder);
    std::fs::create_dir_all(folder.path().join("deep").join("er")).unwrap();
    let url: sqlx::sqlite::SqliteConnectOptions = options.url.parse().unwrap();
    let mut earlier = sqlx::ConnectOptions::connect(&url.create_if_missing(true))
        .await
        .unwrap();
    // Its schema came with migrations, and without `IF NOT EXISTS`.
    let schema = SCHEMA.replace("IF NOT EXISTS ", "")
        + "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY);";
    sqlx::raw_sql(sqlx::AssertSqlSafe(schema))
        .execute(&mut earlier)
        .await
        .unwrap();
    sqlx::Connection::close(earlier).await.unwrap();
    let (database, readers) = open(&options).await;
    assert_answers(&database).await;
    let lines = sqlx::query_scalar("SELECT count(*) FROM experiment_order_lines");
    let lines: i64 = lines.fetch_one(&readers).await.unwrap();
    assert_eq!(lines, 10_000);
}
