//! Bodies that do not arrive, arrive late, or are too large.

use std::time::Duration;

use serde_json::json;
use testkit::http::{AsyncConnection, Request};
use transports::Limits;

use crate::{
    client::{Client, call},
    each,
    server::{MAX_BODY_BYTES, SHORT, Server, Settings, Transport, Way},
};

fn listening() -> impl Iterator<Item = Way> {
    Way::all().filter(|way| way.transport != Transport::Stdio)
}

/// A call in the conversation of `client`.
fn post(client: &Client) -> Request {
    client.request(&call("late", "wait", json!({"ms": 0})))
}

/// The bytes of the head of `post`, for a body of `length` bytes.
fn head(post: &Request, length: usize) -> Vec<u8> {
    let mut post = post.clone().with("Host", "localhost");
    post.body.clear();
    post.with("Content-Length", length.to_string()).bytes()
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_closes_its_connection_and_no_other() {
    each(listening(), async |way| {
        let settings = Settings {
            limits: Limits {
                body_timeout: SHORT,
                ..Settings::default().limits
            },
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        let mut client = Client::ready(&mut server).await;
        let post = post(&client);
        let mut late = AsyncConnection::connect(server.address()).await;
        late.write(&head(&post, post.body.len())).await.unwrap();
        late.write(&post.body[..10]).await.unwrap();
        client.is_served().await;
        let reply = late.response().await;
        assert_eq!(reply.status, 408, "{reply:?}");
        assert!(reply.text().contains("within 0.2 s"), "{reply:?}");
        assert_eq!(reply.header("connection"), Some("close"), "{reply:?}");
        assert!(late.closes().await);
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    each(listening(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let post = post(&client);
        let mut slow = AsyncConnection::connect(server.address()).await;
        slow.write(&head(&post, post.body.len())).await.unwrap();
        let (first, rest) = post.body.split_at(20);
        let (second, third) = rest.split_at(20);
        for piece in [first, second, third] {
            slow.write(piece).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let reply = slow.response().await;
        if way.transport == Transport::Sse {
            assert_eq!(reply.status, 202, "{reply:?}");
            assert_eq!(client.receive().await["id"], "late");
        } else {
            assert_eq!(reply.messages()[0]["id"], "late", "{reply:?}");
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_rejected_before_all_of_it_arrives() {
    each(listening(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let head = head(&post(&client), 1000 * MAX_BODY_BYTES);
        let mut large = AsyncConnection::connect(server.address()).await;
        large.write(&head).await.unwrap();
        large.write(&vec![b' '; MAX_BODY_BYTES + 1]).await.unwrap();
        let reply = large.response().await;
        assert_eq!(reply.status, 413, "{reply:?}");
        client.is_served().await;
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_body_that_breaks_off_affects_no_other_client() {
    each(listening(), async |way| {
        let mut server = Server::start(way).await;
        let mut client = Client::ready(&mut server).await;
        let post = post(&client);
        let mut broken = AsyncConnection::connect(server.address()).await;
        broken.write(&head(&post, post.body.len())).await.unwrap();
        broken.write(&post.body[..10]).await.unwrap();
        drop(broken);
        client.is_served().await;
        client.receives_nothing().await;
        server.stop().await;
    })
    .await;
}
