//! Calls that their clients cancel or leave: the server lets go of what they wait for.

use std::{thread::sleep, time::Duration};

use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use testkit::{
    http::{Connection, Request, once},
    message::self_contained,
};

use super::streamable::streamable;
use crate::common::{Client, Gate, Server, Subject, Wire, client};

pub(crate) fn a_cancelled_call_lets_go_of_what_it_waits_for_and_the_end_does_not_wait_for_it(
    subject: &Subject,
) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--drain-timeout", "3600"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let id = client.begin_held();
    gate.wait_for(1);
    client.cancel(id);
    gate.wait_until_left_by(1);
    // The next thing to be heard is another answer.
    client.is_served();
    server.signal(SIGTERM);
    server.ended_well();
}

pub(crate) fn a_call_cancelled_in_its_session_lets_go_of_what_it_waits_for(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let id = client.begin_held();
    gate.wait_for(1);
    let cancelled = testkit::message::cancel(id).to_string();
    let cancelled = streamable(&mut client).request(&cancelled);
    assert_eq!(once(server.address(), &cancelled).status, 202);
    gate.wait_until_left_by(1);
    let nothing = streamable(&mut client).connection.response();
    assert_eq!(nothing.status, 200);
    assert_eq!(nothing.messages(), [json!(null); 0]);
    client.is_served();
}

pub(crate) fn the_end_of_a_session_ends_its_calls(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    client.begin_held();
    gate.wait_for(1);
    let delete = streamable(&mut client).dress(Request::new("DELETE", "/mcp"));
    assert_eq!(once(server.address(), &delete).status, 204);
    gate.wait_until_left_by(1);
    let nothing = streamable(&mut client).connection.response();
    assert_eq!(nothing.messages(), [json!(null); 0]);
}

/// The connection of a call that the gate holds.
fn held(server: &Server, gate: &Gate, request: &Request) -> Connection {
    let mut connection = Connection::open(server.address());
    connection.send(request);
    gate.wait_for(1);
    connection
}

pub(crate) fn a_client_of_2026_07_28_that_leaves_cancels_its_call(subject: &Subject) {
    let gate = Gate::new();
    let server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let call = client::call("fetch_external_data", &json!({"endpoint": "/held"}));
    let message = client::request(&json!(1), "tools/call", &self_contained(call));
    let request =
        Request::message("/mcp", message).self_contained("tools/call", Some("fetch_external_data"));
    drop(held(&server, &gate, &request));
    gate.wait_until_left_by(1);
}

pub(crate) fn an_earlier_client_that_leaves_does_not(subject: &Subject) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let call = client::call("fetch_external_data", &json!({"endpoint": "/held"}));
    let message = client::request(&json!("held"), "tools/call", &call);
    let request = streamable(&mut client).request(&message);
    drop(held(&server, &gate, &request));
    if subject.has_fast_path() || matches!(subject.wire, Wire::Stateful(_)) {
        sleep(Duration::from_millis(300));
        assert_eq!(gate.left_by(), 0);
    } else {
        // rmcp alone, without sessions, cancels whatever the revision.
        gate.wait_until_left_by(1);
    }
}
