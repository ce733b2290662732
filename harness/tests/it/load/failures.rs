//! The load engine against scripted Streamable HTTP servers that answer wrongly, slowly, or not at
//! all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::support::{
    Act, Request, Trial, assert_only, echo, empty, exchanges, http, json_answer, right, streamable,
    verify, with_length,
};
use harness::load::{Ended, ErrorKind, LoadError, Sessions, Target};
use serde_json::json;

/// The kind of error of each call when the calls are answered like this.
fn kinds(call: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Vec<Option<ErrorKind>> {
    let fake = streamable(call);
    let found = verify(http(&fake), &exchanges(2)).unwrap();
    assert_eq!(found.tools, ["one", "two"]);
    found
        .answers
        .into_iter()
        .map(|answer| answer.err().map(|error| error.kind))
        .collect()
}

#[test]
fn wrong_answers_are_errors_of_their_kind() {
    let tampered = |from: &'static str, to: &'static str| {
        move |request: &Request| {
            let body = echo(&request.message).to_string();
            assert!(body.contains(from), "{body}");
            vec![Act::Write(with_length(
                "200 OK",
                "application/json",
                &body.replace(from, to),
            ))]
        }
    };
    for (from, to, kind) in [
        ("\"id\":1", "\"id\":2", ErrorKind::Protocol),
        ("\"n\":", "\"m\":", ErrorKind::Mismatch),
        ("\"isError\":false", "\"isError\":true", ErrorKind::Tool),
        ("\"result\"", "\"error\"", ErrorKind::JsonRpc),
        ("{", "[", ErrorKind::Protocol),
    ] {
        assert_eq!(kinds(tampered(from, to)), [Some(kind); 2], "{to}");
    }
    let answered = |status, form| {
        move |request: &Request| {
            let body = echo(&request.message).to_string();
            vec![Act::Write(with_length(status, form, &body))]
        }
    };
    let http = [Some(ErrorKind::Http); 2];
    let transport = [Some(ErrorKind::Transport); 2];
    let protocol = [Some(ErrorKind::Protocol); 2];
    assert_eq!(kinds(right), [None, None]);
    assert_eq!(kinds(answered("500 No", "application/json")), http);
    assert_eq!(kinds(answered("200 OK", "text/html")), protocol);
    let garbage = |_: &Request| vec![Act::Write(b"garbage\r\n\r\n".to_vec())];
    assert_eq!(kinds(garbage), protocol);
    assert_eq!(kinds(|_| empty("202 Accepted")), http);
    assert_eq!(kinds(|_| vec![Act::Close]), transport);
    let slow = |_: &Request| vec![Act::Sleep(Duration::from_secs(2))];
    assert_eq!(kinds(slow), [Some(ErrorKind::Timeout); 2]);
    let cut = |request: &Request| {
        let body = echo(&request.message).to_string();
        let mut bytes = with_length("200 OK", "application/json", &body);
        bytes.pop();
        vec![Act::Write(bytes), Act::Close]
    };
    assert_eq!(kinds(cut), transport);
}

#[test]
fn one_wrong_call_leaves_the_others_right() {
    let found = kinds(
        |request| match request.message["params"]["arguments"]["n"].as_u64() {
            Some(0) => vec![Act::Close],
            _ => right(request),
        },
    );
    assert_eq!(found, [Some(ErrorKind::Transport), None]);
}

#[test]
fn wrong_answers_in_a_load_are_counted_and_never_timed() {
    let fake = streamable(
        |request| match request.message["params"]["arguments"]["n"].as_u64() {
            Some(0) => json_answer(
                &json!({ "jsonrpc": "2.0", "id": request.message["id"], "result": { "n": 7 } }),
            ),
            _ => right(request),
        },
    );
    let outcome = Trial::default().run(http(&fake), &exchanges(4)).unwrap();
    let mismatches = outcome.errors.count(ErrorKind::Mismatch);
    assert!(mismatches > 0 && outcome.calls > 0);
    assert_eq!(mismatches, outcome.errors.total());
    assert_eq!(outcome.latency_ns.len(), outcome.calls);
    assert!(
        outcome
            .errors
            .example(ErrorKind::Mismatch)
            .unwrap()
            .contains("/structuredContent/n")
    );
    assert_eq!(outcome.reconnects, 0);
}

#[test]
fn answers_of_another_exchange_are_not_taken_for_right_ones() {
    let turn = AtomicUsize::new(0);
    let fake = streamable(move |request| {
        let mut message = request.message.clone();
        if turn.fetch_add(1, Ordering::SeqCst) > 10 {
            message["params"]["arguments"]["n"] =
                json!(1 - message["params"]["arguments"]["n"].as_u64().unwrap());
        }
        json_answer(&echo(&message))
    });
    let outcome = Trial {
        clients: 1,
        ..Trial::default()
    }
    .run(http(&fake), &exchanges(2))
    .unwrap();
    assert!(outcome.errors.count(ErrorKind::Mismatch) > 0);
    assert_eq!(
        outcome.errors.count(ErrorKind::Mismatch),
        outcome.errors.total()
    );
}

#[test]
fn a_closed_connection_costs_the_call_in_flight_and_is_replaced() {
    let turn = AtomicUsize::new(0);
    let fake = streamable(
        move |request| match turn.fetch_add(1, Ordering::SeqCst) % 10 {
            9 => vec![Act::Close],
            _ => right(request),
        },
    );
    let outcome = Trial::default().run(http(&fake), &exchanges(2)).unwrap();
    let lost = outcome.errors.count(ErrorKind::Transport);
    assert!(lost > 0 && outcome.calls > lost, "{outcome:?}");
    assert_eq!(lost, outcome.errors.total());
    assert!(outcome.reconnects > 0 && outcome.reconnects <= lost + 3);
}

#[test]
fn slow_calls_time_out_and_the_client_goes_on() {
    let turn = AtomicUsize::new(0);
    let fake = streamable(move |request| match turn.fetch_add(1, Ordering::SeqCst) {
        1 => vec![Act::Sleep(Duration::from_secs(3))],
        _ => right(request),
    });
    let trial = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(1200),
        call_timeout: Duration::from_millis(500),
        ..Trial::default()
    };
    let outcome = trial.run(http(&fake), &exchanges(1)).unwrap();
    assert_only(&outcome, ErrorKind::Timeout, 1);
    assert_eq!(outcome.reconnects, 1);
    assert!(outcome.calls > 1);
}

#[test]
fn a_server_that_never_answers_shows_errors_even_in_a_short_window() {
    let fake = streamable(|_| vec![Act::Sleep(Duration::from_secs(3))]);
    let trial = Trial {
        warmup: Duration::ZERO,
        call_timeout: Duration::from_millis(250),
        ..Trial::default()
    };
    let outcome = trial.run(http(&fake), &exchanges(1)).unwrap();
    assert_eq!(
        (outcome.calls, outcome.errors.count(ErrorKind::Timeout)),
        (0, 3)
    );
}

#[test]
fn a_server_that_dies_in_mid_run_is_reported_and_nothing_hangs() {
    let fake = streamable(right);
    let (dead, begin) = (fake.dead.clone(), Instant::now());
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        dead.store(true, Ordering::SeqCst);
    });
    let outcome = Trial {
        duration: Duration::from_millis(400),
        ..Trial::default()
    }
    .run(http(&fake), &exchanges(2));
    let outcome = outcome.unwrap();
    killer.join().unwrap();
    assert!(outcome.calls > 0);
    assert!(outcome.errors.count(ErrorKind::Transport) > 3);
    // Back-off: not an error for every turn of the loop.
    assert!(outcome.errors.total() < 200, "{:?}", outcome.errors);
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[test]
fn the_stop_flag_ends_a_run_that_waits_for_answers() {
    let fake = streamable(|_| vec![Act::Sleep(Duration::from_secs(5))]);
    let stop = Arc::new(AtomicBool::new(false));
    let setter = stop.clone();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(150));
        sender.send(Instant::now()).unwrap();
        setter.store(true, Ordering::SeqCst);
    });
    let trial = Trial {
        duration: Duration::from_secs(30),
        ..Trial::default()
    };
    let outcome = trial
        .run_until(http(&fake), &exchanges(1), &stop, &mut |_| {})
        .unwrap();
    assert!(receiver.recv().unwrap().elapsed() < Duration::from_secs(4));
    assert_eq!(outcome.ended, Ended::Stopped);
}

#[test]
fn nobody_there_is_an_error_at_once() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let target = Target::Http {
        address: address.into(),
        path: "/mcp".to_owned(),
        sessions: Sessions::None,
    };
    let error = Trial::default().run(target, &exchanges(1)).unwrap_err();
    let LoadError::Handshake { error, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind, ErrorKind::Connect);
    assert!(error.text.contains(&address.to_string()), "{error}");
}
