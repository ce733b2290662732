//! The open loop against scripted servers whose latencies follow from arithmetic.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::support::{Fake, Trial, exchanges, http, right, right_after, streamable};
use harness::load::{Arrivals, Outcome, Pace, Shape};

/// A server that answers at once, but for a while: then it answers nobody until the while is over.
/// It counts from its first call.
fn stalling(after: Duration, stall: Duration) -> Fake {
    let first = Arc::new(OnceLock::new());
    streamable(move |request| {
        let now = first.get_or_init(Instant::now).elapsed();
        if (after..after + stall).contains(&now) {
            return right_after((after + stall).saturating_sub(now), request);
        }
        right(request)
    })
}

fn open(rate_per_s: f64, arrivals: Arrivals) -> Shape {
    Shape {
        pace: Pace::Open {
            rate_per_s,
            arrivals,
        },
        ..Shape::default()
    }
}

/// So few a second that what a stall holds up is soon made up for, also beside other tests.
const RATE_PER_S: f64 = 300.0;
const STALL: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(4);
const WARMUP: Duration = Duration::from_millis(300);

fn run(shape: Shape, after: Duration) -> Outcome {
    let trial = Trial {
        clients: 20,
        warmup: WARMUP,
        duration: WINDOW,
        shape,
        ..Trial::default()
    };
    let outcome = trial.run(http(&stalling(after, STALL)), &exchanges(5));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    outcome
}

/// The latency in seconds that so many of a hundred calls stay below.
fn percentile_s(outcome: &Outcome, percentile: f64) -> f64 {
    outcome.latency_ns.value_at_percentile(percentile) as f64 / 1e9
}

/// What a server stands still for shows in every call that was due in that time: with a stall of
/// `s` in a window of `w` the share of calls that wait longer than `x` is `(s - x) / w`, so that
/// percentile `p` is at `s - w * (1 - p / 100)`.
fn shows_the_stall(outcome: &Outcome) {
    for percentile in [85.0, 90.0, 95.0, 99.0] {
        let expected = STALL.as_secs_f64() - WINDOW.as_secs_f64() * (1.0 - percentile / 100.0);
        let found = percentile_s(outcome, percentile);
        assert!(
            (found - expected).abs() < 0.2,
            "p{percentile}: {found} s instead of {expected} s: {outcome:?}"
        );
    }
    // As many as were due wait, and no more.
    assert!(percentile_s(outcome, 70.0) < 0.2, "{outcome:?}");
}

/// Every call that was due has a latency, or could not be sent. A machine that is busy closes the
/// window late, and then more are due in it.
fn all_count(outcome: &Outcome, rate_per_s: f64) {
    let due = rate_per_s * outcome.elapsed.as_secs_f64();
    let counted = outcome.latency_ns.len() + outcome.unsent;
    assert!((counted as f64 - due).abs() <= 1.0, "{due}: {outcome:?}");
}

#[test]
fn an_open_loop_shows_a_stall_as_arithmetic_says() {
    for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
        let outcome = run(open(RATE_PER_S, arrivals), Duration::from_millis(1_500));
        shows_the_stall(&outcome);
        assert_eq!(outcome.unsent, 0);
        if arrivals == Arrivals::Constant {
            all_count(&outcome, RATE_PER_S);
        }
    }
}

#[test]
fn a_stall_at_the_end_of_the_window_is_not_forgotten() {
    // It begins half a second before the window closes: the calls that are due then are answered
    // after it.
    let outcome = run(
        open(RATE_PER_S, Arrivals::Constant),
        WARMUP + WINDOW.saturating_sub(STALL / 2),
    );
    all_count(&outcome, RATE_PER_S);
    assert_eq!(outcome.unsent, 0);
    assert!(outcome.drained > 120, "{outcome:?}");
    // 150 calls of 1,200 wait for half a second to a second.
    assert!(
        (percentile_s(&outcome, 99.0) - 0.96).abs() < 0.2,
        "{outcome:?}"
    );
    assert!(
        (percentile_s(&outcome, 88.0) - 0.52).abs() < 0.2,
        "{outcome:?}"
    );
    assert!(percentile_s(&outcome, 85.0) < 0.2, "{outcome:?}");
}

#[test]
fn a_closed_loop_hardly_sees_the_same_stall() {
    let outcome = run(Shape::default(), Duration::from_millis(1_500));
    // Twenty clients wait once each; the hundreds of calls that would have come are never made.
    assert!(outcome.latency_ns.max() >= 900_000_000, "{outcome:?}");
    assert!(percentile_s(&outcome, 99.0) < 0.5, "{outcome:?}");
}

#[test]
fn calls_are_sent_when_they_are_due_and_counted_by_their_rate() {
    let trial = Trial {
        clients: 8,
        duration: Duration::from_secs(1),
        shape: open(400.0, Arrivals::Constant),
        ..Trial::default()
    };
    let outcome = trial.run(http(&streamable(right)), &exchanges(5)).unwrap();
    assert_eq!(outcome.errors.total(), 0, "{:?}", outcome.errors);
    all_count(&outcome, 400.0);
    assert_eq!(outcome.unsent, 0);
    assert_eq!(outcome.late_ns.len(), outcome.latency_ns.len());
    assert!(
        outcome.json_rpc_requests.abs_diff(outcome.latency_ns.len()) <= 40,
        "{outcome:?}"
    );
    assert_eq!(outcome.json_rpc_requests, outcome.http_requests);
}

#[test]
fn what_could_not_be_sent_is_said() {
    // One client and 50 ms a call: 20 calls a second of the 1,000 that are due.
    let time = Duration::from_millis(50);
    let slow = slow(time);
    let trial = Trial {
        clients: 1,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(500),
        shape: open(1_000.0, Arrivals::Constant),
        ..Trial::default()
    };
    let outcome = trial.run(http(&slow), &exchanges(5)).unwrap();
    let most = outcome.elapsed.as_millis() / time.as_millis();
    assert!(u128::from(outcome.calls) <= most, "{outcome:?}");
    all_count(&outcome, 1_000.0);
    assert!(outcome.unsent >= 470, "{outcome:?}");
    // The tenth call was due after 10 ms and is sent after 450 ms at the earliest.
    assert!(outcome.late_ns.max() >= 440_000_000, "{outcome:?}");
}

/// A server that takes so long for each call.
fn slow(time: Duration) -> Fake {
    streamable(move |request| right_after(time, request))
}

fn over_one_connection(rate_per_s: f64, clients: usize) -> Trial {
    Trial {
        clients,
        warmup: Duration::ZERO,
        duration: Duration::from_millis(500),
        shape: Shape {
            connections: Some(1),
            ..open(rate_per_s, Arrivals::Constant)
        },
        ..Trial::default()
    }
}

#[test]
fn calls_that_wait_for_a_connection_when_the_window_closes_are_still_made() {
    // 75 calls are due, and 50 fit into the window. There are more clients than calls, so that each
    // call has a client.
    let trial = over_one_connection(150.0, 100);
    let fake = slow(Duration::from_millis(10));
    let outcome = trial.run(http(&fake), &exchanges(5)).unwrap();
    assert_eq!(outcome.latency_ns.len(), 75, "{outcome:?}");
    assert_eq!((outcome.unsent, outcome.errors.total()), (0, 0));
}

#[test]
fn calls_that_wait_for_a_connection_for_too_long_are_counted_as_unsent() {
    // 20 calls fit into the window and as many into the time after it; 20 clients hold a call that
    // waits.
    let trial = over_one_connection(400.0, 20);
    let fake = slow(Duration::from_millis(25));
    let outcome = trial.run(http(&fake), &exchanges(5)).unwrap();
    assert_eq!(
        outcome.latency_ns.len() + outcome.unsent,
        200,
        "{outcome:?}"
    );
    assert!(outcome.unsent >= 150, "{outcome:?}");
}
