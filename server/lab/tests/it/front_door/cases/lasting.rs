//! One stream that carries many requests at once.

use serde_json::json;
use testkit::{client::Peer, http::once};

use crate::common::{Client, Gate, Server, Subject, client};

pub(crate) fn a_fast_answer_overtakes_a_slow_one(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let slow = client.begin_held();
    gate.wait_for(1);
    client.is_served();
    gate.open();
    assert_eq!(client.end_held(), slow);
}

pub(crate) fn an_id_that_is_in_flight_is_refused_at_once(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let id = client.begin_held();
    gate.wait_for(1);
    let echo = client::call("echo", &json!({"message": "x"}));
    client
        .peer
        .begin(&client::request(&id, "tools/call", &echo));
    let refused = client.peer.end();
    assert_eq!(
        (&refused["error"]["code"], &refused["id"]),
        (&json!(-32600), &id),
        "{refused}"
    );
    gate.open();
    assert_eq!(client.end_held(), id);
    client.is_served();
}

pub(crate) fn an_id_may_be_used_again_after_its_answer(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let ping = client::request(&json!("again"), "ping", &json!({}));
    for _ in 0..200 {
        client.peer.begin(&ping);
        let answer = client.peer.end();
        assert_eq!(
            (&answer["id"], &answer["result"]),
            (&json!("again"), &json!({})),
            "{answer}"
        );
    }
}

pub(crate) fn what_comes_before_the_first_request_is_survived(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::connect(&mut server);
    client.notify("notifications/initialized", &json!({}));
    client.notify("notifications/unheard_of", &json!({}));
    client.shake_hands(client::REVISION);
    client.is_served();
}

pub(crate) fn json_that_is_no_message_is_refused_with_its_id(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    client.peer.begin("{\"jsonrpc\":\"2.0\",\"id\":\"mine\"}");
    let refused = client.peer.end();
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    assert_eq!(refused["id"], "mine");
    for message in ["[]", "1", "null"] {
        match &mut client.peer {
            Peer::Sse(sse) => {
                assert_eq!(
                    once(server.address(), &sse.request(message)).status,
                    400,
                    "{message}"
                );
            }
            peer => {
                peer.begin(message);
                assert_eq!(peer.end()["error"]["code"], -32600, "{message}");
            }
        }
    }
    client.is_served();
}
