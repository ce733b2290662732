//! The ids of requests in flight, and the limit of their number.

use serde_json::{Value, json};
use testkit::{http::AsyncConnection, message::ping};
use transports::Limits;

use crate::{
    client::{Client, call, cancel, text_of},
    each,
    server::{Server, Settings, Transport, Way},
};

#[tokio::test]
async fn an_id_in_flight_is_rejected_at_once_on_both_paths() {
    each(Way::with_known_clients(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let mut begun = 0;
        for first in ["hang", "hang_slowly"] {
            for id in [json!(7), json!("seven"), json!("")] {
                client.send(&call(id.clone(), first, json!({}))).await;
                begun += 1;
                server.calls.begun(begun).await;
                for second in ["now", "wait", "wait_slowly", "hang", "no_such_tool"] {
                    let again = call(id.clone(), second, json!({"ms": 0}));
                    assert_rejected(&client.ask(&again).await);
                }
                assert_rejected(&client.ask(&ping(id.clone())).await);
                client.send(&cancel(id.clone())).await;
                server.has_freed(begun, first).await;
                let answer = client.ask(&ping(id.clone())).await;
                assert_eq!(answer["result"], json!({}), "{answer}");
            }
        }
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}

fn assert_rejected(answer: &Value) {
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    let text = answer["error"]["message"].as_str().unwrap();
    assert!(text.contains("in flight"), "{answer}");
}

#[tokio::test]
async fn the_first_with_an_id_is_answered_and_the_id_is_free_then() {
    each(Way::with_known_clients(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for (begun, first) in ["hold", "hold_slowly"].into_iter().enumerate() {
            client.send(&call(7, first, json!({}))).await;
            server.calls.begun(begun + 1).await;
            assert_rejected(&client.ask(&call(7, "now", json!({}))).await);
            // A number is not the string of its digits.
            let other = client.ask(&call("7", "now", json!({}))).await;
            assert_eq!(text_of(&other), "done");
            server.calls.release();
            assert_eq!(text_of(&client.receive().await), "held");
            for _ in 0..20 {
                for tool in ["now", "wait", "wait_slowly"] {
                    let answer = client.ask(&call(7, tool, json!({"ms": 0}))).await;
                    assert_eq!(answer["result"]["isError"], false, "{answer}");
                }
                let answer = client.ask(&ping(7)).await;
                assert_eq!(answer["result"], json!({}), "{answer}");
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_id_of_a_request_that_rmcp_rejects_is_free_again() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for tool in ["wait", "wait_slowly"] {
            let message = call(5, tool, json!({"ms": 0}));
            let rejected = client.request(&message);
            let rejected = rejected.header("mcp-protocol-version", "1999-01-01");
            let mut connection = AsyncConnection::connect(server.address()).await;
            assert_eq!(connection.exchange(&rejected).await.status, 400);
            assert_eq!(text_of(&client.ask(&message).await), "waited");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn each_client_has_ids_of_its_own() {
    let others = |way: &Way| way.transport != Transport::Stdio;
    each(Way::all().filter(others), async |way| {
        let mut server = Server::start(way).await;
        let mut one = Client::ready(&mut server).await;
        let mut other = Client::ready(&mut server).await;
        one.send(&call(1, "hold", json!({}))).await;
        server.calls.begun(1).await;
        let answer = other.ask(&call(1, "wait", json!({"ms": 0}))).await;
        assert_eq!(text_of(&answer), "waited");
        server.calls.release();
        assert_eq!(text_of(&one.receive().await), "held");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_request_over_the_limit_is_rejected_and_does_not_run() {
    const LIMIT: usize = 8;
    each(Way::with_known_clients(), async |way| {
        let settings = Settings {
            limits: Limits {
                max_in_flight: LIMIT,
                ..Settings::default().limits
            },
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        for id in 0..LIMIT {
            let tool = if id % 2 == 0 { "hang" } else { "hang_slowly" };
            client.send(&call(id, tool, json!({}))).await;
        }
        server.calls.begun(LIMIT).await;
        for tool in ["count", "count_slowly", "hang", "hang_slowly"] {
            let answer = client.ask(&call("more", tool, json!({}))).await;
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        }
        assert_eq!(server.calls.count_begun(), LIMIT);
        client.send(&cancel(0)).await;
        let answer = client.ask(&call("more", "count", json!({}))).await;
        assert_eq!(text_of(&answer), "counted");
        for id in 1..LIMIT {
            client.send(&cancel(id)).await;
        }
        server.calls.dropped(LIMIT + 1).await;
        server.stop().await;
    })
    .await;
}

/// Lists the ways on which a client can send a request while the fast path polls another.
pub(crate) fn concurrent() -> impl Iterator<Item = Way> {
    let ways = Way::with_known_clients();
    ways.filter(|way| way.fast_path && way.transport != Transport::Stdio)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn an_id_is_taken_before_its_call_is_polled() {
    each(concurrent(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let first = client.post_in_background(&call(7, "block", json!({})));
        server.calls.begun(1).await;
        let second = client.post_in_background(&call(7, "count", json!({})));
        second.await.unwrap();
        let answer = client.receive().await;
        let begun = server.calls.count_begun();
        // Before the checks: a blocked thread would keep a failed test from ending.
        server.calls.release();
        assert_rejected(&answer);
        assert_eq!(begun, 1);
        first.await.unwrap();
        assert_eq!(text_of(&client.receive().await), "released");
        server.stop().await;
    })
    .await;
}
