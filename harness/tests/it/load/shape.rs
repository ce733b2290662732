//! What clients are like: shared connections, sessions that end, round trips, threads.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::support::{
    Act, Trial, assert_clean, empty, exchanges, http, json_answer, manners, right, right_after,
    serve, streamable, with_sessions,
};
use harness::load::{LoadError, Outcome, Pace, Sessions, Shape, Target};

fn clean(trial: Trial, target: Target) -> Outcome {
    let outcome = trial.run(target, &exchanges(5)).unwrap();
    for errors in [
        &outcome.errors,
        &outcome.warmup_errors,
        &outcome.closing_errors,
    ] {
        assert_eq!(errors.total(), 0, "{errors:?}");
    }
    assert!(outcome.calls > 0);
    outcome
}

#[test]
fn many_clients_share_a_few_connections_and_wait_for_them() {
    let fake = streamable(|request| right_after(Duration::from_millis(10), request));
    let trial = Trial {
        clients: 8,
        duration: Duration::from_millis(500),
        shape: Shape {
            connections: Some(2),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = clean(trial, http(&fake));
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 2);
    assert_eq!(outcome.reconnects, 0);
    // Of four clients at a connection the last waits for three others: 40 ms and more, though a
    // call takes 10.
    let p50 = outcome.latency_ns.value_at_quantile(0.5);
    assert!(p50 >= 38_000_000, "{outcome:?}");
    assert!(outcome.mean_in_flight() > 7.0, "{outcome:?}");
}

#[test]
fn connections_that_the_server_closes_are_replaced_in_the_pool() {
    let calls = AtomicUsize::new(0);
    let fake = streamable(move |request| {
        let mut acts = right(request);
        if calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(5) {
            acts.push(Act::Close);
        }
        acts
    });
    let trial = Trial {
        clients: 6,
        shape: Shape {
            connections: Some(3),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = trial.run(http(&fake), &exchanges(5)).unwrap();
    // A request may be on its way when the server closes: an error, and the client goes on.
    assert!(outcome.calls > 20 && outcome.reconnects > 0, "{outcome:?}");
}

#[test]
fn a_session_ends_after_its_calls_and_another_begins() {
    let handshakes = Arc::new(AtomicUsize::new(0));
    let (counted, calls) = (handshakes.clone(), Arc::new(AtomicUsize::new(0)));
    let called = calls.clone();
    let fake = serve(move |request, _| match request.rpc() {
        "notifications/initialized" => empty("202 Accepted"),
        "tools/call" => {
            called.fetch_add(1, Ordering::SeqCst);
            right(request)
        }
        _ => {
            counted.fetch_add(1, Ordering::SeqCst);
            json_answer(&manners(&request.message).unwrap())
        }
    });
    let trial = Trial {
        clients: 2,
        duration: Duration::from_millis(300),
        shape: Shape {
            calls_per_session: Some(3),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = clean(trial, http(&fake));
    let (handshakes, calls) = (
        handshakes.load(Ordering::SeqCst),
        calls.load(Ordering::SeqCst),
    );
    assert!(handshakes.abs_diff(calls / 3) <= 2, "{handshakes} {calls}");
    assert!(fake.accepted.load(Ordering::SeqCst).abs_diff(handshakes) <= 2);
    let iterations = outcome.iteration_ns.len();
    assert!(iterations.abs_diff(outcome.calls / 3) <= 2, "{outcome:?}");
    // An iteration holds its calls, and three HTTP requests stand for each two of JSON-RPC beside
    // them.
    assert!(outcome.iteration_ns.min() > 3 * outcome.latency_ns.min());
    assert!(
        outcome
            .json_rpc_requests
            .abs_diff(outcome.calls + iterations)
            <= 4,
        "{outcome:?}"
    );
    assert!(
        outcome
            .http_requests
            .abs_diff(outcome.calls + 2 * iterations)
            <= 6,
        "{outcome:?}"
    );
}

#[test]
fn a_round_trip_is_added_to_connections_handshakes_and_calls() {
    let trial = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(900),
        shape: Shape {
            round_trip: Duration::from_millis(20),
            calls_per_session: Some(4),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = clean(trial, http(&streamable(right)));
    let ms = |ns: u64| ns as f64 / 1e6;
    assert!(ms(outcome.latency_ns.min()) >= 20.0, "{outcome:?}");
    // The connection, initialize, initialized, and four calls.
    assert!(ms(outcome.iteration_ns.min()) >= 139.0, "{outcome:?}");
    assert!(
        ms(outcome.iteration_ns.value_at_quantile(0.5)) < 280.0,
        "{outcome:?}"
    );
}

#[test]
fn a_client_thinks_between_its_calls() {
    let trial = Trial {
        clients: 4,
        duration: Duration::from_secs(1),
        shape: Shape {
            pace: Pace::Closed {
                think_time: Duration::from_millis(50),
            },
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = clean(trial, http(&streamable(right)));
    // Twenty a second each at the most.
    assert!((20..=84).contains(&outcome.calls), "{outcome:?}");
    assert!(outcome.mean_in_flight() < 2.0, "{outcome:?}");
}

#[test]
fn waiting_awake_for_an_instant_is_not_counted_as_work() {
    let think_time = Duration::from_micros(15);
    let spun = |pace| {
        let trial = Trial {
            clients: 1,
            shape: Shape {
                pace,
                ..Shape::default()
            },
            ..Trial::default()
        };
        let outcome = clean(trial, http(&streamable(right)));
        (outcome.client_spun, outcome.json_rpc_requests)
    };
    let (awake, calls) = spun(Pace::Closed { think_time });
    let most = think_time * u32::try_from(calls + 1).unwrap();
    assert!(!awake.is_zero() && awake <= most, "{awake:?} {calls}");
    assert!(spun(Pace::default()).0.is_zero());
}

#[test]
fn clients_that_pause_do_not_start_in_the_same_phase() {
    for threads in [1, 2] {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let noted = arrivals.clone();
        let fake = streamable(move |request| {
            noted.lock().unwrap().push(Instant::now());
            right(request)
        });
        let trial = Trial {
            clients: 10,
            threads,
            duration: Duration::from_millis(500),
            shape: Shape {
                pace: Pace::Closed {
                    think_time: Duration::from_millis(300),
                },
                ..Shape::default()
            },
            ..Trial::default()
        };
        clean(trial, http(&fake));
        let arrivals = arrivals.lock().unwrap();
        let spread = arrivals[9] - arrivals[0];
        assert!(spread > Duration::from_millis(200), "{spread:?}");
    }
}

#[test]
fn threads_share_out_clients_and_open_their_windows_together() {
    let fake = streamable(right);
    let trial = Trial {
        clients: 5,
        threads: 2,
        ..Trial::default()
    };
    let outcome = clean(trial, http(&fake));
    assert_clean(&outcome, 5);
    assert_eq!(fake.accepted.load(Ordering::SeqCst), 5);
    assert_eq!(outcome.threads, 2);
}

#[test]
fn a_thread_whose_handshake_fails_does_not_leave_the_others_waiting() {
    let handshakes = AtomicUsize::new(0);
    let refusing = serve(move |request, _| {
        if request.rpc() == "initialize" && handshakes.fetch_add(1, Ordering::SeqCst) == 1 {
            return vec![Act::Close];
        }
        if request.rpc() == "notifications/initialized" {
            return empty("202 Accepted");
        }
        json_answer(&manners(&request.message).unwrap())
    });
    let trial = Trial {
        clients: 2,
        threads: 2,
        ..Trial::default()
    };
    let error = trial.run(http(&refusing), &exchanges(2)).unwrap_err();
    assert!(matches!(error, LoadError::Handshake { .. }), "{error}");
}

#[test]
fn what_cannot_be_shared_out_is_refused() {
    let refused = |trial: Trial, target: Target| {
        let error = trial.run(target, &exchanges(1)).unwrap_err();
        assert!(matches!(error, LoadError::Plan(_)), "{error}");
        error.to_string()
    };
    let fake = streamable(right);
    let threads = |threads| Trial {
        threads,
        ..Trial::default()
    };
    let shared = with_sessions(&fake, Sessions::Shared(2));
    assert!(refused(threads(3), shared).contains("2 shared sessions"));
    assert!(refused(threads(4), http(&fake)).contains("3 clients"));
    let sse = Target::Sse {
        address: fake.address.into(),
        path: "/sse".to_owned(),
    };
    let pooled = Trial {
        shape: Shape {
            connections: Some(2),
            ..Shape::default()
        },
        ..Trial::default()
    };
    assert!(refused(pooled, sse).contains("Streamable HTTP only"));
}
