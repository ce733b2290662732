//! Work that is turned away. Each case reaches one limit, and its reason alone is counted.

use serde_json::{Value, json};
use testkit::{
    eventually,
    http::{Connection, Request, once},
    message::{REVISION, call, initialize, initialized, request},
};

use crate::{
    common::{Client, Gate, Server, Subject, client},
    front_door::{
        cases::metrics::{APART, address, scrape},
        subjects::tokio::{http_json, sse, stdio},
    },
};

/// The sheds that a scrape finds, without those that are zero.
fn sheds(server: &Server) -> Vec<String> {
    let page = scrape(address(server));
    let series = page.lines().filter_map(|line| {
        let (reason, count) = line
            .strip_prefix("mcp_sheds_total{reason=\"")?
            .split_once("\"} ")?;
        let count: u64 = count.parse().expect("a count");
        (count > 0).then(|| reason.to_owned())
    });
    series.collect()
}

/// Starts a server with its metrics at an address of their own.
fn start(subject: &Subject, flags: &[&str]) -> Server {
    Server::start(subject, &[&[APART], flags].concat())
}

fn post(message: &Value) -> Request {
    Request::message("/mcp", message.to_string())
}

#[test]
fn a_connection_for_which_no_other_can_be_closed() {
    let gate = Gate::new();
    let flags = ["--max-connections=2", "--upstream-url", &gate.url()];
    let server = start(&http_json::SUBJECT, &flags);
    let held = call(1, "fetch_external_data", json!({"endpoint": "/held"}));
    let busy = [(); 2].map(|()| {
        let mut connection = Connection::open(server.address());
        connection.send(&post(&held));
        connection
    });
    gate.wait_for(2);
    assert_eq!(sheds(&server), [""; 0]);
    let health = once(server.address(), &Request::get("/healthz"));
    assert_eq!(health.status, 503);
    assert_eq!(sheds(&server), ["connections"]);
    drop(busy);
}

#[test]
fn a_request_of_a_client_with_too_many_in_flight() {
    for subject in [&stdio::SUBJECT, &sse::SUBJECT] {
        let gate = Gate::new();
        let flags = ["--max-in-flight=1", "--upstream-url", &gate.url()];
        let mut server = start(subject, &flags);
        let mut client = Client::ready(&mut server);
        client.begin_held();
        gate.wait_for(1);
        let echo = client::call("echo", &json!({"message": "x"}));
        assert_eq!(client.error("tools/call", &echo), -32000);
        assert_eq!(sheds(&server), ["in_flight"]);
        gate.open();
    }
}

#[test]
fn a_message_for_which_there_is_no_memory() {
    let flags = ["--max-inflight-bytes=160000", "--call-timeout=0.3"];
    let server = start(&http_json::SUBJECT, &flags);
    let message = post(&call(1, "echo", json!({"message": "x".repeat(20_000)})));
    // The rest of it does not come. Until then its client has all of the memory.
    let mut slow = Connection::open(server.address());
    let bytes = slow.bytes(&message);
    slow.write(&bytes[..bytes.len() - 100]);
    eventually("a message is rejected", || {
        (once(server.address(), &message).status == 503).then_some(())
    });
    assert_eq!(sheds(&server), ["in_flight_bytes"]);
}

#[test]
fn cpu_work_that_waits_for_too_long() {
    let flags = ["--cpu-jobs=1", "--call-timeout=0.5"];
    let server = start(&http_json::SUBJECT, &flags);
    let work = |id| call(id, "calculate_fibonacci", json!({"n": 40}));
    let batch: Value = (0..50).map(work).collect();
    let answers = once(server.address(), &post(&batch)).text();
    assert!(answers.contains("--cpu-jobs 1"), "{answers}");
    assert_eq!(sheds(&server), ["cpu_jobs"]);
}

#[test]
fn a_message_of_a_client_that_does_not_read() {
    let server = start(&sse::SUBJECT, &["--max-queue-bytes=1000000"]);
    let mut stream = Connection::open(server.address());
    stream.send(&Request::get("/sse"));
    assert_eq!(stream.head().status, 200);
    let endpoint = stream.event().unwrap().expect("the first event").data;
    let mut posts = Connection::open(server.address());
    let mut post = |message: &Value| {
        let message = Request::message(&endpoint, message.to_string());
        posts.exchange(&message).status
    };
    let first = request(0, "initialize", &initialize(REVISION));
    assert_eq!(post(&first), 202);
    assert_eq!(post(&initialized()), 202);
    let text = "x".repeat(1024 * 1024);
    let statuses = (0..1000).map(|id| post(&call(id, "echo", json!({"message": text}))));
    let rejected = statuses.into_iter().find(|status| *status != 202);
    assert_eq!(rejected, Some(503));
    assert_eq!(sheds(&server), ["unread_answers"]);
}

#[test]
fn a_request_over_the_rate() {
    let server = start(&http_json::SUBJECT, &["--rate-limit=1/s"]);
    let mut connection = Connection::open(server.address());
    eventually("a request is rejected", || {
        let response = connection.exchange(&Request::get("/nothing"));
        (response.status == 429).then_some(())
    });
    assert_eq!(sheds(&server), ["rate"]);
}
