//! Legacy HTTP+SSE.

use serde_json::json;
use testkit::{
    client::{Peer, Sse},
    http::{Request, once},
};

use crate::common::{Client, Server, Subject, client, eventually};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

pub(crate) fn a_post_without_a_session_is_refused(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for (path, status) in [
        ("/messages", 400),
        ("/messages?session=1", 400),
        ("/messages?sessionId=", 404),
        ("/messages?sessionId=0123456789abcdef0123456789abcdef", 404),
    ] {
        let refused = once(server.address(), &Request::message(path, PING));
        assert_eq!(refused.status, status, "{path}");
    }
}

pub(crate) fn closing_the_stream_ends_its_session(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut stays = Client::ready(&mut server);
    let leaves = Sse::open(server.address());
    let post = leaves.request(PING);
    assert_eq!(once(server.address(), &post).status, 202);
    drop(leaves);
    eventually("the session is gone", || {
        (once(server.address(), &post).status == 404).then_some(())
    });
    stays.is_served();
}

pub(crate) fn other_methods_are_not_allowed(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for (method, path, allowed) in [
        ("POST", "/sse", "GET"),
        ("DELETE", "/sse", "GET"),
        ("GET", "/messages", "POST"),
        ("PUT", "/messages?sessionId=1", "POST"),
    ] {
        let refused = once(server.address(), &Request::new(method, path));
        assert_eq!(
            (refused.status, refused.header("allow")),
            (405, Some(allowed)),
            "{method}"
        );
    }
}

pub(crate) fn sessions_do_not_hear_each_other(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut clients: Vec<_> = (0..5).map(|_| Client::ready(&mut server)).collect();
    let endpoints: std::collections::HashSet<_> = clients
        .iter()
        .map(|client| match &client.peer {
            Peer::Sse(sse) => sse.endpoint.clone(),
            _ => unreachable!("the subject speaks SSE"),
        })
        .collect();
    assert_eq!(endpoints.len(), clients.len());
    // All with the same id at the same time: ids are a session's own.
    for (n, client) in clients.iter_mut().enumerate() {
        let echo = client::call("echo", &json!({"message": n.to_string()}));
        client
            .peer
            .begin(&client::request(&json!("same"), "tools/call", &echo));
    }
    for (n, client) in clients.iter_mut().enumerate().rev() {
        let content = &client.peer.end()["result"]["structuredContent"];
        assert_eq!(content["message"], n.to_string());
    }
}
