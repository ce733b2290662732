//! The experiments over the upstream: a token and a listing, cached or not.

use fixtures::Server;
use serde_json::json;
use transports::runtime::Tokio;

use crate::client::{Client, SERVER_TYPE, experiments, server, upstream};

/// A client of a server whose upstream is at `base_url`.
async fn client(base_url: &str) -> Client {
    Client::connect(server(Some(upstream(base_url)), &experiments()).await).await
}

/// A client, and the upstream of its server. A test stops the upstream to see which calls need it.
async fn started() -> (Client, Server) {
    let upstream = Server::start_anywhere(&Tokio).unwrap();
    (client(&upstream.url()).await, upstream)
}

#[tokio::test]
async fn a_token_is_asked_for_at_every_call_or_once() {
    let (client, upstream) = started().await;
    for cached in [false, true] {
        let answer = client
            .answer("experiment_token", json!({"cached": cached}))
            .await;
        let expected = json!({
            "active": true, "cached": cached, "client_id": "client-00042",
            "scope": "tools:list tools:call", "server_type": SERVER_TYPE,
        });
        assert_eq!(answer, expected);
    }
    upstream.stop().await.unwrap();
    let kept = client
        .answer("experiment_token", json!({"cached": true}))
        .await;
    assert_eq!(kept["client_id"], "client-00042");
    let asked = client
        .rejection("experiment_token", json!({"cached": false}))
        .await;
    assert!(asked.contains("the upstream is down"), "{asked}");
    let other = json!({"cached": true, "token": "experiment-00043"});
    let other = client.rejection("experiment_token", other).await;
    assert!(other.contains("the upstream is down"), "{other}");
}

#[tokio::test]
async fn an_inactive_token_is_not_cached() {
    let (client, upstream) = started().await;
    for token in ["experiment-42", "experiment-0004x", "a+b/c=="] {
        let arguments = json!({"cached": true, "token": token});
        let answer = client.answer("experiment_token", arguments.clone()).await;
        let expected = json!({
            "active": false, "cached": true, "client_id": null, "scope": null,
            "server_type": SERVER_TYPE,
        });
        assert_eq!(answer, expected, "{token}");
    }
    upstream.stop().await.unwrap();
    let again = json!({"cached": true, "token": "experiment-42"});
    let again = client.rejection("experiment_token", again).await;
    assert!(again.contains("the upstream is down"), "{again}");
}

#[tokio::test]
async fn a_listing_is_asked_for_at_every_call_or_once() {
    let (client, upstream) = started().await;
    let names: Vec<_> = (0..50).map(|at| format!("upstream_tool_{at:02}")).collect();
    for cached in [false, true] {
        let arguments = json!({"cached": cached, "delay_ms": 1});
        let answer = client.answer("experiment_listing", arguments).await;
        let expected = json!({"cached": cached, "server_type": SERVER_TYPE, "tools": names});
        assert_eq!(answer, expected);
    }
    upstream.stop().await.unwrap();
    let kept = client
        .answer("experiment_listing", json!({"cached": true}))
        .await;
    assert_eq!(kept["tools"], json!(names));
    let asked = client.rejection("experiment_listing", json!({})).await;
    assert!(asked.contains("the upstream is down"), "{asked}");
}

#[tokio::test]
async fn an_upstream_of_another_kind_is_named() {
    let upstream = Server::start_anywhere(&Tokio).unwrap();
    // Below this path there is nothing but products.
    let client = client(&(upstream.url() + "/products")).await;
    for tool in ["experiment_token", "experiment_listing"] {
        let message = client.rejection(tool, json!({"delay_ms": 0})).await;
        assert!(message.contains("HTTP 4"), "{message}");
        assert!(
            message.contains("is it this project's `upstream`?"),
            "{message}"
        );
    }
}
