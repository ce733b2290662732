//! Calls that are cancelled.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use testkit::http::{AsyncConnection, Request, Response};
use tokio::time::timeout;

use crate::{
    client::{Client, Link, call, cancel, text_of},
    each,
    failures::newer,
    ids::concurrent,
    server::{LONG, Server, Transport, Way},
};

/// On the fast path, and on the SDK's path.
const HANGING: [&str; 2] = ["hang", "hang_slowly"];

#[tokio::test]
async fn a_cancelled_call_is_dropped_unanswered_and_its_id_is_free() {
    each(Way::with_known_clients(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let mut cancelled = 0;
        for tool in HANGING {
            for id in [json!(7), json!("seven")] {
                client.send(&call(id.clone(), tool, json!({}))).await;
                server.calls.begun(cancelled + 1).await;
                client.send(&cancel(id.clone())).await;
                cancelled += 1;
                server.has_freed(cancelled, tool).await;
                for tool in ["wait", "wait_slowly"] {
                    let answer = client.ask(&call(id.clone(), tool, json!({"ms": 0}))).await;
                    assert_eq!(text_of(&answer), "waited");
                }
            }
        }
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_post_of_a_cancelled_call_ends_without_a_message() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for (before, tool) in HANGING.into_iter().enumerate() {
            let answered = client.post(&call(1, tool, json!({}))).await;
            server.calls.begun(before + 1).await;
            client.send(&cancel(1)).await;
            assert_is_empty(&timeout(LONG, answered).await.unwrap().unwrap());
        }
        server.stop().await;
    })
    .await;
}

fn assert_is_empty(reply: &Response) {
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.messages().len(), 0, "{reply:?}");
}

#[tokio::test]
async fn a_cancellation_of_a_request_that_is_not_in_flight_changes_nothing() {
    each(Way::with_known_clients(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&cancel(99)).await;
        client.send(&call(1, "hold", json!({}))).await;
        server.calls.begun(1).await;
        // The string is another id.
        client.send(&cancel("1")).await;
        server.calls.release();
        assert_eq!(text_of(&client.receive().await), "held");
        client.send(&cancel(1)).await;
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_call_that_is_cancelled_during_its_first_poll_ends() {
    each(concurrent(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let post = client.post_in_background(&call(1, "block_and_hang", json!({})));
        server.calls.begun(1).await;
        client.send(&cancel(1)).await;
        server.calls.release();
        server.calls.dropped(1).await;
        post.await.unwrap();
        let answer = client.ask(&call(1, "now", json!({}))).await;
        assert_eq!(text_of(&answer), "done");
        // A call that is ready at its first poll is not answered either.
        let post = client.post_in_background(&call(2, "block", json!({})));
        server.calls.begun(2).await;
        client.send(&cancel(2)).await;
        server.calls.release();
        post.await.unwrap();
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_closed_stream_cancels_a_call_of_2026_07_28() {
    each(Way::streamable(), async |way| {
        let server = Server::start(way).await;
        for (before, tool) in HANGING.into_iter().enumerate() {
            let mut connection = AsyncConnection::connect(server.address()).await;
            connection.send(&newer(tool)).await;
            server.calls.begun(before + 1).await;
            drop(connection);
            server.calls.dropped(before + 1).await;
        }
        assert_eq!(server.fast_path_count(), way.fast_path.then_some(1));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_closed_stream_does_not_cancel_a_call_of_earlier_revisions() {
    // Alone, without sessions, rmcp ends a call with its connection, whatever the revision.
    let waits = |way: &Way| way.fast_path || matches!(way.transport, Transport::Session(_));
    each(Way::streamable().filter(waits), async |way| {
        for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            let mut server = Server::start(way).await;
            let client = Client::of(&mut server, revision).await;
            let post = client.request(&call(1, "hold", json!({})));
            let mut connection = AsyncConnection::connect(server.address()).await;
            connection.send(&post).await;
            server.calls.begun(1).await;
            drop(connection);
            // Long enough for a server that takes it for a cancellation.
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.calls.release();
            server.calls.dropped(1).await;
            assert_eq!(server.calls.finished(), 1, "{revision}");
            server.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_calls() {
    each(Way::in_sessions(), async |way| {
        // rmcp gives its own calls 5 s to be answered all the same.
        let cases = HANGING.map(async |tool| {
            let mut server = Server::start(way).await;
            let mut client = Client::ready(&mut server).await;
            let answered = client.post(&call(1, tool, json!({}))).await;
            server.calls.begun(1).await;
            assert_eq!(delete(&server, &client).await, 204);
            server.calls.dropped(1).await;
            assert_is_empty(&timeout(LONG, answered).await.unwrap().unwrap());
            let post = client.request(&call(2, "now", json!({})));
            let reply = AsyncConnection::connect(server.address())
                .await
                .exchange(&post)
                .await;
            assert_eq!(reply.status, 404);
            server.stop().await;
        });
        join_all(cases).await;
    })
    .await;
}

/// Deletes the client's session, and returns the status.
pub(crate) async fn delete(server: &Server, client: &Client) -> u16 {
    let address = server.address();
    let Link::Streamable(_, headers) = &client.link else {
        panic!("it has no session to delete");
    };
    let delete = Request::new("DELETE", "/mcp");
    let delete = headers
        .iter()
        .fold(delete, |all, (name, value)| all.with(name, value));
    let mut connection = AsyncConnection::connect(address).await;
    connection.exchange(&delete).await.status
}

#[tokio::test]
async fn the_end_of_its_event_stream_ends_the_calls_of_a_client() {
    each(
        Way::all().filter(|way| way.transport == Transport::Sse),
        async |way| {
            // rmcp gives its own calls 5 s to be answered all the same.
            let cases = HANGING.map(async |tool| {
                let server = Server::start(way).await;
                let address = server.address();
                let (mut stream, endpoint) = crate::client::listen(address).await;
                for message in [
                    crate::client::initialize("2024-11-05"),
                    crate::client::initialized(),
                    call(1, tool, json!({})),
                ] {
                    let post = Request::message(&endpoint, message.to_string());
                    let reply = AsyncConnection::connect(address)
                        .await
                        .exchange(&post)
                        .await;
                    assert_eq!(reply.status, 202);
                    if message.get("id").is_some() && message["id"] != 1 {
                        stream.event().await.unwrap().expect("an answer");
                    }
                }
                server.calls.begun(1).await;
                drop(stream);
                server.calls.dropped(1).await;
                server.stop().await;
            });
            join_all(cases).await;
        },
    )
    .await;
}

#[tokio::test]
async fn the_shutdown_does_not_wait_for_a_cancelled_call() {
    each(Way::with_known_clients(), async |way| {
        for tool in HANGING {
            let mut server = Server::start(way).await;
            let mut client = Client::ready(&mut server).await;
            client.send(&call(1, tool, json!({}))).await;
            server.calls.begun(1).await;
            client.send(&cancel(1)).await;
            server.calls.dropped(1).await;
            let stopped = timeout(Duration::from_secs(15), server.stop()).await;
            assert!(stopped.is_ok(), "it waited for its drain timeout");
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_that_is_not_allowed_cancels_nothing_and_learns_nothing() {
    each(Way::in_sessions(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "hold", json!({}))).await;
        server.calls.begun(1).await;
        for (message, header, value, status) in [
            (cancel(1), "origin", "http://evil.example", 403),
            (
                call(1, "now", json!({})),
                "origin",
                "http://evil.example",
                403,
            ),
            (cancel(1), "mcp-protocol-version", "1999-01-01", 400),
        ] {
            let post = client.request(&message).header(header, value);
            let reply = AsyncConnection::connect(server.address())
                .await
                .exchange(&post)
                .await;
            assert_eq!(reply.status, status, "{reply:?}");
        }
        server.calls.release();
        assert_eq!(text_of(&client.receive().await), "held");
        // A header that only rmcp may judge, and finds right.
        client.send(&call(2, "hang", json!({}))).await;
        server.calls.begun(2).await;
        let post = client
            .request(&cancel(2))
            .header("origin", "http://LOCALHOST:1");
        let reply = AsyncConnection::connect(server.address())
            .await
            .exchange(&post)
            .await;
        assert_eq!(reply.status, 202, "{reply:?}");
        server.calls.dropped(2).await;
        server.stop().await;
    })
    .await;
}
