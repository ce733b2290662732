//! Progress: every transport brings a tool's notifications to the client before the answer.

use serde_json::{Value, json};
use testkit::{
    client::Peer,
    http::{Connection, Request},
    message::self_contained,
};

use crate::common::{Client, Server, Subject, client};

/// Enough rows for a report that outlasts every test.
const ENDLESS: (u64, u64) = (1_000, 100);

/// Where the messages of one call come: on the stream of all calls, or as a response of their own.
pub(super) enum Messages<'c> {
    Common(&'c mut Peer),
    Own(Box<Connection>),
}

impl Messages<'_> {
    pub(super) fn next(&mut self) -> Value {
        match self {
            Self::Common(peer) => peer.end(),
            Self::Own(events) => events.message().unwrap().expect("the stream goes on"),
        }
    }
}

/// The parameters of a call of `stream_report` whose client wants to hear of its progress.
fn report(rows: u64, delay_ms: u64, token: &Value) -> Value {
    let mut call = client::call(
        "stream_report",
        &json!({"rows": rows, "delay_ms": delay_ms}),
    );
    call["_meta"] = json!({"progressToken": token});
    call
}

/// Sends `call` with `id`.
pub(super) fn sent<'c>(
    server: &Server,
    client: &'c mut Client,
    id: &Value,
    call: &Value,
) -> Messages<'c> {
    let message = client::request(id, "tools/call", call);
    if let Peer::Streamable(streamable) = &client.peer {
        let request = streamable.request(&message);
        let events = Connection::open(server.address()).listen(&request);
        return Messages::Own(Box::new(events));
    }
    client.peer.begin(&message);
    Messages::Common(&mut client.peer)
}

/// Checks the notification of the row `done` of `rows`.
fn is_row(message: &Value, token: &Value, done: u64, rows: u64) {
    assert_eq!(message["method"], "notifications/progress", "{message}");
    let params = &message["params"];
    assert_eq!(params["progressToken"], *token, "{message}");
    let number = |name: &str| params[name].as_f64().expect("a number");
    assert_eq!(
        (number("progress"), number("total")),
        (done as f64, rows as f64)
    );
    let said = params["message"].as_str().expect("a message");
    assert!(said.contains("in stock at"), "{said}");
}

pub(crate) fn a_report_tells_its_rows_before_its_result(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (id, token) in [(json!("first"), json!("a token")), (json!(71), json!(7))] {
        let mut messages = sent(&server, &mut client, &id, &report(5, 1, &token));
        for done in 1..=5 {
            is_row(&messages.next(), &token, done, 5);
        }
        let answer = messages.next();
        assert_eq!(answer["id"], id, "{answer}");
        let result = &answer["result"]["structuredContent"];
        // 0, 1, 2, 3 and 4 pieces at 1.00 to 1.04.
        assert_eq!(
            (&result["rows"], &result["stock"], &result["stock_value"]),
            (&json!(5), &json!(10), &json!(10.3))
        );
        if let Messages::Own(mut events) = messages {
            assert!(
                events.message().unwrap().is_none(),
                "the answer is the last"
            );
        }
        client.is_served();
    }
}

pub(crate) fn a_report_is_told_while_it_is_made(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let (id, token) = (json!("endless"), json!("t"));
    let (rows, delay_ms) = ENDLESS;
    let mut messages = sent(&server, &mut client, &id, &report(rows, delay_ms, &token));
    for done in 1..=3 {
        is_row(&messages.next(), &token, done, rows);
    }
    if let Messages::Own(events) = messages {
        drop(events);
        client.is_served();
        return;
    }
    client.cancel(id);
    let ping = client.begin("ping", &json!({}));
    // Rows that were on their way come first.
    loop {
        let message = client.peer.end();
        if message["id"] == ping {
            break;
        }
        assert_eq!(message["method"], "notifications/progress", "{message}");
    }
}

pub(crate) fn without_a_token_nothing_is_told(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    // An answer of several messages would not pass for one.
    let result = client.right("stream_report", &json!({"rows": 5}));
    assert_eq!(result["rows"], 5);
    for arguments in [
        json!({"rows": 0}),
        json!({"rows": 1_001}),
        json!({"delay_ms": -1}),
    ] {
        client.wrong("stream_report", &arguments);
    }
    client.is_served();
}

pub(crate) fn a_client_of_2026_07_28_is_told_too(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let call = self_contained(report(3, 1, &json!("t")));
    let message = client::request(&json!(1), "tools/call", &call);
    let request =
        Request::message("/mcp", message).self_contained("tools/call", Some("stream_report"));
    let mut events = Connection::open(server.address()).listen(&request);
    for done in 1..=3 {
        is_row(&events.message().unwrap().unwrap(), &json!("t"), done, 3);
    }
    let answer = events.message().unwrap().unwrap();
    assert_eq!(answer["result"]["structuredContent"]["rows"], 3, "{answer}");
    assert!(events.message().unwrap().is_none());
    client.is_served();
}
