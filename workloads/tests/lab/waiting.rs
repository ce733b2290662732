//! The tools that transform, wait and report.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, SERVER_TYPE};

#[tokio::test]
async fn process_json_data_returns_capitals() {
    let client = Client::connect(None).await;
    let data = json!({"user": "ada", "tags": ["x", {"y": "z"}], "n": 1});
    let answer = client
        .answer("process_json_data", json!({"data": data}))
        .await;
    let expected = json!({
        "original_keys": ["n", "tags", "user"],
        "transformed_data": {"user": "ADA", "tags": ["X", {"y": "Z"}], "n": 1},
        "server_type": SERVER_TYPE,
    });
    assert_eq!(answer, expected);
    // So much of it that it is done elsewhere.
    let long = json!({"data": {"text": "abc".repeat(100_000)}});
    let answer = client.answer("process_json_data", long).await;
    assert_eq!(answer["transformed_data"]["text"], "ABC".repeat(100_000));
    for arguments in [json!({}), json!({"data": [1]}), json!({"data": "x"})] {
        client.refusal("process_json_data", arguments).await;
    }
}

#[tokio::test]
async fn simulate_database_query_waits_and_tells_the_time() {
    let client = Client::connect(None).await;
    for (arguments, delay_ms) in [
        (json!({"query": "SELECT 1"}), 0),
        (json!({"query": "SELECT 1", "delay_ms": 50.0}), 50),
    ] {
        let before = jiff::Timestamp::now();
        let started = Instant::now();
        let answer = client.answer("simulate_database_query", arguments).await;
        assert!(started.elapsed() >= Duration::from_millis(delay_ms));
        assert_eq!(
            (&answer["query"], &answer["delay_ms"]),
            (&json!("SELECT 1"), &json!(delay_ms))
        );
        let told = answer["timestamp"].as_str().unwrap();
        assert!(told.ends_with('Z'), "{told}");
        let told: jiff::Timestamp = told.parse().unwrap();
        // It is cut to the millisecond.
        let earliest = before.as_millisecond() + i64::try_from(delay_ms).unwrap();
        assert!(told.as_millisecond() >= earliest, "{told} {before}");
    }
    for delay_ms in [-1, 5_001] {
        let arguments = json!({"query": "", "delay_ms": delay_ms});
        let refused = client.refusal("simulate_database_query", arguments).await;
        let expected = format!("delay_ms must be a whole number from 0 to 5000, not {delay_ms};");
        assert!(refused.starts_with(&expected), "{refused}");
    }
}

#[tokio::test]
async fn stream_report_adds_up_its_rows() {
    let client = Client::connect(None).await;
    let answer = client.answer("stream_report", json!({"rows": 3})).await;
    // 0, 1 and 2 pieces, at 1.00, 1.01 and 1.02.
    let expected = json!({
        "rows": 3, "stock": 3, "stock_value": 3.05, "server_type": SERVER_TYPE,
    });
    assert_eq!(answer, expected);
    assert_eq!(client.answer("stream_report", json!({})).await["rows"], 10);
    for arguments in [
        json!({"rows": 0}),
        json!({"rows": 1_001}),
        json!({"delay_ms": -1}),
        json!({"delay_ms": 1_001}),
    ] {
        let refused = client.refusal("stream_report", arguments).await;
        assert!(refused.contains("must be a whole number from"), "{refused}");
    }
}
