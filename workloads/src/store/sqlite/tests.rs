//! What cannot be seen from outside: the queries' plans, and the pool's state.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;
use transports::runtime::{Handle, Tokio};

use super::*;
use crate::pool::PoolOptions;

async fn open(folder: &TempDir) -> Sqlite {
    let file = folder.path().join("deep").join("er").join("store.db");
    let options = StoreOptions {
        url: format!("sqlite:{}", file.display()),
        pool: PoolOptions {
            timeout: Duration::from_millis(300),
            ..PoolOptions::of(1)
        },
        runtime: Handle::new(Tokio),
    };
    Sqlite::open(&options).await.unwrap()
}

#[tokio::test]
async fn every_query_has_its_index_and_sorts_nothing() {
    let folder = TempDir::new().unwrap();
    let sqlite = open(&folder).await;
    let mut lent = sqlite.connections.reader().await.unwrap();
    for (query, plan) in [
        (FIND_CART, "SEARCH carts USING PRIMARY KEY (user_id=?)"),
        (
            FIND_ORDERS,
            "SEARCH orders USING INDEX orders_by_user (user_id=?)",
        ),
        (
            FIND_POPULAR,
            "SCAN popularity USING COVERING INDEX popularity_by_score",
        ),
    ] {
        let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")))
            .fetch_all(lent.connection())
            .await
            .unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        assert_eq!(steps, [plan]);
    }
}

#[tokio::test]
async fn readers_cannot_write() {
    let folder = TempDir::new().unwrap();
    let sqlite = open(&folder).await;
    let mut lent = sqlite.connections.reader().await.unwrap();
    let refused = sqlx::query("DELETE FROM carts")
        .execute(lent.connection())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
}

#[tokio::test]
async fn an_exhausted_pool_says_so_and_recovers() {
    let folder = TempDir::new().unwrap();
    let sqlite = open(&folder).await;
    let held = sqlite.connections.reader().await.unwrap();
    let refused = sqlite.cart("user-00042").await.unwrap_err();
    assert!(
        matches!(refused, StoreError::PoolExhausted { .. }),
        "{refused}"
    );
    let message = refused.to_string();
    for part in ["0.3 s", "size: 1", "--store-pool", "store.db"] {
        assert!(message.contains(part), "{message}");
    }
    held.give_back().await;
    assert!(sqlite.cart("user-00042").await.unwrap().is_some());
}
