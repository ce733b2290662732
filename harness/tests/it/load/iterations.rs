//! Iterations of several steps, the pauses between them, ramps, and the latencies that are left
//! out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use harness::load::{Check, Exchange, JsonType, Pace, Rule, Sessions, Shape};
use serde_json::{Map, json};

use super::support::{
    Fake, Trial, assert_clean, exchanges, http, json_answer, keeping_sessions, manners, right,
    right_after, serve, streamable, with_sessions,
};

/// What came in on a connection, and when.
type Noted = Arc<Mutex<Vec<(u16, String, Instant)>>>;

/// A server that notes the step of each request: the method, or what `echo` has to say.
fn noting() -> (Fake, Noted) {
    let noted = Noted::default();
    let written = noted.clone();
    let fake = serve(move |request, stream| {
        let said = request.message["params"]["arguments"]["n"].as_u64();
        let said = said.map_or_else(|| request.rpc().to_owned(), |n| n.to_string());
        let client = stream.peer_addr().unwrap().port();
        written.lock().unwrap().push((client, said, Instant::now()));
        match request.rpc() {
            "tools/call" if request.message["params"]["arguments"]["n"] == 1 => {
                right_after(Duration::from_millis(20), request)
            }
            "tools/call" => right(request),
            "notifications/initialized" => super::support::empty("202 Accepted"),
            _ => json_answer(&manners(&request.message).unwrap()),
        }
    });
    (fake, noted)
}

/// Two calls of `echo` and a list of the tools.
fn steps() -> Vec<Exchange> {
    let mut steps = exchanges(2);
    steps[1].step = 1;
    let is_list = Check {
        pointer: "/tools/0/name".to_owned(),
        rule: Rule::Type(JsonType::String),
    };
    steps.push(Exchange {
        tool: None,
        arguments: json!({}),
        meta: Map::new(),
        expect: vec![is_list],
        step: 2,
    });
    steps
}

fn of_three(shape: Shape) -> Trial {
    Trial {
        clients: 2,
        duration: Duration::from_millis(500),
        shape: Shape {
            steps: Some(3),
            ..shape
        },
        ..Trial::default()
    }
}

#[test]
fn each_client_makes_the_steps_in_order_and_each_step_has_its_latencies() {
    let (fake, noted) = noting();
    let outcome = of_three(Shape::default())
        .run(http(&fake), &steps())
        .unwrap();
    assert_clean(&outcome, 2);
    let mut by_client: HashMap<u16, Vec<String>> = HashMap::new();
    for (client, said, _) in noted.lock().unwrap().iter() {
        by_client.entry(*client).or_default().push(said.clone());
    }
    assert_eq!(by_client.len(), 2);
    for said in by_client.values() {
        assert!(said.len() > 10, "{said:?}");
        for three in said[2..].chunks_exact(3) {
            assert_eq!(three, ["0", "1", "tools/list"]);
        }
    }
    let counts: Vec<u64> = outcome.steps.iter().map(|step| step.calls).collect();
    assert_eq!(counts.iter().sum::<u64>(), outcome.calls);
    assert!(counts.iter().all(|count| count.abs_diff(counts[0]) <= 4));
    for (step, count) in outcome.steps.iter().zip(&counts) {
        assert_eq!(step.latency_ns.len(), *count);
    }
    assert!(outcome.steps[1].latency_ns.min() >= 20_000_000);
    assert!(outcome.steps[2].latency_ns.value_at_quantile(0.5) < 20_000_000);
    // An iteration is at least as long as its longest step, and there is one for each of them.
    assert!(outcome.iteration_ns.min() >= 20_000_000);
    assert!(outcome.iteration_ns.len().abs_diff(counts[2]) <= 2);
    assert_eq!(outcome.paused, Duration::ZERO);
}

#[test]
fn one_step_has_no_latencies_of_its_own() {
    let outcome = Trial::default()
        .run(http(&streamable(right)), &exchanges(3))
        .unwrap();
    assert!(outcome.steps.is_empty() && outcome.iteration_ns.is_empty());
}

#[test]
fn a_session_is_opened_around_each_step_and_the_pause_comes_after_the_iteration() {
    let (fake, sessions) = keeping_sessions();
    let trial = of_three(Shape {
        calls_per_session: Some(1),
        iteration_pause: Duration::from_millis(60),
        ..Shape::default()
    });
    let target = with_sessions(&fake, Sessions::PerClient);
    let outcome = trial.run(target, &steps()).unwrap();
    for errors in [&outcome.errors, &outcome.closing_errors] {
        assert_eq!(errors.total(), 0, "{errors:?}");
    }
    let seen = sessions.lock().unwrap();
    assert!(seen.open.is_empty() && seen.strays == 0);
    // Each of a client's iterations takes 60 ms or more, of which it makes at most nine.
    assert!((6..=3 * 2 * 9).contains(&outcome.calls), "{outcome:?}");
    // Two JSON-RPC requests a step, the handshake's and its own.
    let expected = 2 * outcome.calls;
    assert!(
        outcome.json_rpc_requests.abs_diff(expected) <= 4,
        "{outcome:?}"
    );
    // And two more of HTTP: `initialized` and the DELETE.
    assert!(
        outcome.http_requests.abs_diff(4 * outcome.calls) <= 8,
        "{outcome:?}"
    );
    // The clients mostly pause, and without the pause an iteration is shorter than with it.
    let paused = outcome.paused.as_secs_f64() / outcome.elapsed.as_secs_f64() / 2.0;
    assert!((0.3..=1.0).contains(&paused), "{paused}");
    assert!(outcome.iteration_ns.min() < 60_000_000, "{outcome:?}");
}

#[test]
fn think_time_is_time_that_clients_pause() {
    let trial = Trial {
        clients: 4,
        duration: Duration::from_millis(600),
        shape: Shape {
            pace: Pace::Closed {
                think_time: Duration::from_millis(200),
            },
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = trial.run(http(&streamable(right)), &exchanges(1)).unwrap();
    let all = outcome.elapsed.as_secs_f64() * 4.0;
    let paused = outcome.paused.as_secs_f64() / all;
    let called = outcome.in_flight.as_secs_f64() / all;
    assert!(paused > 0.5 && paused + called < 1.02, "{paused} {called}");
}

#[test]
fn clients_begin_and_end_one_after_the_other_in_the_ramps() {
    let (fake, noted) = noting();
    let trial = Trial {
        clients: 5,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(1),
        shape: Shape {
            ramp: Duration::from_millis(400),
            ramp_down: Duration::from_millis(400),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = trial.run(http(&fake), &exchanges(1)).unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    let mut times: HashMap<u16, Vec<Instant>> = HashMap::new();
    for (client, said, at) in noted.lock().unwrap().iter() {
        if said == "0" {
            times.entry(*client).or_default().push(*at);
        }
    }
    assert_eq!(times.len(), 5);
    let spread = |one: fn(&Vec<Instant>) -> Instant| {
        let found: Vec<Instant> = times.values().map(one).collect();
        *found.iter().max().unwrap() - *found.iter().min().unwrap()
    };
    let (begin, end) = (
        spread(|times| times[0]),
        spread(|times| times[times.len() - 1]),
    );
    for spread in [begin, end] {
        // Four fifths of the ramp lie between the first client and the last.
        assert!(spread > Duration::from_millis(250), "{begin:?} {end:?}");
        assert!(spread < Duration::from_millis(900), "{begin:?} {end:?}");
    }
}

#[test]
fn the_first_latencies_are_left_out_and_their_calls_are_not() {
    let begun = Instant::now();
    // Slow for the first half of the run.
    let fake = streamable(move |request| {
        if begun.elapsed() < Duration::from_millis(300) {
            right_after(Duration::from_millis(30), request)
        } else {
            right(request)
        }
    });
    let trial = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_secs(1),
        shape: Shape {
            latency_after: Duration::from_millis(500),
            ..Shape::default()
        },
        ..Trial::default()
    };
    let outcome = trial.run(http(&fake), &exchanges(1)).unwrap();
    let left_out = outcome.calls - outcome.latency_ns.len();
    assert!(left_out > 5, "{outcome:?}");
    assert!(outcome.latency_ns.len() > 5, "{outcome:?}");
    let p50 = outcome.latency_ns.value_at_quantile(0.5);
    assert!(p50 < 30_000_000, "{outcome:?}");
}
