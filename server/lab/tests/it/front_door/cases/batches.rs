//! Batches, which 2025-03-26 has.

use serde_json::json;
use testkit::{client::Peer, http::once};

use crate::common::{Client, Server, Subject};

pub(crate) fn a_batch_is_answered_message_by_message(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::connect(&mut server);
    client.shake_hands("2025-03-26");
    let plain = subject.plain();
    let batch = json!([
        {"jsonrpc": "2.0", "id": "ping", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": "none"},
        {"jsonrpc": "2.0", "id": "call", "method": "tools/call",
            "params": plain.params()},
    ]);
    let mut answers = match &mut client.peer {
        Peer::Streamable(streamable) => {
            let request = streamable.request(&batch.to_string());
            let response = once(server.address(), &request);
            if !subject.has_fast_path() {
                // rmcp alone takes no arrays: JSON that is no message (docs/differences.md).
                assert_eq!(response.status, 400, "{}", response.text());
                assert_eq!(response.messages()[0]["error"]["code"], -32600);
                return;
            }
            assert_eq!(response.content_type(), subject.content_type());
            response.messages()
        }
        peer => {
            peer.begin(&batch.to_string());
            (0..3).map(|_| peer.end()).collect()
        }
    };
    answers.sort_by_key(|answer| answer["id"].to_string());
    let [call, none, ping] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    plain.is_answered_by(&call["result"]);
    assert_eq!(none["error"]["code"], -32600, "{none}");
    assert_eq!(ping["result"], json!({}));
    client.is_served();
}
