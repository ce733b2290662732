//! Notifications, in memory and through a Redis of the test's own.

use serde_json::json;

use crate::{
    client::{Client, SERVER_TYPE, lab},
    services::Service,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_notification_comes_back_to_the_call_that_published_it() {
    let redis = Service::up("redis");
    let client = Client::connect(lab(None, Some(&redis.url)).await).await;
    for via in ["memory", "redis"] {
        let calls = (1..=20).map(|messages| {
            client.answer("lesson_notify", json!({"messages": messages, "via": via}))
        });
        let answers = futures::future::join_all(calls).await;
        for (at, answer) in answers.into_iter().enumerate() {
            let expected = json!({"messages": at + 1, "server_type": SERVER_TYPE, "via": via});
            assert_eq!(answer, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_went_away_is_named_and_found_again() {
    let redis = Service::up("redis");
    let client = Client::connect(lab(None, Some(&redis.url)).await).await;
    let arguments = json!({"messages": 3, "via": "redis"});
    client.answer("lesson_notify", arguments.clone()).await;
    redis.kill();
    for _ in 0..2 {
        let message = client.refusal("lesson_notify", arguments.clone()).await;
        assert!(message.contains("Redis"), "{message}");
    }
    redis.start();
    let answer = client.answer("lesson_notify", arguments).await;
    assert_eq!(answer["messages"], 3);
}

#[tokio::test]
async fn nobody_listens_where_redis_should_be() {
    // Bound and given back: nothing answers there.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let url = format!("redis://:secret@127.0.0.1:{port}");
    let client = Client::connect(lab(None, Some(&url)).await).await;
    let message = client
        .refusal("lesson_notify", json!({"via": "redis"}))
        .await;
    let expected = format!("cannot connect to Redis at redis://127.0.0.1:{port}:");
    assert!(message.starts_with(&expected), "{message}");
    assert!(!message.contains("secret"), "{message}");
}
