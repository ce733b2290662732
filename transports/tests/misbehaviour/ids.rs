//! Which ids a client may use.

use serde_json::{Value, json};

use crate::{
    client::{Client, call, cancel, text_of},
    each,
    http::Connection,
    server::{Server, Transport, Way},
};

fn ping(id: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "ping"})
}

#[tokio::test]
async fn an_id_in_flight_is_refused_at_once_whoever_has_it() {
    each(Way::remembering(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let mut begun = 0;
        for first in ["hang", "hang_slowly"] {
            for id in [json!(7), json!("seven"), json!("")] {
                client.say(&call(id.clone(), first, json!({}))).await;
                begun += 1;
                server.calls.begun(begun).await;
                for second in ["now", "wait", "wait_slowly", "hang", "no_such_tool"] {
                    let again = call(id.clone(), second, json!({"ms": 0}));
                    assert_refused(&client.ask(&again).await);
                }
                assert_refused(&client.ask(&ping(&id)).await);
                client.say(&cancel(id.clone())).await;
                server.is_rid_of(begun, first).await;
                let answer = client.ask(&ping(&id)).await;
                assert_eq!(answer["result"], json!({}), "{answer}");
            }
        }
        client.hears_nothing().await;
        server.stop().await;
    })
    .await;
}

fn assert_refused(answer: &Value) {
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    let said = answer["error"]["message"].as_str().unwrap();
    assert!(said.contains("in flight"), "{answer}");
}

#[tokio::test]
async fn the_first_with_an_id_is_answered_and_the_id_is_free_then() {
    each(Way::remembering(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for (begun, first) in ["hold", "hold_slowly"].into_iter().enumerate() {
            client.say(&call(7, first, json!({}))).await;
            server.calls.begun(begun + 1).await;
            assert_refused(&client.ask(&call(7, "now", json!({}))).await);
            // A number is not the string of its digits.
            let other = client.ask(&call("7", "now", json!({}))).await;
            assert_eq!(text_of(&other), "done");
            server.calls.let_go();
            assert_eq!(text_of(&client.hear().await), "held");
            for _ in 0..20 {
                for tool in ["now", "wait", "wait_slowly"] {
                    let answer = client.ask(&call(7, tool, json!({"ms": 0}))).await;
                    assert_eq!(answer["result"]["isError"], false, "{answer}");
                }
                let answer = client.ask(&ping(&json!(7))).await;
                assert_eq!(answer["result"], json!({}), "{answer}");
            }
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_id_that_rmcp_refuses_is_free_again() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for tool in ["wait", "wait_slowly"] {
            let message = call(5, tool, json!({"ms": 0}));
            let mut refused = client.request(&message);
            refused
                .headers
                .retain(|(name, _)| *name != "mcp-protocol-version");
            let refused = refused.header("mcp-protocol-version", "1999-01-01");
            let mut connection = Connection::open(server.address()).await;
            assert_eq!(connection.exchange(&refused).await.status, 400);
            assert_eq!(text_of(&client.ask(&message).await), "waited");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn ids_are_a_clients_own() {
    let others = |way: &Way| way.transport != Transport::Stdio;
    each(Way::all().filter(others), async |way| {
        let mut server = Server::start(way).await;
        let mut one = Client::ready(&mut server).await;
        let mut other = Client::ready(&mut server).await;
        one.say(&call(1, "hold", json!({}))).await;
        server.calls.begun(1).await;
        let answer = other.ask(&call(1, "wait", json!({"ms": 0}))).await;
        assert_eq!(text_of(&answer), "waited");
        server.calls.let_go();
        assert_eq!(text_of(&one.hear().await), "held");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn no_more_than_1024_requests_are_in_flight() {
    let pipes = |way: &Way| way.transport == Transport::Stdio;
    each(Way::all().filter(pipes), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for id in 0..1024 {
            let tool = if id % 2 == 0 { "hang" } else { "hang_slowly" };
            client.say(&call(id, tool, json!({}))).await;
        }
        server.calls.begun(1024).await;
        for tool in ["wait_slowly", "hang"] {
            let answer = client.ask(&call("more", tool, json!({"ms": 0}))).await;
            assert_eq!(answer["error"]["code"], -32000, "{answer}");
        }
        client.say(&cancel(0)).await;
        let answer = client
            .ask(&call("more", "wait_slowly", json!({"ms": 0})))
            .await;
        assert_eq!(text_of(&answer), "waited");
        for id in 1..1024 {
            client.say(&cancel(id)).await;
        }
        server.calls.are_gone(1024).await;
        server.stop().await;
    })
    .await;
}
