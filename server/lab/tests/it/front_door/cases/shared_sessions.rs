//! Sessions that several instances of a server share, in a real Redis.

use std::{
    io::Write,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use fixtures::services::Service;
use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use tempfile::NamedTempFile;
use testkit::http::{Connection, Request, Response, once};

use super::streamable::streamable;
use crate::common::{Client, Server, Subject, client, eventually};

/// Instances of one server, and the Redis where their sessions are.
struct Instances<'s> {
    subject: &'s Subject,
    redis: Service,
}

impl<'s> Instances<'s> {
    fn of(subject: &'s Subject) -> Self {
        let redis = Service::up("redis");
        Self { subject, redis }
    }

    fn start(&self, flags: &[&str]) -> Server {
        let store = ["--session-store-url", &self.redis.url];
        Server::start(self.subject, &[&store, flags].concat())
    }
}

/// A call in the session of `client`.
fn call(subject: &Subject, client: &mut Client) -> Request {
    let message = client::request(&json!("call"), "tools/call", &subject.plain().params());
    streamable(client).request(&message)
}

fn is_answered(subject: &Subject, response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
    let answer = response.messages().pop().expect("an answer");
    subject.plain().is_answered_by(&answer["result"]);
}

pub(crate) fn a_session_goes_on_with_another_instance(subject: &Subject) {
    let instances = Instances::of(subject);
    let mut first = instances.start(&[]);
    let mut client = Client::ready(&mut first);
    let call = call(subject, &mut client);
    is_answered(subject, &once(first.address(), &call));
    let second = instances.start(&[]);
    first.signal(SIGTERM);
    first.ended_well();
    is_answered(subject, &once(second.address(), &call));
    // What the SDK alone answers.
    let get = Request::get("/mcp").header("Accept", "text/event-stream");
    let get = streamable(&mut client).dress(get);
    let mut standing = Connection::open(second.address());
    standing.send(&get);
    assert_eq!(standing.head().status, 200);
    is_answered(subject, &once(second.address(), &call));
}

pub(crate) fn sessions_that_all_come_at_once_go_on_with_a_new_instance(subject: &Subject) {
    let instances = Instances::of(subject);
    let mut first = instances.start(&[]);
    let calls: Vec<Request> = (0..16)
        .map(|_| call(subject, &mut Client::ready(&mut first)))
        .collect();
    let second = instances.start(&[]);
    let address = second.address();
    thread::scope(|scope| {
        for call in &calls {
            scope.spawn(move || is_answered(subject, &once(address, call)));
        }
    });
}

pub(crate) fn a_session_ends_for_all_instances(subject: &Subject) {
    let instances = Instances::of(subject);
    let mut first = instances.start(&[]);
    let second = instances.start(&[]);
    let mut client = Client::ready(&mut first);
    let call = call(subject, &mut client);
    let delete = streamable(&mut client).dress(Request::new("DELETE", "/mcp"));
    assert_eq!(once(second.address(), &delete).status, 204);
    assert_eq!(once(second.address(), &call).status, 404);
    let third = instances.start(&[]);
    assert_eq!(once(third.address(), &call).status, 404);
}

pub(crate) fn a_session_lives_in_the_store_for_as_long_as_it_has_traffic(subject: &Subject) {
    let instances = Instances::of(subject);
    let flags = ["--session-ttl", "1.5"];
    let mut first = instances.start(&flags);
    let mut client = Client::ready(&mut first);
    let call = call(subject, &mut client);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        is_answered(subject, &once(first.address(), &call));
        sleep(Duration::from_millis(50));
    }
    let second = instances.start(&flags);
    is_answered(subject, &once(second.address(), &call));
    // Asking is traffic, so each wait before asking again is longer than the one before.
    let status = (1..4).find_map(|turn| {
        sleep(Duration::from_secs(1 << turn));
        let status = once(second.address(), &call).status;
        (status != 200).then_some(status)
    });
    assert_eq!(status, Some(404));
}

pub(crate) fn a_session_is_found_with_its_own_token_alone(subject: &Subject) {
    let instances = Instances::of(subject);
    let mut tokens = NamedTempFile::new().unwrap();
    tokens.write_all(b"first-token\nsecond-token\n").unwrap();
    // The same tokens at other places.
    let mut others = NamedTempFile::new().unwrap();
    others.write_all(b"second-token\nfirst-token\n").unwrap();
    let flag = |file: &NamedTempFile| file.path().to_str().unwrap().to_owned();
    let first = instances.start(&["--auth-token-file", &flag(&tokens)]);
    let second = instances.start(&["--auth-token-file", &flag(&others)]);
    let initialize = client::request(
        &json!(0),
        "initialize",
        &client::initialize(client::REVISION),
    );
    let with = |request: Request, token: &str| {
        request.header("Authorization", format!("Bearer {token}-token"))
    };
    let opening = with(Request::message(first.path(), initialize), "first");
    let opened = once(first.address(), &opening);
    let session = opened.header("mcp-session-id").expect("a session");
    let message = client::request(&json!("call"), "tools/call", &subject.plain().params());
    let call = Request::message(second.path(), message)
        .with("Mcp-Session-Id", session)
        .with("MCP-Protocol-Version", client::REVISION);
    assert_eq!(
        once(second.address(), &with(call.clone(), "second")).status,
        404
    );
    is_answered(
        subject,
        &once(second.address(), &with(call.clone(), "first")),
    );
    // It is there by now, and another's all the same.
    assert_eq!(once(second.address(), &with(call, "second")).status, 404);
}

pub(crate) fn without_the_store_what_needs_it_is_unavailable(subject: &Subject) {
    let instances = Instances::of(subject);
    let mut first = instances.start(&[]);
    let second = instances.start(&[]);
    let mut client = Client::ready(&mut first);
    let call = call(subject, &mut client);
    instances.redis.kill();
    is_answered(subject, &once(first.address(), &call));
    let unavailable = |response: Response| {
        assert_eq!(response.status, 503, "{}", response.text());
        assert!(response.header("retry-after").is_some());
        assert!(
            response.text().contains("store of the sessions"),
            "{}",
            response.text()
        );
    };
    unavailable(once(second.address(), &call));
    let opening = client::request(
        &json!(0),
        "initialize",
        &client::initialize(client::REVISION),
    );
    unavailable(once(
        second.address(),
        &Request::message(second.path(), opening.clone()),
    ));
    instances.redis.start();
    eventually("sessions can be opened again", || {
        let response = once(
            second.address(),
            &Request::message(second.path(), opening.clone()),
        );
        (response.status == 200).then_some(())
    });
}
