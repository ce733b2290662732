//! The messages that the fast path takes, and its counters.

use nix::sys::signal::Signal::SIGTERM;
use serde_json::Value;
use testkit::http::{Request, once};

use crate::common::{Client, Server, Subject, Wire};

fn call_all(subject: &Subject, client: &mut Client) {
    for (tool, arguments) in (subject.tools.fast)() {
        let result = client.call(tool, &arguments);
        assert_eq!(result["isError"], false, "{tool}: {result}");
    }
}

/// How many messages of a handshake and [`call_all`] the fast path takes.
fn expected(subject: &Subject) -> usize {
    subject.fast_handshake() + (subject.tools.fast)().len()
}

pub(crate) fn every_tool_takes_the_fast_path_and_the_counters_tell_it(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    call_all(subject, &mut client);
    if subject.wire != Wire::Stdio {
        are_told_over_http(&server);
    }
    server.signal(SIGTERM);
    server.ended_well();
    let said = server.log().whole().join("\n");
    if subject.has_fast_path() {
        let taken = format!("fast path: {} taken", expected(subject));
        assert!(said.contains(&taken), "{taken}: {said}");
    } else {
        assert!(!said.contains("fast path"), "{said}");
    }
}

fn are_told_over_http(server: &Server) {
    let told = once(server.address(), &Request::get("/fast-path"));
    if !server.subject.has_fast_path() {
        assert_eq!(told.status, 404);
        assert!(told.text().contains("--fast-path off"), "{}", told.text());
        return;
    }
    assert_eq!(
        (told.status, told.content_type()),
        (200, "application/json")
    );
    let counters: Value = serde_json::from_slice(&told.body).expect("JSON");
    assert_eq!(counters["taken"], expected(&server.subject), "{counters}");
    let left = counters["left"].as_object().expect("reasons");
    let total: u64 = left.values().filter_map(Value::as_u64).sum();
    let handshake = match server.subject.wire {
        Wire::Stateless(_) | Wire::Stateful(_) => 0,
        // `notifications/initialized`; the rest of the handshake is not shown to it.
        Wire::Sse => 1,
        Wire::Stdio => 2,
    };
    assert_eq!(total, handshake, "{counters}");
}
