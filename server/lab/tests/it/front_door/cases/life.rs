//! From the ready line to the exit code.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal::{self, SIGHUP, SIGINT, SIGTERM};
use transports::runtime::WORKER;

use crate::common::{Client, Gate, Server, Subject, Wire, eventually, server::command};

/// Calls in flight when the signal comes.
const HELD: usize = 10;
/// How much a busy machine may add to a time limit.
const SLACK: Duration = Duration::from_secs(20);

pub(crate) fn only_the_ready_line_is_said_before_serving(subject: &Subject) {
    let mut command = command(subject, &[]);
    command.env_remove("MCP_LOG");
    let mut server = Server::spawn(subject, command);
    let mut client = Client::ready(&mut server);
    client.is_served();
    let said = server.log().lines();
    assert_eq!(said.len(), 1, "{said:?}");
    match subject.wire {
        Wire::Stdio => assert_eq!(said, ["ready stdio"]),
        Wire::Sse => assert_eq!(said, [format!("ready http://{}/sse", server.address())]),
        _ => assert_eq!(said, [format!("ready http://{}/mcp", server.address())]),
    }
}

pub(crate) fn an_idle_server_ends_on_sigterm(subject: &Subject) {
    ends_when_idle(subject, SIGTERM);
}

pub(crate) fn an_idle_server_ends_on_sigint(subject: &Subject) {
    ends_when_idle(subject, SIGINT);
}

pub(crate) fn an_idle_server_ends_on_sighup(subject: &Subject) {
    ends_when_idle(subject, SIGHUP);
}

/// Twice: before the first client, and with a client that has no call in flight.
fn ends_when_idle(subject: &Subject, signal: Signal) {
    let mut server = Server::start(subject, &[]);
    server.signal(signal);
    server.ended_well();

    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    client.is_served();
    server.signal(signal);
    server.ended_well();
    assert!(client.peer.ended());
    let said = server.log().whole().join("\n");
    assert!(!said.contains("--drain-timeout"), "{said}");
}

pub(crate) fn sigterm_answers_what_is_in_flight(subject: &Subject) {
    answers_after(subject, SIGTERM);
}

pub(crate) fn sigint_answers_what_is_in_flight(subject: &Subject) {
    answers_after(subject, SIGINT);
}

pub(crate) fn sighup_answers_what_is_in_flight(subject: &Subject) {
    answers_after(subject, SIGHUP);
}

/// Each call on a connection of its own, where there are connections.
fn answers_after(subject: &Subject, signal: Signal) {
    let gate = Gate::new();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let clients = if subject.wire == Wire::Stdio { 1 } else { HELD };
    let mut clients: Vec<_> = (0..clients).map(|_| Client::ready(&mut server)).collect();
    let calls = HELD / clients.len();
    let mut asked: Vec<Vec<_>> = clients
        .iter_mut()
        .map(|client| (0..calls).map(|_| client.begin_held()).collect())
        .collect();
    gate.wait_for(HELD);
    server.signal_seen(signal);
    gate.open();
    for (client, asked) in clients.iter_mut().zip(&mut asked) {
        let mut answered: Vec<_> = (0..calls).map(|_| client.end_held()).collect();
        answered.sort_by_key(ToString::to_string);
        asked.sort_by_key(ToString::to_string);
        assert_eq!(&answered, asked);
        assert!(client.peer.ended());
    }
    server.ended_well();
    let said = server.log().whole().join("\n");
    assert!(!said.contains("--drain-timeout"), "{said}");
}

pub(crate) fn a_drain_timeout_that_is_too_short_is_kept_and_said(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--drain-timeout", "0.3"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    client.begin_held();
    gate.wait_for(1);
    let signalled = Instant::now();
    server.signal(SIGTERM);
    server.ended_well();
    let took = signalled.elapsed();
    assert!(
        took >= Duration::from_millis(300),
        "it did not wait: {took:?}"
    );
    assert!(took < SLACK, "it waited for {took:?}");
    let said = server.log().whole().join("\n");
    assert!(said.contains("raise --drain-timeout"), "{said}");
}

pub(crate) fn a_second_signal_ends_the_process_on_the_spot(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--drain-timeout", "3600"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    client.begin_held();
    gate.wait_for(1);
    server.signal_seen(SIGTERM);
    server.signal(SIGINT);
    assert_eq!(server.ended().code(), Some(130));
}

pub(crate) fn a_call_over_the_time_limit_is_answered_in_band(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--call-timeout", "0.3"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let endpoint = serde_json::json!({"endpoint": "/held"});
    let said = client.wrong("fetch_external_data", &endpoint);
    // The upstream's share of the call's time ends first, so that the answer says who was slow.
    for part in [
        "the upstream is too slow",
        "within 0.27 s",
        "--call-timeout",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    client.is_served();
}

pub(crate) fn workers_is_the_number_of_worker_threads(subject: &Subject) {
    for workers in [1, 3] {
        let mut server = Server::start(subject, &["--workers", &workers.to_string()]);
        let mut client = Client::ready(&mut server);
        client.is_served();
        // A thread names itself when it first runs, and tokio's for blocking work, which have the
        // same name, go when there is none.
        eventually("there are as many workers as were asked for", || {
            (server.threads(WORKER) == workers).then_some(())
        });
    }
}
