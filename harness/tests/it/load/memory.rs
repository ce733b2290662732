//! In its steady state the load client allocates nothing: a count of allocations, which no
//! machine's speed changes.

use std::time::Duration;

use super::support::{Trial, exchanges, http, right, streamable};
use harness::load::{Arrivals, Pace, Shape};

/// Allocations of the load thread (the fake server has threads of its own) and the calls of a run.
fn count(shape: Shape, duration: Duration) -> (u64, u64) {
    let fake = streamable(right);
    let exchanges = exchanges(5);
    let trial = Trial {
        duration,
        shape,
        ..Trial::default()
    };
    let mut calls = 0;
    let counted = allocation_counter::measure(|| {
        calls = trial.run(http(&fake), &exchanges).unwrap().calls;
    });
    (counted.count_total, calls)
}

#[test]
fn more_calls_do_not_take_more_allocations() {
    let open = Pace::Open {
        rate_per_s: 2_000.0,
        arrivals: Arrivals::Poisson,
    };
    for pace in [Pace::default(), open] {
        let shape = Shape {
            pace,
            ..Shape::default()
        };
        let (short, few) = count(shape, Duration::from_millis(150));
        let (long, many) = count(shape, Duration::from_millis(900));
        assert!(many > few + 200, "{few} and {many} calls");
        // Answers of other bytes than the first ones are parsed; there are none here. What is left
        // does not grow with the calls.
        assert!(
            long.saturating_sub(short) < 50,
            "{short} allocations for {few} calls, {long} for {many}"
        );
    }
}
