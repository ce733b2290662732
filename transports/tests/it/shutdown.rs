//! The shutdown of a server, and connections that stall.

use std::time::Duration;

use serde_json::json;
use testkit::http::AsyncConnection;

use crate::{
    client::{Client, call, text_of},
    each,
    server::{SHORT, Server, Settings, Transport, Way},
};

#[tokio::test]
async fn the_shutdown_answers_calls_in_flight_and_then_ends_the_streams() {
    each(Way::all(), async |way| {
        for tool in ["hold", "hold_slowly"] {
            let mut server = Server::start(way).await;
            let mut client = Client::ready(&mut server).await;
            client.send(&call(1, tool, json!({}))).await;
            server.calls.begun(1).await;
            server.shutdown.begin();
            // Long enough for a server that does not wait.
            tokio::time::sleep(Duration::from_millis(100)).await;
            server.calls.release();
            assert_eq!(text_of(&client.receive().await), "held");
            client.ends().await;
            server.ended().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_shutdown_waits_no_longer_than_the_drain_timeout() {
    each(Way::all(), async |way| {
        let settings = Settings {
            drain_timeout: SHORT,
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        client.send(&call(1, "hang", json!({}))).await;
        server.calls.begun(1).await;
        // Ends although the call never does.
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_fast_answer_overtakes_a_slow_one() {
    each(Way::all(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        for (begun, slow) in ["hold", "hold_slowly"].into_iter().enumerate() {
            client.send(&call("slow", slow, json!({}))).await;
            server.calls.begun(begun + 1).await;
            client.is_served().await;
            server.calls.release();
            assert_eq!(client.receive().await["id"], "slow");
        }
        server.stop().await;
    })
    .await;
}

fn stateless() -> impl Iterator<Item = Way> {
    Way::all().filter(|way| matches!(way.transport, Transport::Stateless(_)))
}

#[tokio::test]
async fn a_head_that_does_not_arrive_closes_its_connection_and_no_other() {
    each(stateless(), async |way| {
        let mut server = Server::start(way).await;
        let client = Client::ready(&mut server).await;
        let post = |id, ms| client.request(&call(id, "wait", json!({"ms": ms})));
        let mut idle = AsyncConnection::connect(server.address()).await;
        assert_eq!(idle.exchange(&post(1, 0)).await.messages()[0]["id"], 1);
        let mut slow = AsyncConnection::connect(server.address()).await;
        let long = post(2, 800);
        let working = tokio::spawn(async move { slow.exchange(&long).await });
        let mut slowloris = AsyncConnection::connect(server.address()).await;
        slowloris
            .write(b"POST /mcp HTTP/1.1\r\nhost: ")
            .await
            .unwrap();
        assert!(slowloris.closes().await);
        assert_eq!(working.await.unwrap().messages()[0]["id"], 2);
        assert_eq!(idle.exchange(&post(3, 0)).await.messages()[0]["id"], 3);
        server.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_under_load_answers_in_full_or_not_at_all() {
    each(stateless(), async |way| {
        let mut server = Server::start(way).await;
        let client = Client::ready(&mut server).await;
        let address = server.address();
        let callers: Vec<_> = (0..20)
            .map(|caller| {
                let post = client.request(&call(caller, "wait", json!({"ms": 0})));
                tokio::spawn(async move {
                    let mut connection = AsyncConnection::connect(address).await;
                    let mut answered = 0;
                    while let Some(reply) = connection.exchange_or_closed(&post).await {
                        let answer = &reply.messages()[0];
                        assert_eq!(answer["id"], caller, "{reply:?}");
                        assert_eq!(text_of(answer), "waited");
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.stop().await;
        for caller in callers {
            assert!(caller.await.unwrap() > 0);
        }
    })
    .await;
}
