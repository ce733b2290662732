//! What cannot be seen from outside: the query's plan, and the pool's state.

use std::time::Duration;

use sqlx::{ConnectOptions, Row};
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

async fn open(options: &DatabaseOptions) -> Result<Sqlite, DatabaseError> {
    Sqlite::open(&DatabaseUrl::parse(&options.url)?, options).await
}

fn electronics() -> ProductFilter {
    ProductFilter {
        category: "Electronics",
        price: PriceRange::new(50.0, 500.0).unwrap(),
        limit: 10,
    }
}

#[tokio::test]
async fn the_plan_uses_the_index_and_sorts_nothing() {
    let folder = TempDir::new().unwrap();
    let sqlite = open(&options(&folder)).await.unwrap();
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {FIND_PRODUCTS}"));
    let plan: Vec<String> = sqlx::query(explain)
        .bind("Electronics")
        .bind(5_000)
        .bind(50_000)
        .bind(10)
        .fetch_all(&sqlite.readers)
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
    let sqlite = open(&options(&folder)).await.unwrap();
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&sqlite.readers)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
    let refused = sqlx::query("DELETE FROM products")
        .execute(&sqlite.readers)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn an_exhausted_pool_says_so_and_recovers() {
    let folder = TempDir::new().unwrap();
    let sqlite = open(&options(&folder)).await.unwrap();
    let held = sqlite.readers.acquire().await.unwrap();
    let refused = sqlite.find_products(&electronics()).await.unwrap_err();
    assert!(
        matches!(refused, DatabaseError::PoolExhausted { .. }),
        "{refused}"
    );
    let message = refused.to_string();
    for part in ["0.5 s", "the pool has 1", "--database-pool", "products.db"] {
        assert!(message.contains(part), "{message}");
    }
    drop(held);
    let found = sqlite.find_products(&electronics()).await.unwrap();
    assert_eq!(found.total_found, 2_251);
}

#[tokio::test]
async fn without_a_pool_nothing_is_kept_and_every_call_opens_its_own() {
    let folder = TempDir::new().unwrap();
    let mut options = options(&folder);
    options.pool.size = PoolSize::Off;
    let sqlite = open(&options).await.unwrap();
    for _ in 0..3 {
        let found = sqlite.find_products(&electronics()).await.unwrap();
        assert_eq!(found.total_found, 2_251);
        while sqlite.readers.size() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn idle_connections_may_be_closed() {
    let folder = TempDir::new().unwrap();
    let mut options = options(&folder);
    options.pool.idle_timeout = Some(Duration::from_millis(50));
    let sqlite = open(&options).await.unwrap();
    while sqlite.readers.size() > 0 {
        tokio::task::yield_now().await;
    }
    let found = sqlite.find_products(&electronics()).await.unwrap();
    assert_eq!(found.total_found, 2_251);
}

#[tokio::test]
async fn a_table_that_seeding_never_leaves_is_refused() {
    let folder = TempDir::new().unwrap();
    let options = options(&folder);
    open(&options).await.unwrap().close().await;
    let url = DatabaseUrl::parse(&options.url).unwrap();
    let mut writer = open::connect_options(&url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    sqlx::query("DELETE FROM products WHERE id = 5")
        .execute(&mut writer)
        .await
        .unwrap();
    let refused = open(&options).await.unwrap_err().to_string();
    for part in ["99999 products", "up to 100000", "delete it"] {
        assert!(refused.contains(part), "{refused}");
    }
}

#[tokio::test]
async fn a_seeding_that_stopped_in_the_middle_of_a_tenth_is_completed() {
    let folder = TempDir::new().unwrap();
    let options = options(&folder);
    open(&options).await.unwrap().close().await;
    let url = DatabaseUrl::parse(&options.url).unwrap();
    let mut writer = open::connect_options(&url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    sqlx::query("DELETE FROM products WHERE id > 12345")
        .execute(&mut writer)
        .await
        .unwrap();
    let sqlite = open(&options).await.unwrap();
    let found = sqlite.find_products(&electronics()).await.unwrap();
    assert_eq!(found.total_found, 2_251);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM products")
        .fetch_one(&sqlite.readers)
        .await
        .unwrap();
    assert_eq!(count, 100_000);
}
