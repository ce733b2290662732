//! Clients of SSE that do not read their event stream.

use std::{collections::HashSet, net::SocketAddr};

use serde_json::{Value, json};
use testkit::http::{AsyncConnection, Request, Response};
use transports::Limits;

use crate::{
    client::{Client, REVISION, call, initialize, initialized, listen},
    each,
    server::{Server, Settings, Transport, Way},
};

const ANSWER_BYTES: usize = 256 * 1024;
const QUEUE_BYTES: usize = 4 * ANSWER_BYTES;
/// Far more than the queue and the sockets' buffers hold.
const MOST_ANSWERS: u32 = 1000;

/// A session, and where to post its messages.
struct Session {
    address: SocketAddr,
    endpoint: String,
}

impl Session {
    async fn post(&self, message: &Value) -> Response {
        let post = Request::message(&self.endpoint, message.to_string());
        let mut connection = AsyncConnection::connect(self.address).await;
        connection.exchange(&post).await
    }

    /// Calls `tool` until a call is rejected. Returns the ids of the calls that were accepted.
    async fn fill(&self, tool: &str) -> HashSet<String> {
        let mut accepted = HashSet::new();
        for number in 0..MOST_ANSWERS {
            let id = format!("{tool} {number}");
            let message = call(id.as_str(), tool, json!({"bytes": ANSWER_BYTES}));
            let reply = self.post(&message).await;
            if reply.status == 503 {
                assert_eq!(reply.header("retry-after"), Some("1"), "{reply:?}");
                assert!(reply.text().contains("event stream"), "{reply:?}");
                return accepted;
            }
            assert_eq!(reply.status, 202, "{reply:?}");
            accepted.insert(id);
        }
        panic!("{MOST_ANSWERS} answers wait for a client that reads nothing");
    }
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_told_so_and_may_go_on_when_it_has_read_them() {
    let over_sse = Way::all().filter(|way| way.transport == Transport::Sse);
    each(over_sse, async |way| {
        let limits = Limits {
            max_queued_bytes: QUEUE_BYTES,
            ..Settings::default().limits
        };
        let settings = Settings {
            limits,
            ..Settings::default()
        };
        let mut server = Server::with(way, settings).await;
        for tool in ["repeat", "repeat_slowly"] {
            let (mut stream, endpoint) = listen(server.address()).await;
            let session = Session {
                address: server.address(),
                endpoint,
            };
            for message in [initialize(REVISION), initialized()] {
                assert_eq!(session.post(&message).await.status, 202);
            }
            stream
                .event()
                .await
                .unwrap()
                .expect("the handshake's answer");
            let mut awaited = session.fill(tool).await;
            Client::ready(&mut server).await.is_served().await;
            while !awaited.is_empty() {
                let event = stream.event().await.unwrap().expect("an answer");
                let answer = event.message();
                let text = answer["result"]["content"][0]["text"].as_str().unwrap();
                assert_eq!(text.len(), ANSWER_BYTES);
                assert!(awaited.remove(answer["id"].as_str().unwrap()));
            }
            let reply = session.post(&call("last", "now", json!({}))).await;
            assert_eq!(reply.status, 202, "{reply:?}");
            let event = stream.event().await.unwrap().expect("an answer");
            assert_eq!(event.message()["id"], "last");
        }
        server.stop().await;
    })
    .await;
}
