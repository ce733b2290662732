//! Notifications, in memory and through a Redis of the test's own.

use std::time::{Duration, Instant};

use experiments::ExperimentOptions;
use fixtures::services::Service;
use serde_json::json;

use crate::client::{Client, SERVER_TYPE, experiments, server};

/// A client of a server whose store is at `url`.
async fn client(url: &str) -> Client {
    let options = ExperimentOptions {
        store_url: Some(url.to_owned()),
        ..experiments()
    };
    Client::connect(server(None, &options).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_notification_comes_back_to_the_call_that_published_it() {
    let redis = Service::up("redis");
    let client = client(&redis.url).await;
    for via in ["memory", "redis"] {
        let calls = (1..=20).map(|messages| {
            client.answer(
                "experiment_notify",
                json!({"messages": messages, "via": via}),
            )
        });
        let answers = futures::future::join_all(calls).await;
        for (at, answer) in answers.into_iter().enumerate() {
            let expected = json!({"messages": at + 1, "server_type": SERVER_TYPE, "via": via});
            assert_eq!(answer, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_restarts_is_connected_to_again() {
    let redis = Service::up("redis");
    let client = client(&redis.url).await;
    let arguments = json!({"messages": 3, "via": "redis"});
    client.answer("experiment_notify", arguments.clone()).await;
    redis.kill();
    for _ in 0..2 {
        let message = client
            .rejection("experiment_notify", arguments.clone())
            .await;
        assert!(message.contains("Redis"), "{message}");
    }
    redis.start();
    let answer = client.answer("experiment_notify", arguments).await;
    assert_eq!(answer["messages"], 3);
}

#[tokio::test]
async fn a_redis_that_is_down_is_named_without_its_password() {
    // The listener is closed again: nothing answers there.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let url = format!("redis://:secret@127.0.0.1:{port}");
    let client = client(&url).await;
    let message = client
        .rejection("experiment_notify", json!({"via": "redis"}))
        .await;
    let expected = format!("cannot connect to Redis at redis://127.0.0.1:{port}:");
    assert!(message.starts_with(&expected), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

/// Calls took two seconds each, one after another, because the first one connected under a lock.
#[tokio::test]
async fn calls_wait_together_for_a_redis_that_does_not_answer() {
    // The kernel accepts connections, and nothing reads them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", silent.local_addr().expect("an address"));
    let client = client(&url).await;
    let start = Instant::now();
    let calls = (0..5).map(|_| client.rejection("experiment_notify", json!({"via": "redis"})));
    for message in futures::future::join_all(calls).await {
        assert!(message.starts_with("cannot connect to Redis"), "{message}");
    }
    let elapsed = start.elapsed();
    assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
}

#[tokio::test]
async fn an_invalid_url_is_not_repeated() {
    let client = client("redis://:secret@host:port/x").await;
    let message = client
        .rejection("experiment_notify", json!({"via": "redis"}))
        .await;
    assert!(message.contains("redis://HOST:PORT"), "{message}");
    assert!(!message.contains("secret"), "{message}");
}
