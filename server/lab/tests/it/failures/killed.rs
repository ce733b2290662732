//! Services that are killed under load and come back.

use std::{
    thread,
    time::{Duration, Instant},
};

use fixtures::services::Service;
use serde_json::json;

use super::{
    HTTP_JSON, STDIO,
    callers::{Call, Callers},
    footprint::{Footprint, has_not_panicked},
};
use crate::common::{Server, Subject};

/// How long a call waits for a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a call may take in all: several attempts at connections that died among it, and slow
/// machines.
const LIMIT: Duration = Duration::from_secs(5);
/// A while in which a great many calls are answered.
const WHILE: Duration = Duration::from_millis(500);
/// Long enough for calls to give up.
const AWAY: Duration = Duration::from_millis(1_500);
/// Longer than a service that is back may stay unnoticed.
const BACK: Duration = Duration::from_secs(4);

/// A service, and what asks it.
struct Backed {
    service: &'static str,
    /// What errors must call it.
    called: &'static str,
    flag: &'static str,
    call: Call,
}

fn postgres() -> Backed {
    Backed {
        service: "postgres",
        called: "PostgreSQL",
        flag: "--database-url",
        call: ("query_products", json!({})),
    }
}

/// Asked by the tool that writes, since a Redis that was killed comes back empty.
fn redis() -> Backed {
    Backed {
        service: "redis",
        called: "store redis://",
        flag: "--store-url",
        call: ("checkout", json!({})),
    }
}

fn is_survived(subject: &Subject, backed: &Backed) {
    let service = Service::up(backed.service);
    let pool_timeout = POOL_TIMEOUT.as_secs().to_string();
    let call_timeout = LIMIT.as_secs().to_string();
    let mut server = Server::start(
        subject,
        &[
            backed.flag,
            &service.url,
            "--pool-timeout",
            &pool_timeout,
            "--call-timeout",
            &call_timeout,
        ],
    );
    let (callers, outcomes) = Callers::of(&mut server).ask_for(&backed.call, WHILE);
    outcomes.are_right();
    let before = Footprint::of(&server);

    // Twice, for what one failure leaves behind could be what the first of them needed.
    let mut callers = callers;
    for _ in 0..2 {
        let load = callers.begin(&backed.call);
        thread::sleep(WHILE);
        service.kill();
        thread::sleep(AWAY);
        service.start();
        let back = Instant::now();
        thread::sleep(BACK);
        let (idle, outcomes) = load.end();
        outcomes.are_in_time_and_errors_name(backed.called, LIMIT);
        outcomes.are_right_soon_after(back);
        assert!(outcomes.errors() > 0, "nobody noticed");
        callers = idle;
    }
    callers.are_served();
    before.is_back(&server);
    drop(callers);
    has_not_panicked(&server);
}

#[test]
fn postgres_killed_under_load_over_http() {
    is_survived(&HTTP_JSON, &postgres());
}

#[test]
fn postgres_killed_under_load_over_stdio() {
    is_survived(&STDIO, &postgres());
}

#[test]
fn redis_killed_under_load_over_http() {
    is_survived(&HTTP_JSON, &redis());
}

#[test]
fn redis_killed_under_load_over_stdio() {
    is_survived(&STDIO, &redis());
}
