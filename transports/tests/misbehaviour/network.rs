//! Over HTTP: Streamable HTTP and legacy SSE.

use std::time::Duration;

use crate::{
    client::{Http, SseClient, call},
    server::Started,
};
use serde_json::{Value, json};
use transports::streamable::Answer;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(1);

fn message_of(answer: &Value) -> &str {
    assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
    assert_eq!(answer["result"].get("resultType"), None, "{answer}");
    answer["result"]["content"][0]["text"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_answered_in_band_and_costs_nobody_else_anything() {
    for answer in [Answer::Json, Answer::EventStream] {
        let server = Started::streamable(answer, LONG);
        let mut neighbour = Http::connect(server.address).await;
        let slow = tokio::spawn(async move { neighbour.call(1, "wait", json!({"ms": 300})).await });
        let mut client = Http::connect(server.address).await;
        for id in 1..=3 {
            let panicked = client.call(id, "panic", json!({})).await;
            assert_eq!(panicked["id"], json!(id));
            assert!(
                message_of(&panicked).contains("a tool that panics"),
                "{panicked}"
            );
        }
        assert_eq!(
            client.call(9, "wait", json!({"ms": 0})).await["result"]["content"][0]["text"],
            "waited"
        );
        assert_eq!(
            slow.await.unwrap()["result"]["content"][0]["text"],
            "waited"
        );
        server.stop().await;
    }
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up_after_the_call_timeout() {
    for answer in [Answer::Json, Answer::EventStream] {
        let server = Started::streamable(answer, SHORT);
        let mut client = Http::connect(server.address).await;
        let given_up = client.call(1, "hang", json!({})).await;
        let message = message_of(&given_up);
        assert!(
            message.contains("hang did not answer within 0.2 s"),
            "{message}"
        );
        assert!(message.contains("--call-timeout"), "{message}");
        server.stop().await;
    }
}

#[tokio::test]
async fn on_sse_a_panic_and_a_hang_are_answered_and_the_session_goes_on() {
    let server = Started::sse(SHORT);
    let mut client = SseClient::connect(server.address).await;
    client.initialize().await;
    client.post(&call(1, "hang", json!({}))).await;
    client.post(&call(2, "panic", json!({}))).await;
    client.post(&call(3, "wait", json!({"ms": 0}))).await;
    let mut answers = [
        client.message().await,
        client.message().await,
        client.message().await,
    ];
    answers.sort_by_key(|answer| answer["id"].as_i64());
    assert!(
        message_of(&answers[0]).contains("hang did not answer"),
        "{}",
        answers[0]
    );
    assert!(
        message_of(&answers[1]).contains("panicked"),
        "{}",
        answers[1]
    );
    assert_eq!(answers[2]["result"]["content"][0]["text"], "waited");
    server.stop().await;
}

#[tokio::test]
async fn a_newer_client_gets_its_own_shape_of_an_in_band_error() {
    let server = Started::streamable(Answer::Json, LONG);
    let mut client = Http::connect(server.address).await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    });
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "panic", "arguments": {}, "_meta": meta}});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "panic"),
    ];
    let (status, answer) = client.post(&request, &headers).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["result"]["resultType"],
        json!("complete"),
        "{answer}"
    );
    assert_eq!(answer["result"]["isError"], json!(true), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn an_id_in_flight_is_refused_at_once_and_the_first_call_is_answered() {
    let server = Started::sse(LONG);
    let mut client = SseClient::connect(server.address).await;
    client.initialize().await;
    client.post(&call(7, "wait", json!({"ms": 400}))).await;
    client.post(&call(7, "wait", json!({"ms": 0}))).await;
    let refused = client.message().await;
    assert_eq!(refused["error"]["code"], json!(-32600), "{refused}");
    assert_eq!(refused["id"], json!(7));
    assert_eq!(
        client.message().await["result"]["content"][0]["text"],
        "waited"
    );
    client.post(&call(7, "wait", json!({"ms": 0}))).await;
    assert_eq!(
        client.message().await["result"]["content"][0]["text"],
        "waited"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_shutdown_answers_what_is_in_flight_and_then_ends_the_streams() {
    let server = Started::sse(LONG);
    let mut client = SseClient::connect(server.address).await;
    client.initialize().await;
    client.post(&call(1, "wait", json!({"ms": 500}))).await;
    server.shutdown.begin();
    assert_eq!(client.message().await["id"], json!(1));
    assert_eq!(client.end_of_stream().await, "");
    server.stop().await;
}

#[tokio::test]
async fn the_shutdown_waits_no_longer_than_the_drain_timeout() {
    let server = Started::sse_with(LONG, SHORT);
    let mut client = SseClient::connect(server.address).await;
    client.initialize().await;
    client.post(&call(1, "hang", json!({}))).await;
    // Ends although the call never does: what would hang here is this test.
    server.stop().await;
}

#[tokio::test]
async fn a_cancelled_call_is_not_waited_for() {
    let server = Started::sse(LONG);
    let mut client = SseClient::connect(server.address).await;
    client.initialize().await;
    client.post(&call(1, "hang", json!({}))).await;
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    client.post(&cancelled).await;
    server.shutdown.begin();
    assert_eq!(client.end_of_stream().await, "");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_does_not_arrive_closes_its_connection_and_no_other() {
    let server = Started::streamable(Answer::Json, LONG);
    let mut idle = Http::connect(server.address).await;
    let answered = idle.call(1, "wait", json!({"ms": 0})).await;
    assert_eq!(answered["id"], json!(1));
    let mut slow = Http::connect(server.address).await;
    // Longer than a head may take: the call's time is its own.
    let working = tokio::spawn(async move { slow.call(1, "wait", json!({"ms": 600})).await });
    let mut slowloris = Http::connect(server.address).await;
    slowloris.send_raw(b"POST /mcp HTTP/1.1\r\nhost: loc").await;
    assert_eq!(slowloris.end().await, "");
    assert_eq!(working.await.unwrap()["id"], json!(1));
    assert_eq!(idle.call(2, "wait", json!({"ms": 0})).await["id"], json!(2));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_under_load_answers_in_full_or_not_at_all() {
    for answer in [Answer::Json, Answer::EventStream] {
        let server = Started::streamable(answer, LONG);
        let clients: Vec<_> = (0..20)
            .map(|_| {
                let address = server.address;
                tokio::spawn(async move {
                    let mut client = Http::connect(address).await;
                    let mut answered = 0;
                    while let Some(answer) = client.call_or_closed(answered, "wait").await {
                        assert_eq!(answer["id"], json!(answered), "{answer}");
                        assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.stop().await;
        for client in clients {
            assert!(client.await.unwrap() > 0);
        }
    }
}
