//! An upstream that misbehaves under load, in every way, and recovers.

use std::time::Duration;

use serde_json::json;
use testkit::upstream::{Manner, Upstream};

use super::{
    HTTP_JSON, STDIO,
    callers::{Call, Callers},
    footprint::{Footprint, has_not_panicked},
};
use crate::common::{Server, Subject};

const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// A call's limit, and what a busy machine adds to it.
const LIMIT: Duration = Duration::from_secs(4);

/// A while in which a great many calls are answered.
const WHILE: Duration = Duration::from_millis(500);

/// How it misbehaves, and what the error says. An upstream that hangs comes twice: it takes only a
/// few calls, and what two rounds of them leave behind is more than a pool may keep.
const MANNERS: [(Manner, &str); 8] = [
    (Manner::Hangs, "too slow"),
    (Manner::Hangs, "too slow"),
    (Manner::Resets, "broke off"),
    (Manner::BreaksOff, "broke off"),
    (Manner::Fails, "500"),
    (Manner::Garbage, "broke off"),
    (Manner::Floods, "1048576"),
    (Manner::FloodsUnannounced, "1048576"),
];

fn is_survived(subject: &Subject) {
    let upstream = Upstream::start(Manner::Well);
    let call_timeout = CALL_TIMEOUT.as_secs().to_string();
    let flags = [
        "--upstream-url",
        &upstream.url(),
        "--call-timeout",
        &call_timeout,
    ];
    let mut server = Server::start(subject, &flags);
    let call: Call = ("fetch_external_data", json!({"endpoint": "/any"}));
    let (mut callers, outcomes) = Callers::of(&mut server).ask_for(&call, WHILE);
    outcomes.are_right();
    let before = Footprint::of(&server);

    for (manner, says) in MANNERS {
        upstream.behaves(manner);
        let (idle, outcomes) = callers.ask_for(&call, WHILE);
        outcomes.are_errors_that_say(&["upstream", says]);
        outcomes.are_in_time_and_errors_name("upstream", LIMIT);
        upstream.behaves(Manner::Well);
        callers = idle.are_right_soon(&call);
    }
    callers.are_served();
    before.is_back(&server);
    drop(callers);
    has_not_panicked(&server);
}

#[test]
fn every_manner_is_survived_over_http() {
    is_survived(&HTTP_JSON);
}

#[test]
fn every_manner_is_survived_over_stdio() {
    is_survived(&STDIO);
}
