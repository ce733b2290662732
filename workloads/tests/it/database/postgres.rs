//! What only a server does: it is reachable or not, refuses a login, goes away and comes back.

use std::time::{Duration, Instant};

use fixtures::services::Service;
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};
use workloads::{
    database::{Database, DatabaseOptions},
    pool::{PoolOptions, PoolSize},
};

use super::place::{PATIENCE, Place, eventually, total_found};

/// How long it may take until a server that is back is noticed.
const RECOVERY: Duration = Duration::from_secs(2);

/// How many connections this program has to the current database.
const CONNECTIONS: &str = "SELECT count(*) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'mcp-transport-lab'";

async fn connections(place: &Place) -> i64 {
    place.number(CONNECTIONS).await.unwrap()
}

#[tokio::test]
async fn an_exhausted_pool_says_so_within_its_timeout_and_recovers() {
    let place = Place::postgres().await;
    let pool = PoolOptions {
        timeout: Duration::from_millis(300),
        ..PoolOptions::of(1)
    };
    let database = Database::open(&place.options(pool)).await.unwrap();
    let options: PgConnectOptions = place.url().parse().unwrap();
    let mut other = options.connect().await.unwrap();
    let mut lock = other.begin().await.unwrap();
    sqlx::query("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    // The one connection waits for the lock, and the second call for the connection.
    let waiting = tokio::spawn({
        let database = database.clone();
        async move { total_found(&database).await }
    });
    eventually("the first call waits", async || {
        let locks = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        place.number(locks).await.unwrap() > 0
    })
    .await;
    let start = Instant::now();
    let refused = total_found(&database).await.unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(5), "{refused}");
    for part in ["PostgreSQL", "0.3 s", "the pool has 1", "--database-pool"] {
        assert!(refused.contains(part), "{refused}");
    }
    lock.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), 2_251);
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
}

#[tokio::test]
async fn a_pool_is_open_from_the_start_and_off_keeps_nothing() {
    let place = Place::postgres().await;
    let pooled = Database::open(&place.options(PoolOptions::of(3)))
        .await
        .unwrap();
    assert_eq!(connections(&place).await, 3);
    pooled.close().await;
    eventually("a closed pool is empty", async || {
        connections(&place).await == 0
    })
    .await;
    let off = PoolOptions {
        size: PoolSize::Off,
        ..PoolOptions::of(1)
    };
    let database = Database::open(&place.options(off)).await.unwrap();
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
    eventually("a call's connection is closed", async || {
        connections(&place).await == 0
    })
    .await;
}

#[tokio::test]
async fn idle_connections_may_be_closed_and_calls_open_new_ones() {
    let place = Place::postgres().await;
    let pool = PoolOptions {
        idle_timeout: Some(Duration::from_millis(100)),
        ..PoolOptions::of(2)
    };
    let database = Database::open(&place.options(pool)).await.unwrap();
    eventually("nothing is kept", async || connections(&place).await == 0).await;
    assert_eq!(total_found(&database).await.unwrap(), 2_251);
}

#[tokio::test]
async fn a_query_reads_the_index_and_never_the_whole_table() {
    let place = Place::postgres().await;
    let database = place.open().await.unwrap();
    let scans = async |kind: &str| {
        let scans = format!(
            "SELECT coalesce(sum({kind}), 0)::BIGINT FROM pg_stat_user_tables WHERE relname = 'products'"
        );
        place.number(&scans).await.unwrap()
    };
    let (whole, index) = (scans("seq_scan").await, scans("idx_scan").await);
    // As often as a server keeps planning anew, and then more.
    for _ in 0..10 {
        assert_eq!(total_found(&database).await.unwrap(), 2_251);
    }
    database.close().await;
    eventually("the statistics are told", async || {
        scans("idx_scan").await >= index + 20
    })
    .await;
    assert_eq!(scans("seq_scan").await, whole);
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_reason_and_without_the_password() {
    let url = Place::postgres().await.url();
    let (_, at) = url.split_once('@').unwrap();
    for (url, part) in [
        (format!("postgres://lab:wrong-one@{at}"), "password"),
        (format!("{url}_that_is_not_there"), "does not exist"),
        (
            "postgres://lab:wrong-one@127.0.0.1:1/lab".to_owned(),
            "refused",
        ),
    ] {
        let refused = Place::Server(url).open().await.unwrap_err().to_string();
        for part in [part, "PostgreSQL", "lab:***@127.0.0.1", "services-up"] {
            assert!(refused.contains(part), "{part} is missing: {refused}");
        }
        assert!(!refused.contains("wrong-one"), "{refused}");
    }
}

#[tokio::test]
async fn a_server_that_crashes_costs_errors_while_it_is_away_and_none_after() {
    let server = Service::up("postgres");
    let pool = PoolOptions {
        timeout: Duration::from_secs(1),
        ..PoolOptions::of(4)
    };
    let place = Place::Server(server.url.clone());
    let database = Database::open(&place.options(pool)).await.unwrap();

    server.kill();
    for _ in 0..3 {
        let start = Instant::now();
        let refused = total_found(&database).await.unwrap_err().to_string();
        assert!(refused.contains("PostgreSQL"), "{refused}");
        assert!(start.elapsed() < PATIENCE, "{refused}");
    }
    server.start();
    let start = Instant::now();
    eventually("it is found again", async || {
        total_found(&database).await.is_ok()
    })
    .await;
    assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());

    let calls = |_| total_found(&database);
    for found in futures::future::join_all((0..8).map(calls)).await {
        found.unwrap();
    }
    // No call while it is away: every connection in the pool is dead, and no call may notice.
    server.kill();
    server.start();
    for found in futures::future::join_all((0..8).map(calls)).await {
        assert_eq!(found.unwrap(), 2_251);
    }
}

#[tokio::test]
async fn a_server_that_accepts_and_never_answers_is_named_in_time() {
    // The kernel accepts for it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let pool = PoolOptions {
        timeout: Duration::from_millis(300),
        ..PoolOptions::of(4)
    };
    let options = DatabaseOptions {
        url: format!("postgres://lab:secret@{address}/products?password=secret"),
        pool,
    };
    let opening = tokio::time::timeout(PATIENCE, Database::open(&options)).await;
    let message = opening.expect("it hangs").unwrap_err().to_string();
    let place = format!("PostgreSQL database postgres://lab:***@{address}/products");
    for part in [place.as_str(), "did not answer", "0.3 s", "--database-url"] {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
    assert!(!message.contains("secret"), "{message}");
}
