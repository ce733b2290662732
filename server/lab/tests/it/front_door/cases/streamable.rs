//! Streamable HTTP, with and without sessions.

use serde_json::json;
use testkit::{
    client::{Peer, Streamable},
    http::{Connection, Request, Response, once},
};

use crate::common::{Client, Server, Subject, client};

/// The session behind `client`.
pub(crate) fn streamable(client: &mut Client) -> &mut Streamable {
    match &mut client.peer {
        Peer::Streamable(streamable) => streamable,
        _ => unreachable!("the subject speaks Streamable HTTP"),
    }
}

/// What a ping is answered in the session of a new client, after `change`.
fn ping(subject: &Subject, change: impl Fn(Request) -> Request) -> Response {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let message = client::request(&json!("ping"), "ping", &json!({}));
    let request = change(streamable(&mut client).request(&message));
    let response = once(server.address(), &request);
    client.is_served();
    response
}

pub(crate) fn an_accept_that_lacks_a_type_is_not_acceptable(subject: &Subject) {
    for accept in [
        "application/json",
        "text/event-stream",
        "*/*",
        "text/html",
        "",
    ] {
        let refused = ping(subject, |request| request.header("Accept", accept));
        assert_eq!(refused.status, 406, "{accept:?}");
    }
    assert_eq!(
        ping(subject, |request| request.without("Accept")).status,
        406
    );
    let both = "text/event-stream;q=0.5, Application/JSON; charset=utf-8";
    assert_eq!(
        ping(subject, |request| request.header("Accept", both)).status,
        200
    );
}

pub(crate) fn another_content_type_is_unsupported(subject: &Subject) {
    for content_type in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
    ] {
        let refused = ping(subject, |request| {
            request.header("Content-Type", content_type)
        });
        assert_eq!(refused.status, 415, "{content_type}");
    }
    assert_eq!(
        ping(subject, |request| request.without("Content-Type")).status,
        415
    );
    let with_charset = "application/json; charset=utf-8";
    assert_eq!(
        ping(subject, |request| request
            .header("Content-Type", with_charset))
        .status,
        200
    );
}

pub(crate) fn other_methods_are_not_allowed(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for method in ["PUT", "PATCH", "OPTIONS"] {
        let refused = once(server.address(), &Request::new(method, "/mcp"));
        assert_eq!(refused.status, 405, "{method}");
    }
}

pub(crate) fn pipelined_requests_are_answered_in_order(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let mut connection = Connection::open(server.address());
    let ids = ["first", "second", "third"];
    let mut bytes = Vec::new();
    for id in ids {
        let message = client::request(&json!(id), "ping", &json!({}));
        bytes.extend(connection.bytes(&streamable(&mut client).request(&message)));
    }
    connection.write(&bytes);
    for id in ids {
        assert_eq!(connection.response().messages()[0]["id"], id);
    }
}

pub(crate) fn an_unknown_revision_in_the_header_is_refused(subject: &Subject) {
    for revision in ["1999-01-01", "nonsense"] {
        let refused = ping(subject, |request| {
            request.header("MCP-Protocol-Version", revision)
        });
        assert_eq!(refused.status, 400, "{revision}");
    }
    let absent = ping(subject, |request| request.without("MCP-Protocol-Version"));
    assert_eq!(absent.status, 200, "absent means 2025-03-26");
}

pub(crate) fn without_sessions_a_call_needs_no_handshake(subject: &Subject) {
    let server = Server::start(subject, &[]);
    let plain = subject.plain();
    let message = client::request(&json!(7), "tools/call", &plain.params());
    let response = once(server.address(), &Request::message("/mcp", message));
    assert_eq!(
        (response.status, response.content_type()),
        (200, subject.content_type())
    );
    assert_eq!(response.header("mcp-session-id"), None);
    let messages = response.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["id"], 7);
    plain.is_answered_by(&messages[0]["result"]);
}

pub(crate) fn without_sessions_there_is_no_stream_to_get(subject: &Subject) {
    let server = Server::start(subject, &[]);
    for method in ["GET", "DELETE"] {
        let request = Request::new(method, "/mcp").header("Accept", "text/event-stream");
        assert_eq!(once(server.address(), &request).status, 405, "{method}");
    }
}
