//! Sessions that several instances of a server share, in a real Redis.

use std::{
    thread::{self, sleep},
    time::{Duration, Instant},
};

use fixtures::services::Service;
use nix::sys::signal::Signal::SIGTERM;
use serde_json::json;
use tempfile::NamedTempFile;
use testkit::http::{Connection, Request, Response, once};

use super::{
    access::{FIRST, Member, SECOND, TOKENS, file},
    http::opening,
    sessions::call,
    streamable::streamable,
};
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
    let (mut first, second) = (instances.start(&flags), instances.start(&flags));
    let mut client = Client::ready(&mut first);
    let call = call(subject, &mut client);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        is_answered(subject, &once(first.address(), &call));
        sleep(Duration::from_millis(50));
    }
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
    let tokens = file(TOKENS);
    // The same tokens at other places.
    let others = file("second-token\nfirst-token\n");
    let start = |tokens: &NamedTempFile| {
        instances.start(&["--auth-token-file", tokens.path().to_str().unwrap()])
    };
    let (first, second) = (start(&tokens), start(&others));
    let params = subject.plain().params();
    let message = client::request(&json!("call"), "tools/call", &params);
    let own = Member::ready(&first, FIRST).request(&message);
    let foreign = own.clone().header("Authorization", SECOND);
    assert_eq!(once(second.address(), &foreign).status, 404);
    is_answered(subject, &once(second.address(), &own));
    // It is there by now, and another's all the same.
    assert_eq!(once(second.address(), &foreign).status, 404);
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
    let opening = opening(subject);
    unavailable(once(second.address(), &opening));
    instances.redis.start();
    eventually("sessions can be opened again", || {
        let response = once(second.address(), &opening);
        (response.status == 200).then_some(())
    });
}
