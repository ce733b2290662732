//! The lifetime, the limit and the answers of sessions.

use std::time::Duration;

use serde_json::json;
use testkit::http::{AsyncConnection, Request, Response};
use tokio::time::sleep;
use transports::{Limits, streamable::Answer};

use crate::{
    cancellation::delete,
    client::{Client, Link, REVISION, call, initialize, initialized, text_of},
    each, eventually,
    server::{Server, Settings, Way},
};

async fn exchange(server: &Server, post: &Request) -> Response {
    AsyncConnection::connect(server.address())
        .await
        .exchange(post)
        .await
}

/// Returns the status of a call in the session of `client`.
async fn status(server: &Server, client: &Client) -> u16 {
    let post = client.request(&call("status", "now", json!({})));
    exchange(server, &post).await.status
}

#[tokio::test]
async fn with_the_fast_path_a_json_server_answers_json_in_a_session_too() {
    each(Way::in_sessions(), async |way| {
        let is_json = way.fast_path && way.answer() == Some(Answer::Json);
        let expected = if is_json {
            "application/json"
        } else {
            "text/event-stream"
        };
        let mut server = Server::start(way).await;
        let opened = exchange(
            &server,
            &Request::message("/mcp", initialize(REVISION).to_string()),
        )
        .await;
        assert_eq!(opened.header("content-type"), Some(expected), "{opened:?}");
        assert!(opened.header("mcp-session-id").is_some(), "{opened:?}");
        let client = Client::ready(&mut server).await;
        for message in [
            call(1, "now", json!({})),
            call(2, "wait", json!({"ms": 10})),
            call(3, "wait_slowly", json!({"ms": 10})),
            call(4, "refuse", json!({})),
            call(5, "no_such_tool", json!({})),
            json!({"jsonrpc": "2.0", "id": 6, "method": "tools/list"}),
            json!({"jsonrpc": "2.0", "id": 7, "method": "ping"}),
            json!({"jsonrpc": "2.0", "id": 8, "method": "no/such/method"}),
        ] {
            let reply = exchange(&server, &client.request(&message)).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.header("content-type"), Some(expected), "{message}");
            assert_eq!(reply.messages()[0]["id"], message["id"]);
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn traffic_keeps_a_session_and_silence_ends_it() {
    each(Way::in_sessions(), async |way| {
        let settings = Settings {
            session_ttl: Duration::from_secs(1),
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        let taken = server.fast_path_count();
        // First on the fast path, then on the SDK's path.
        for tool in ["now", "wait_slowly"] {
            for _ in 0..10 {
                sleep(Duration::from_millis(150)).await;
                client.ask(&call(1, tool, json!({"ms": 0}))).await;
            }
        }
        let more = server
            .fast_path_count()
            .zip(taken)
            .map(|(now, then)| now - then);
        assert_eq!(more, way.fast_path.then_some(10));
        sleep(Duration::from_millis(2500)).await;
        assert_eq!(status(&server, &client).await, 404);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_in_flight_keeps_its_session_until_its_client_can_go_on() {
    each(Way::in_sessions(), async |way| {
        for tool in ["wait", "wait_slowly"] {
            let settings = Settings {
                session_ttl: Duration::from_secs(1),
                ..Settings::default()
            };
            let mut server = Server::with(way, settings).await;
            let mut client = Client::ready(&mut server).await;
            let answer = client.ask(&call(1, tool, json!({"ms": 2500}))).await;
            assert_eq!(text_of(&answer), "waited");
            // Longer than the time to the next sweep of the sessions.
            sleep(Duration::from_millis(250)).await;
            assert_eq!(status(&server, &client).await, 200, "{tool}");
            server.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_unknown_deleted_or_not_named_gets_what_rmcp_gives_it() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        assert_eq!(status(&server, &client).await, 200);
        assert_eq!(delete(&server, &client).await, 204);
        assert_eq!(status(&server, &client).await, 404);
        let Link::Streamable(_, headers) = &mut client.link else {
            panic!("it is Streamable HTTP");
        };
        headers.retain(|(name, _)| *name != "mcp-session-id");
        assert_eq!(status(&server, &client).await, 400);
        if let Link::Streamable(_, headers) = &mut client.link {
            headers.push(("mcp-session-id", "0123456789abcdef".into()));
        }
        assert_eq!(status(&server, &client).await, 404);
        Client::ready(&mut server).await.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn there_are_no_more_sessions_than_may_be() {
    each(Way::in_sessions(), async |way| {
        let settings = Settings {
            limits: Limits {
                max_sessions: 2,
                ..Settings::default().limits
            },
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut first = Client::ready(&mut server).await;
        let second = Client::ready(&mut server).await;
        let rejected = exchange(
            &server,
            &Request::message("/mcp", initialize(REVISION).to_string()),
        )
        .await;
        assert_eq!(rejected.status, 503, "{rejected:?}");
        assert!(
            rejected.text().contains("too many sessions"),
            "{rejected:?}"
        );
        first.is_served().await;
        assert_eq!(delete(&server, &second).await, 204);
        Client::ready(&mut server).await.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_more_than_one_message_is_an_event_stream_whatever_the_server_answers() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let client = Client::ready(&mut server).await;
        let mut message = call("it", "report", json!({}));
        message["params"]["_meta"] = json!({"progressToken": "mine"});
        let reply = exchange(&server, &client.request(&message)).await;
        assert_eq!(reply.header("content-type"), Some("text/event-stream"));
        let [half, whole] = &reply.messages()[..] else {
            panic!("{reply:?}");
        };
        assert_eq!(half["params"]["progressToken"], "mine", "{half}");
        assert_eq!(text_of(whole), "reported");
        // Without anything to report before the answer there is one message.
        let reply = exchange(&server, &client.request(&call("it", "report", json!({})))).await;
        assert_eq!(reply.messages().len(), 1, "{reply:?}");
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn rmcp_learns_of_a_session_with_the_first_message_that_it_has_to_answer() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for message in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}),
            call(3, "now", json!({})),
        ] {
            let answer = client.ask(&message).await;
            assert!(answer["result"].is_object(), "{answer}");
        }
        if way.fast_path {
            assert_eq!(server.calls.count_handshakes(), 0);
        }
        for id in [4, 5] {
            let answer = client.ask(&call(id, "name_client", json!({}))).await;
            assert_eq!(text_of(&answer), "testkit");
        }
        eventually("rmcp has the handshake", || {
            server.calls.count_handshakes() == 1
        })
        .await;
        client.is_served().await;
        assert_eq!(delete(&server, &client).await, 204);
        assert_eq!(status(&server, &client).await, 404);
        assert_eq!(server.calls.count_handshakes(), 1);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn messages_that_come_at_the_same_time_start_rmcp_once() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for id in 0..20 {
            client.post_in_background(&call(id, "wait_slowly", json!({"ms": 10})));
        }
        for answer in client.receive_all(20).await {
            assert_eq!(text_of(&answer), "waited");
        }
        eventually("rmcp has the handshake", || {
            server.calls.count_handshakes() > 0
        })
        .await;
        assert_eq!(server.calls.count_handshakes(), 1);
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_while_rmcp_starts_finds_its_session_again() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        for _ in 0..20 {
            let mut client = Client::ready(&mut server).await;
            let mut connection = AsyncConnection::connect(server.address()).await;
            let message = call("left", "count_slowly", json!({}));
            connection.send(&client.request(&message)).await;
            drop(connection);
            let answer = client.ask(&call(1, "name_client", json!({}))).await;
            assert_eq!(text_of(&answer), "testkit");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_may_end_its_handshake_late() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::connect(&mut server).await;
        let post = Request::message("/mcp", initialize(REVISION).to_string());
        let opened = exchange(&server, &post).await;
        let session = opened.header("mcp-session-id").unwrap();
        client.add_header("mcp-session-id", session);
        let answer = client.ask(&call(1, "name_client", json!({}))).await;
        assert_eq!(text_of(&answer), "testkit");
        assert_eq!(server.calls.count_handshakes(), 0);
        client.send(&initialized()).await;
        eventually("rmcp has the handshake", || {
            server.calls.count_handshakes() == 1
        })
        .await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn an_event_stream_of_a_new_session_is_open_until_the_session_ends() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let client = Client::ready(&mut server).await;
        let mut get = client.request(&json!({}));
        get.method = "GET".into();
        get.body.clear();
        let mut stream = AsyncConnection::connect(server.address()).await;
        stream.send(&get).await;
        assert_eq!(stream.head().await.status, 200);
        assert_eq!(delete(&server, &client).await, 204);
        // The first event says when to come back, and has no data.
        while let Some(event) = stream.event().await.unwrap() {
            assert_eq!(event.data, "");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_long_handshake_is_left_to_rmcp() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut message = initialize(REVISION);
        message["params"]["clientInfo"]["title"] = json!("x".repeat(5000));
        let opened = exchange(&server, &Request::message("/mcp", message.to_string())).await;
        let session = opened.header("mcp-session-id").unwrap();
        let mut client = Client::connect(&mut server).await;
        client.add_header("mcp-session-id", session);
        client.send(&initialized()).await;
        eventually("rmcp has the handshake", || {
            server.calls.count_handshakes() == 1
        })
        .await;
        client.is_served().await;
        server.stop().await;
    })
    .await;
}
