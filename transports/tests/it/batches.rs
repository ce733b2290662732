//! Batches, which only 2025-03-26 has.

use serde_json::{Value, json};
use testkit::{
    http::{AsyncConnection, Response},
    message::ping,
};
use transports::streamable::Answer;

use crate::{
    client::{Client, Link, call, initialize, initialized, text_of},
    each,
    server::{Server, Transport, Way},
};

const BATCHING: &str = "2025-03-26";

/// Lists the ways that take batches: over Streamable HTTP only the fast path does.
fn batching() -> impl Iterator<Item = Way> {
    Way::all().filter(|way| way.fast_path || way.answer().is_none())
}

/// Posts `batch` over HTTP.
async fn posted(server: &Server, client: &Client, batch: &Value) -> Response {
    AsyncConnection::connect(server.address())
        .await
        .exchange(&client.request(batch))
        .await
}

#[tokio::test]
async fn every_message_of_a_batch_is_answered_as_if_it_had_come_alone() {
    each(batching(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::of(&mut server, BATCHING).await;
        let batch = json!([
            call(1, "now", json!({})),
            initialized(),
            ping(2),
            call(3, "wait_slowly", json!({"ms": 0})),
            {"jsonrpc": "2.0", "id": 4},
            {"jsonrpc": "2.0", "id": 5, "method": "no/such/method"},
            initialize_with(6),
            call(7, "wait", json!({"ms": 100})),
            call(8, "panic", json!({})),
        ]);
        client.send(&batch).await;
        let answers = client.receive_all(8).await;
        let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(text_of(&answers[0]), "done");
        assert_eq!(answers[1]["result"], json!({}));
        assert_eq!(text_of(&answers[2]), "waited");
        for (place, code) in [(3, -32600), (4, -32601), (5, -32600)] {
            assert_eq!(answers[place]["error"]["code"], code, "{}", answers[place]);
        }
        assert_eq!(text_of(&answers[6]), "waited");
        assert_eq!(answers[7]["result"]["isError"], true);
        client.is_served().await;
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}

fn initialize_with(id: i64) -> Value {
    let mut message = initialize(BATCHING);
    message["id"] = json!(id);
    message
}

#[tokio::test]
async fn over_http_the_answers_come_together() {
    each(batching(), async |way| {
        let Some(answer) = way.answer() else { return };
        let mut server = Server::start(way).await;
        let client = Client::of(&mut server, BATCHING).await;
        let batch = json!([
            ping(1),
            initialized(),
            call(2, "wait", json!({"ms": 50})),
            3
        ]);
        let reply = posted(&server, &client, &batch).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let content_type = reply.header("content-type");
        let events = reply.text().matches("data: ").count();
        match answer {
            Answer::Json => {
                assert_eq!(content_type, Some("application/json"));
                let array: Vec<Value> = serde_json::from_slice(&reply.body).expect("one array");
                assert_eq!((array.len(), events), (3, 0));
            }
            Answer::EventStream => {
                assert_eq!(content_type, Some("text/event-stream"));
                assert_eq!((reply.messages().len(), events), (3, 3), "{reply:?}");
            }
        }
        // One that is all notifications has no answer.
        let reply = posted(&server, &client, &json!([initialized(), initialized()])).await;
        assert_eq!((reply.status, reply.text()), (202, String::new()));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_holds_1_to_100_messages() {
    each(batching(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::of(&mut server, BATCHING).await;
        let pings = |count: i64| (1..=count).map(ping).collect::<Value>();
        client.send(&pings(100)).await;
        let mut answered = client.receive_all(100).await;
        answered.dedup_by_key(|answer| answer["id"].to_string());
        assert_eq!(answered.len(), 100);
        for (batch, part) in [(json!([]), "at least one"), (pings(101), "at most 100")] {
            let text = if way.transport == Transport::Stdio {
                client.send(&batch).await;
                let rejected = client.receive().await;
                assert_eq!(rejected["error"]["code"], -32600, "{rejected}");
                assert_eq!(rejected.get("id"), None, "{rejected}");
                rejected.to_string()
            } else {
                let reply = posted(&server, &client, &batch).await;
                assert_eq!(reply.status, 400, "{reply:?}");
                reply.text()
            };
            assert!(text.contains(part), "{text}");
        }
        client.is_served().await;
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_other_revision_has_batches() {
    each(Way::all(), async |way| {
        for revision in ["2024-11-05", "2025-06-18", "2025-11-25"] {
            let mut server = Server::start(way).await;
            let mut client = Client::of(&mut server, revision).await;
            assert_batch_is_rejected(&mut server, &mut client).await;
            client.is_served().await;
            server.stop().await;
        }
    })
    .await;
}

async fn assert_batch_is_rejected(server: &mut Server, client: &mut Client) {
    let batch = json!([ping(1)]);
    let expected = match server.way.transport {
        Transport::Stdio => {
            client.send(&batch).await;
            let rejected = client.receive().await;
            assert_eq!(rejected["error"]["code"], -32600, "{rejected}");
            return;
        }
        Transport::Sse | Transport::Stateless(_) | Transport::Session(_) => 400,
    };
    let reply = posted(server, client, &batch).await;
    assert_eq!(reply.status, expected, "{reply:?}");
}

#[tokio::test]
async fn a_header_does_not_give_batches_to_a_session_of_another_revision() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::of(&mut server, "2025-06-18").await;
        let Link::Streamable(_, headers) = &mut client.link else {
            panic!("it is Streamable HTTP");
        };
        headers.retain(|(name, _)| *name != "mcp-protocol-version");
        assert_batch_is_rejected(&mut server, &mut client).await;
        let Link::Streamable(_, headers) = &mut client.link else {
            panic!("it is Streamable HTTP");
        };
        headers.push(("mcp-protocol-version", BATCHING.into()));
        assert_batch_is_rejected(&mut server, &mut client).await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn without_the_fast_path_rmcp_rejects_batches() {
    each(
        Way::streamable().filter(|way| !way.fast_path),
        async |way| {
            let mut server = Server::start(way).await;
            let mut client = Client::of(&mut server, BATCHING).await;
            assert_batch_is_rejected(&mut server, &mut client).await;
            server.stop().await;
        },
    )
    .await;
}

#[tokio::test]
async fn an_id_twice_in_a_batch_is_rejected_the_second_time() {
    each(
        batching().filter(|way| !matches!(way.transport, Transport::Stateless(_))),
        async |way| {
            let mut server = Server::start(way).await;
            let mut client = Client::of(&mut server, BATCHING).await;
            let hold = || call(1, "hold", json!({}));
            client.send(&json!([hold(), hold()])).await;
            server.calls.begun(1).await;
            server.calls.release();
            let answers = [client.receive().await, client.receive().await];
            let rejected = answers
                .iter()
                .filter(|answer| answer["error"]["code"] == -32600);
            assert_eq!(rejected.count(), 1, "{answers:?}");
            client.is_served().await;
            server.stop().await;
        },
    )
    .await;
}
