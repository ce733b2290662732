//! Redis absent, killed, restarted, silent and strange: every call is answered, and works again
//! when Redis does.

use std::time::{Duration, Instant};

use workloads::{
    storage::StorageError,
    store::{ANSWER_LIMIT, Store},
};

use super::support::{Redis, USER, options, order};

/// How soon calls must work again after Redis does.
const RECOVERY: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_store_without_redis_opens_and_every_call_names_it() {
    let url = "redis://lab:secret@127.0.0.1:1/0";
    let store = Store::open(&options(url)).await.unwrap();
    for refused in [
        store.cart(USER).await.unwrap_err(),
        store.history(USER, 5).await.unwrap_err(),
        store.popular(10).await.unwrap_err(),
        store.record_order(&order("a")).await.unwrap_err(),
        store.seed(|_| {}).await.unwrap_err(),
    ] {
        assert!(
            matches!(refused, StorageError::Unreachable { .. }),
            "{refused}"
        );
        assert!(!refused.may_have_written(), "{refused}");
        let message = refused.to_string();
        for part in ["store redis://lab:***@127.0.0.1:1", "refused", "Redis"] {
            assert!(message.contains(part), "{part:?} is missing: {message}");
        }
        assert!(!message.contains("secret"), "{message}");
    }
}

/// Calls until one works, each of which is answered at once.
async fn until_it_works(store: &Store) -> Duration {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = store.record_order(&order("back")).await;
        assert!(asked.elapsed() < ANSWER_LIMIT, "{answer:?}");
        if answer.is_ok() {
            return started.elapsed();
        }
        assert!(started.elapsed() < RECOVERY, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load() {
    let redis = Redis::start();
    let store = Store::open(&options(redis.url())).await.unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..8)
        .map(|n| {
            let (store, stop) = (store.clone(), stop.clone());
            tokio::spawn(async move {
                let (mut worked, mut failed) = (0_u32, 0_u32);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    match store.record_order(&order(&n.to_string())).await {
                        Ok(_) => worked += 1,
                        Err(error) => {
                            failed += 1;
                            assert!(error.to_string().contains("store redis://"), "{error}");
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
                (worked, failed)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    redis.service.kill();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let refused = store.record_order(&order("down")).await.unwrap_err();
    assert!(
        matches!(refused, StorageError::Unreachable { .. }),
        "{refused}"
    );
    redis.service.start();
    until_it_works(&store).await;
    // From here on nothing fails any more.
    for _ in 0..100 {
        store.record_order(&order("up")).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for caller in callers {
        let (worked, failed) = caller.await.unwrap();
        assert!(worked > 0 && failed > 0, "{worked} worked, {failed} failed");
    }
    // No connection is left behind: the pool's four, and the one that asks.
    assert!(redis.info("connected_clients").await <= 5);
}

/// No call gets a connection that died while it was idle.
#[tokio::test]
async fn a_restart_between_calls_costs_no_call() {
    let redis = Redis::start();
    let store = Store::open(&options(redis.url())).await.unwrap();
    let (a, b, c) = tokio::join!(store.popular(1), store.popular(1), store.popular(1));
    for answer in [a, b, c] {
        answer.unwrap();
    }
    redis.service.kill();
    redis.service.start();
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..5 {
        store.record_order(&order("a")).await.unwrap();
    }
}

#[tokio::test]
async fn a_silent_redis_holds_no_call() {
    let redis = Redis::start();
    let store = Store::open(&options(redis.url())).await.unwrap();
    store.popular(1).await.unwrap();
    let mut connection = redis.connect().await;
    let mut pause = redis::cmd("CLIENT");
    pause.arg("PAUSE").arg(60_000).arg("ALL");
    pause.exec_async(&mut connection).await.unwrap();
    let started = Instant::now();
    let silent = store.record_order(&order("a")).await.unwrap_err();
    let waited = started.elapsed();
    assert!(
        matches!(silent, StorageError::Unanswered { .. }),
        "{silent}"
    );
    assert!(silent.may_have_written(), "{silent}");
    assert!(silent.to_string().contains("is not known"), "{silent}");
    assert!(
        ANSWER_LIMIT <= waited && waited < ANSWER_LIMIT * 2,
        "{waited:?}"
    );
    // That connection is closed; a new one gets no answer either.
    let started = Instant::now();
    let silent = store.cart(USER).await.unwrap_err();
    assert!(matches!(silent, StorageError::Silent { .. }), "{silent}");
    assert!(!silent.may_have_written(), "{silent}");
    assert!(started.elapsed() < Duration::from_secs(2));
    redis.service.kill();
    redis.service.start();
    until_it_works(&store).await;
}

/// More calls than the pool has connections: none of them blames the pool.
#[tokio::test]
async fn a_redis_that_accepts_and_never_answers_is_named() {
    // The kernel accepts for it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("redis://lab:secret@{address}/0");
    let store = Store::open(&options(&url)).await.unwrap();
    let started = Instant::now();
    let calls = (0..12).map(|_| store.cart(USER));
    for silent in futures::future::join_all(calls).await {
        let silent = silent.unwrap_err();
        assert!(!silent.may_have_written(), "{silent}");
        let message = silent.to_string();
        let place = format!("store redis://lab:***@{address}");
        for part in [place.as_str(), "did not answer", "0.9 s", "--store-url"] {
            assert!(message.contains(part), "{part:?} is missing: {message}");
        }
        for part in ["secret", "--store-pool"] {
            assert!(!message.contains(part), "{part:?}: {message}");
        }
    }
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn what_does_not_belong_there_is_an_error() {
    let redis = Redis::start();
    let store = Store::open(&options(redis.url())).await.unwrap();
    let mut connection = redis.connect().await;
    let mut strange = redis::pipe();
    strange
        .cmd("HSET")
        .arg(&["bench:cart:user-00001", "items", "[1]", "total", "1"])
        .cmd("HSET")
        .arg(&["bench:cart:user-00002", "items", "[]"])
        .cmd("SET")
        .arg(&["bench:cart:user-00003", "a string"])
        .cmd("RPUSH")
        .arg(&["bench:history:user-00001", "{}"])
        .cmd("ZADD")
        .arg(&["bench:popular", "1", "elephant"]);
    strange.exec_async(&mut connection).await.unwrap();
    for (error, says) in [
        (
            store.cart("user-00001").await.unwrap_err(),
            "bench:cart:user-00001",
        ),
        (store.cart("user-00002").await.unwrap_err(), "lacks"),
        (store.cart("user-00003").await.unwrap_err(), "WRONGTYPE"),
        (
            store.history("user-00001", 1).await.unwrap_err(),
            "bench:history:user-00001",
        ),
        (store.popular(1).await.unwrap_err(), "elephant"),
    ] {
        let message = error.to_string();
        assert!(message.contains(says), "{says:?} is missing: {message}");
        assert!(message.contains(redis.url()), "{message}");
    }
    // None of these cost the store its connections.
    assert_eq!(store.cart("user-00004").await.unwrap(), None);
}
