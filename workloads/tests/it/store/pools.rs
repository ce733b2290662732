//! What the pool's options do, on engines that count connections or can be made to wait.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use redis::aio::MultiplexedConnection;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use workloads::{
    pool::{PoolOptions, PoolSize},
    storage::StorageError,
    store::{Store, StoreOptions},
};

use super::support::{Redis, USER, every_store, options, order};

const SHORT: Duration = Duration::from_millis(300);

fn with_pool(url: &str, pool: PoolOptions) -> StoreOptions {
    StoreOptions {
        pool,
        ..options(url)
    }
}

fn sized(url: &str, size: PoolSize) -> StoreOptions {
    let pool = PoolOptions {
        size,
        timeout: SHORT,
        ..PoolOptions::of(1)
    };
    with_pool(url, pool)
}

fn of(size: u32) -> PoolSize {
    PoolSize::Of(NonZeroU32::new(size).unwrap())
}

/// Stops all answers of Redis for this time.
async fn pause(connection: &mut MultiplexedConnection, milliseconds: u32) {
    let mut pause = redis::cmd("CLIENT");
    pause.arg("PAUSE").arg(milliseconds).arg("ALL");
    pause.exec_async(connection).await.unwrap();
}

#[tokio::test]
async fn without_a_pool_every_engine_does_the_same() {
    for fixture in every_store().await {
        let (engine, url) = (fixture.engine, fixture.url);
        let opened = Store::open(&sized(&url, PoolSize::Off)).await;
        if engine == "memory" {
            let refused = opened.unwrap_err().to_string();
            assert!(refused.contains("--store-pool off"), "{refused}");
            continue;
        }
        let store = opened.unwrap();
        assert!(store.cart(USER).await.unwrap().is_some(), "{engine}");
        assert_eq!(
            store.record_order(&order("a")).await.unwrap(),
            1,
            "{engine}"
        );
        assert_eq!(
            store.record_order(&order("b")).await.unwrap(),
            2,
            "{engine}"
        );
        assert_eq!(
            store.history(USER, 1).await.unwrap(),
            [order("b")],
            "{engine}"
        );
        assert_eq!(store.popular(3).await.unwrap().len(), 3, "{engine}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_pool_keeps_its_connections_and_off_opens_one_for_each_call() {
    let redis = Redis::start();
    for (size, calls, opened) in [(of(1), 30, 1), (of(3), 30, 3), (PoolSize::Off, 30, 30)] {
        let store = Store::open(&sized(redis.url(), size)).await.unwrap();
        let before = redis.info("total_connections_received").await;
        for _ in 0..calls / 3 {
            let (a, b, c) = tokio::join!(store.popular(1), store.popular(1), store.popular(1));
            assert_eq!(
                (a.unwrap().len(), b.unwrap().len(), c.unwrap().len()),
                (0, 0, 0)
            );
        }
        // The one that asks is counted, too.
        let after = redis.info("total_connections_received").await;
        assert_eq!(after - before - 1, opened, "{size}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_its_time() {
    let redis = Redis::start();
    let idle_timeout = Some(Duration::from_millis(200));
    let pool = PoolOptions {
        idle_timeout,
        ..PoolOptions::of(2)
    };
    let store = Store::open(&with_pool(redis.url(), pool)).await.unwrap();
    let (a, b) = tokio::join!(store.popular(1), store.popular(1));
    for answer in [a, b] {
        answer.unwrap();
    }
    // The one that asks is counted, too.
    assert_eq!(redis.info("connected_clients").await, 3);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(redis.info("connected_clients").await, 1);
    store.popular(1).await.unwrap();
    assert_eq!(redis.info("connected_clients").await, 2);
    store.close().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(redis.info("connected_clients").await, 1);
    let closed = store.popular(1).await.unwrap_err().to_string();
    assert!(closed.contains("closed"), "{closed}");
}

#[tokio::test]
async fn an_exhausted_redis_pool_says_so_in_time_and_recovers() {
    let redis = Redis::start();
    let store = Store::open(&sized(redis.url(), of(1))).await.unwrap();
    store.popular(1).await.unwrap();
    let mut connection = redis.connect().await;
    pause(&mut connection, 1_000).await;
    let started = Instant::now();
    let (first, second) = tokio::join!(store.popular(1), async {
        let refused = store.popular(1).await.unwrap_err();
        (refused, started.elapsed())
    });
    first.unwrap();
    let (refused, waited) = second;
    assert!(
        matches!(refused, StorageError::PoolExhausted { .. }),
        "{refused}"
    );
    let message = refused.to_string();
    for part in ["0.3 s", "the pool has 1", "--store-pool", redis.url()] {
        assert!(message.contains(part), "{message}");
    }
    assert!(SHORT <= waited && waited < SHORT * 3, "{waited:?}");
    assert_eq!(store.record_order(&order("a")).await.unwrap(), 1);
}

#[tokio::test]
async fn no_call_starves_behind_one_connection() {
    for fixture in every_store().await {
        let pool = PoolOptions {
            timeout: Duration::from_secs(20),
            ..PoolOptions::of(1)
        };
        let store = if fixture.engine == "memory" {
            fixture.store
        } else {
            Store::open(&with_pool(&fixture.url, pool)).await.unwrap()
        };
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.cart(USER).await.unwrap().is_some() })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap(), "{}", fixture.engine);
        }
    }
}

/// Another program writes to the file and takes its time.
#[tokio::test]
async fn a_locked_file_says_so_in_time_and_recovers() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let url = format!("sqlite:{}", file.display());
    for size in [of(1), PoolSize::Off] {
        let store = Store::open(&sized(&url, size)).await.unwrap();
        let before = store.history(USER, 1_000).await.unwrap().len();
        let mut other = SqliteConnectOptions::new()
            .filename(&file)
            .connect()
            .await
            .unwrap();
        let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let started = Instant::now();
        let refused = store.record_order(&order("a")).await.unwrap_err();
        let waited = started.elapsed();
        assert!(
            matches!(refused, StorageError::Locked { .. }),
            "{size}: {refused}"
        );
        assert!(refused.to_string().contains("store.db"), "{refused}");
        assert!(!refused.may_have_written());
        assert!(SHORT <= waited && waited < SHORT * 3, "{size}: {waited:?}");
        // Readers do not wait for a writer.
        assert_eq!(
            store.history(USER, 1_000).await.unwrap().len(),
            before,
            "{size}"
        );
        lock.rollback().await.unwrap();
        store.record_order(&order("b")).await.unwrap();
        assert_eq!(
            store.history(USER, 1_000).await.unwrap().len(),
            before + 1,
            "{size}"
        );
        store.close().await;
    }
}
