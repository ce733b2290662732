//! A large result, whole and in chunks.

use rmcp::ServiceExt;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::client::{Client, SERVER_TYPE, experiments, server, text};

/// rmcp's client asks for progress of every call.
#[tokio::test]
async fn a_listener_gets_the_chunks_and_then_the_summary() {
    let client = Client::alone().await;
    let whole = client
        .call("experiment_result", json!({"bytes": 100_000}))
        .await;
    let summary: Value = serde_json::from_str(&text(&whole, 0)).unwrap();
    assert_eq!(
        summary,
        json!({"bytes": 100_000, "chunks": 0, "server_type": SERVER_TYPE})
    );
    let whole = text(&whole, 1);
    assert_eq!(whole.len(), 100_000);
    assert!(client.heard().is_empty());

    let arguments = json!({"bytes": 100_000, "chunk_bytes": 30_000});
    let chunked = client.call("experiment_result", arguments).await;
    let summary: Value = serde_json::from_str(&text(&chunked, 0)).unwrap();
    assert_eq!(
        summary,
        json!({"bytes": 100_000, "chunks": 4, "server_type": SERVER_TYPE})
    );
    assert_eq!(chunked.content.len(), 1);
    // rmcp's client handles each notification in a task of its own.
    while client.heard().len() < 4 {
        tokio::task::yield_now().await;
    }
    let mut heard = client.heard();
    heard.sort_by(|a, b| a.progress.total_cmp(&b.progress));
    let progress: Vec<_> = heard.iter().map(|heard| heard.progress).collect();
    assert_eq!(progress, [30_000.0, 60_000.0, 90_000.0, 100_000.0]);
    assert!(heard.iter().all(|heard| heard.total == Some(100_000.0)));
    let joined: String = heard
        .into_iter()
        .filter_map(|heard| heard.message)
        .collect();
    assert_eq!(joined, whole);
}

#[tokio::test]
async fn without_a_listener_it_comes_whole() {
    let (client, pipe) = tokio::io::duplex(64 * 1024);
    let server = server(None, &experiments()).await;
    tokio::spawn(async move { server.serve(pipe).await.unwrap().waiting().await });
    let (reader, mut writer) = tokio::io::split(client);
    let mut lines = BufReader::new(reader).lines();
    let initialize = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}});
    let arguments = json!({"bytes": 10_000, "chunk_bytes": 1_000});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "experiment_result", "arguments": arguments}}),
    ] {
        writer
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }
    let mut next = async || -> Value {
        let line = lines.next_line().await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    };
    assert_eq!(next().await["id"], 1);
    let answer = next().await;
    assert_eq!(answer["id"], 2, "{answer}");
    let whole = answer["result"]["content"][1]["text"].as_str().unwrap();
    assert_eq!(whole.len(), 10_000);
}
