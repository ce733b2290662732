//! The lessons over the upstream: a token and a listing, kept or not.

use serde_json::json;
use transports::runtime::Tokio;
use workloads::{lessons::extra, upstream_api::Server};

use crate::client::{Client, SERVER_TYPE, lab, upstream};

/// A lab and the upstream behind it, which a test may stop to see who still asks it.
async fn started() -> (Client, Server) {
    let server = Server::start_anywhere(&Tokio).unwrap();
    let lab = lab(Some(upstream(&server.url())), None).await;
    (Client::connect(lab).await, server)
}

#[tokio::test]
async fn a_token_is_asked_for_at_every_call_or_once() {
    let (client, server) = started().await;
    for cached in [false, true] {
        let answer = client
            .answer("lesson_token", json!({"cached": cached}))
            .await;
        let expected = json!({
            "active": true, "cached": cached, "client_id": "client-00042",
            "scope": "tools:list tools:call", "server_type": SERVER_TYPE,
        });
        assert_eq!(answer, expected);
    }
    server.stop().await.unwrap();
    let kept = client.answer("lesson_token", json!({"cached": true})).await;
    assert_eq!(kept["client_id"], "client-00042");
    let asked = client
        .refusal("lesson_token", json!({"cached": false}))
        .await;
    assert!(asked.contains("the upstream is down"), "{asked}");
    let other = json!({"cached": true, "token": "lesson-00043"});
    let other = client.refusal("lesson_token", other).await;
    assert!(other.contains("the upstream is down"), "{other}");
}

#[tokio::test]
async fn what_is_not_active_is_not_kept() {
    let (client, server) = started().await;
    for token in ["lesson-42", "lesson-0004x", "a+b/c=="] {
        let arguments = json!({"cached": true, "token": token});
        let answer = client.answer("lesson_token", arguments.clone()).await;
        let expected = json!({
            "active": false, "cached": true, "client_id": null, "scope": null,
            "server_type": SERVER_TYPE,
        });
        assert_eq!(answer, expected, "{token}");
    }
    server.stop().await.unwrap();
    let again = json!({"cached": true, "token": "lesson-42"});
    let again = client.refusal("lesson_token", again).await;
    assert!(again.contains("the upstream is down"), "{again}");
}

#[tokio::test]
async fn a_listing_is_asked_for_at_every_call_or_once() {
    let (client, server) = started().await;
    let names: Vec<_> = extra::definitions(50)
        .iter()
        .map(|tool| tool.name.clone())
        .collect();
    for cached in [false, true] {
        let arguments = json!({"cached": cached, "delay_ms": 1});
        let answer = client.answer("lesson_listing", arguments).await;
        let expected = json!({"cached": cached, "server_type": SERVER_TYPE, "tools": names});
        assert_eq!(answer, expected);
    }
    server.stop().await.unwrap();
    let kept = client
        .answer("lesson_listing", json!({"cached": true}))
        .await;
    assert_eq!(kept["tools"], json!(names));
    let asked = client.refusal("lesson_listing", json!({})).await;
    assert!(asked.contains("the upstream is down"), "{asked}");
}

#[tokio::test]
async fn an_upstream_of_another_kind_is_named() {
    let server = Server::start_anywhere(&Tokio).unwrap();
    // Below this path there is nothing but products.
    let base_url = server.url() + "/products";
    let client = Client::connect(lab(Some(upstream(&base_url)), None).await).await;
    for tool in ["lesson_token", "lesson_listing"] {
        let message = client.refusal(tool, json!({"delay_ms": 0})).await;
        assert!(message.contains("HTTP 4"), "{message}");
        assert!(
            message.contains("is it this project's `upstream`?"),
            "{message}"
        );
    }
}
