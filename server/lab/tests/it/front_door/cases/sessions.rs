//! Streamable HTTP with `--sessions stateful`.

use std::{
    io::ErrorKind,
    thread::sleep,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use testkit::http::{Connection, Request, once};

use super::streamable::streamable;
use crate::common::{Client, Gate, PATIENCE, Server, Subject, client};

/// A call in the session of `client`.
pub(super) fn call(subject: &Subject, client: &mut Client) -> Request {
    let message = client::request(&json!("call"), "tools/call", &subject.plain().params());
    streamable(client).request(&message)
}

pub(crate) fn a_session_lives_until_it_is_deleted(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let mut other = Client::ready(&mut server);
    let id = streamable(&mut client)
        .session
        .clone()
        .expect("a session id");
    assert!(
        id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_graphic()),
        "{id}"
    );
    assert_ne!(streamable(&mut other).session.as_ref(), Some(&id));
    let call = call(subject, &mut client);
    assert_eq!(once(server.address(), &call).status, 200);
    let delete = streamable(&mut client).dress(Request::new("DELETE", "/mcp"));
    let deleted = once(server.address(), &delete);
    assert_eq!((deleted.status, deleted.text()), (204, String::new()));
    assert_eq!(once(server.address(), &call).status, 404);
    other.is_served();
}

pub(crate) fn a_message_without_a_session_is_refused(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let call = call(subject, &mut client).without("Mcp-Session-Id");
    assert_eq!(once(server.address(), &call).status, 400);
    client.is_served();
}

pub(crate) fn a_message_in_an_unknown_session_is_not_found(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let call = call(subject, &mut client).header("Mcp-Session-Id", "0123456789abcdef");
    assert_eq!(once(server.address(), &call).status, 404);
    client.is_served();
}

pub(crate) fn a_session_without_traffic_expires(subject: &Subject) {
    let mut server = Server::start(subject, &["--session-ttl", "0.5"]);
    let mut client = Client::ready(&mut server);
    let call = call(subject, &mut client);
    // Asking is traffic, so each wait before asking again is longer than the one before.
    let status = (0..4).find_map(|turn| {
        sleep(Duration::from_secs(1 << turn));
        let status = once(server.address(), &call).status;
        (status != 200).then_some(status)
    });
    assert_eq!(status, Some(404));
    // A new one can be had.
    Client::ready(&mut server).is_served();
}

pub(crate) fn traffic_keeps_a_session_alive(subject: &Subject) {
    let mut server = Server::start(subject, &["--session-ttl", "3"]);
    let mut client = Client::ready(&mut server);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        client.is_served();
        sleep(Duration::from_millis(100));
    }
    client.is_served();
}

pub(crate) fn an_id_in_flight_in_a_session_is_refused_at_once(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let id = client.begin_held();
    gate.wait_for(1);
    for (method, params) in [
        ("ping", json!({})),
        ("tools/call", client::call("echo", &json!({"message": "x"}))),
    ] {
        let again = client::request(&id, method, &params);
        let refused = once(server.address(), &streamable(&mut client).request(&again));
        assert_eq!(refused.status, 400, "{}", refused.text());
        let refused = &refused.messages()[0];
        assert_eq!(
            (&refused["error"]["code"], &refused["id"]),
            (&json!(-32600), &id),
            "{refused}"
        );
    }
    gate.open();
    assert_eq!(client.end_held(), id);
    let again = client::request(&id, "ping", &json!({}));
    let again = once(server.address(), &streamable(&mut client).request(&again));
    assert_eq!(again.status, 200, "{}", again.text());
}

pub(crate) fn standing_streams_end_after_the_last_answer(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--drain-timeout", "3600"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let get = Request::get("/mcp").header("Accept", "text/event-stream");
    let get = streamable(&mut client).dress(get);
    let mut standing = Connection::open(server.address()).listen(&get);
    let asked = client.begin_held();
    gate.wait_for(1);
    server.signal_seen(SIGTERM);
    // It stands for as long as an answer is owed: nothing comes, not even its end.
    standing.patience(Duration::from_millis(200));
    let waited = standing.message().expect_err("the stream stands");
    assert_eq!(waited.kind(), ErrorKind::WouldBlock);
    standing.patience(PATIENCE);
    gate.open();
    assert_eq!(client.end_held(), asked);
    assert_eq!(standing.message().unwrap(), None);
    server.ended_well();
}
