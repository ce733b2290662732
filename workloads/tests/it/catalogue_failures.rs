//! Catalogue APIs that are down, slow, or answer with what is of no use.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{
    Client, PATIENCE, assert_says, catalogue_api, catalogue_client, unused_address,
};

/// A server that answers every request with `bytes`, then closes. Counts the connections.
pub(crate) async fn scripted(bytes: impl Into<Vec<u8>>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let connections = Arc::new(AtomicUsize::new(0));
    let (bytes, counter) = (bytes.into(), connections.clone());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a client");
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            // The client may disconnect before it has read or sent everything.
            if stream.read(&mut request).await.is_ok() {
                let _ = stream.write_all(&bytes).await;
            }
        }
    });
    (url, connections)
}

pub(crate) fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut all =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n").into_bytes();
    all.extend_from_slice(body);
    all
}

async fn refusal(base_url: &str, time_limit: Duration) -> String {
    let client = Client::over(base_url, time_limit).await;
    client
        .refusal("fetch_external_data", json!({"endpoint": "/health"}))
        .await
}

#[tokio::test]
async fn down() {
    let url = format!("http://{}", unused_address());
    let message = refusal(&url, PATIENCE).await;
    assert_says(
        &message,
        &["the upstream is down", &url, "refused", "--upstream-url"],
    );
}

#[tokio::test]
async fn slow() {
    let server = catalogue_api();
    let client = Client::over(&server.url(), Duration::from_millis(150)).await;
    let slow = json!({"endpoint": "/health?delay_ms=5000"});
    let message = client.refusal("fetch_external_data", slow).await;
    assert_says(
        &message,
        &[
            "the upstream is too slow",
            "/health?delay_ms=5000",
            "0.15 s",
        ],
    );
    // And it is well again at once.
    let quick = client
        .answer("fetch_external_data", json!({"endpoint": "/health"}))
        .await;
    assert_eq!(quick["body"]["status"], "ok");
}

#[tokio::test]
async fn slow_in_the_middle_of_the_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let start = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1,";
        stream.write_all(start).await.unwrap();
        std::future::pending::<()>().await;
    });
    let message = refusal(&url, Duration::from_millis(150)).await;
    assert_says(&message, &["too slow", "0.15 s"]);
    serving.abort();
}

#[tokio::test]
async fn not_http() {
    let (url, _) = scripted("SSH-2.0-OpenSSH_9.2\r\n").await;
    assert_says(&refusal(&url, PATIENCE).await, &["broke off", &url]);
}

#[tokio::test]
async fn closed_without_a_word() {
    let (url, _) = scripted("").await;
    assert_says(&refusal(&url, PATIENCE).await, &["broke off", &url]);
}

#[tokio::test]
async fn closed_in_the_middle_of_the_body() {
    let (url, _) = scripted("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[1,").await;
    assert_says(&refusal(&url, PATIENCE).await, &["broke off", &url]);
}

#[tokio::test]
async fn not_json() {
    let page = "<html>".repeat(1_000);
    let (url, _) = scripted(http("200 OK", "", page.as_bytes())).await;
    let message = refusal(&url, PATIENCE).await;
    assert_says(&message, &["not JSON", "HTTP 200", "<html>"]);
    assert!(message.len() < 600, "{message}");
}

#[tokio::test]
async fn not_even_text() {
    let (url, _) = scripted(http("200 OK", "", &[0xff; 100])).await;
    assert_says(&refusal(&url, PATIENCE).await, &["not JSON"]);
}

#[tokio::test]
async fn json_too_deep_to_hold() {
    let deep = "[".repeat(100_000);
    let (url, _) = scripted(http("200 OK", "", deep.as_bytes())).await;
    assert_says(
        &refusal(&url, PATIENCE).await,
        &["not JSON", "recursion limit"],
    );
}

#[tokio::test]
async fn too_long_by_its_own_account() {
    let (url, _) = scripted("HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n[").await;
    assert_says(
        &refusal(&url, PATIENCE).await,
        &["longer than 1048576 bytes", &url],
    );
}

#[tokio::test]
async fn too_long_without_saying_so() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n\"".to_vec();
    bytes.resize(bytes.len() + 1024 * 1024, b'x');
    let (url, _) = scripted(bytes).await;
    assert_says(
        &refusal(&url, PATIENCE).await,
        &["longer than 1048576 bytes"],
    );
}

#[tokio::test]
async fn exactly_as_long_as_is_taken() {
    let body = format!("\"{}\"", "x".repeat(1024 * 1024 - 2));
    let (url, _) = scripted(http("200 OK", "", body.as_bytes())).await;
    let client = Client::over(&url, PATIENCE).await;
    let answer = client
        .answer("fetch_external_data", json!({"endpoint": "/"}))
        .await;
    assert_eq!(answer["body"].as_str().unwrap().len(), 1024 * 1024 - 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, visits) = scripted(http("200 OK", "", b"{}")).await;
    let to = format!("location: {elsewhere}/\r\n");
    let (url, _) = scripted(http("302 Found", &to, b"")).await;
    assert_says(&refusal(&url, PATIENCE).await, &["HTTP 302", "not JSON"]);
    let (url, _) = scripted(http("307 Temporary Redirect", &to, b"{\"moved\":true}")).await;
    let client = Client::over(&url, PATIENCE).await;
    let answer = client
        .answer("fetch_external_data", json!({"endpoint": "/"}))
        .await;
    assert_eq!(
        (&answer["status_code"], &answer["body"]),
        (&json!(307), &json!({"moved": true}))
    );
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_error_of_the_upstreams_own_is_a_result() {
    let (url, _) = scripted(http("500 Oh", "", b"{\"error\":\"tired\"}")).await;
    let client = Client::over(&url, PATIENCE).await;
    let answer = client
        .answer("fetch_external_data", json!({"endpoint": "/"}))
        .await;
    assert_eq!(
        (&answer["status_code"], &answer["body"]["error"]),
        (&json!(500), &json!("tired"))
    );
}

#[tokio::test]
async fn idle_connections_are_used_again() {
    let (url, connections) = scripted(http("200 OK", "connection: close\r\n", b"1")).await;
    let client = catalogue_client(&url, PATIENCE);
    client.get("/").await.unwrap();
    client.get("/").await.unwrap();
    assert_eq!(
        connections.load(Ordering::SeqCst),
        2,
        "closed ones cannot be"
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        // One connection for all: a second one would never be accepted.
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        while stream.read(&mut request).await.unwrap() > 0 {
            stream.write_all(&http("200 OK", "", b"1")).await.unwrap();
        }
    });
    let client = catalogue_client(&url, PATIENCE);
    for _ in 0..3 {
        assert_eq!(client.get("/").await.unwrap().body, json!(1));
    }
    drop(client);
    serving.await.unwrap();
}
