//! `measure --find-capacity`: the highest rate that a server keeps up with, of one whose limit is
//! known.

use std::collections::BTreeMap;

use harness::results::environment::State;
use serde_json::Value;

use super::support::Project;

/// A subject whose calls take two milliseconds of its time each, one after another.
fn project() -> Project {
    let project = Project::new(&["right"]);
    project.replace(
        "subjects.toml",
        "\"right\"",
        "\"right\", \"0\", \"--burn-ns\", \"2000000\"",
    );
    project
}

#[test]
fn the_capacity_of_a_server_is_found_and_shown() {
    let project = project();
    // With one client there is one call at a time: no more than 500 a second, and less on a machine
    // that is busy with other tests.
    let flags = "--find-capacity --p99-ms 300 --rate-per-s 40 --clients 1 --trials 1";
    let flags: Vec<&str> = flags.split(' ').collect();
    let done = project.measure(&flags).exits(0);
    done.told("keeps up with");
    done.printed("Capacity");
    let report = project.run("report", &["--format", "json"]).exits(0).stdout;
    let report: Value = serde_json::from_str(&report).unwrap();
    let found = &report["capacities"][0];
    let rate = found["calls_per_s"].as_f64().unwrap();
    assert!((1.0..=510.0).contains(&rate), "{found}");
    assert!(found["p99_ms"].as_f64().unwrap() <= 300.0, "{found}");
    let missed = found["missed_per_s"].as_f64().unwrap();
    assert!(missed > rate, "{found}");

    // The trials are rows like all others, one for each rate that was tried.
    let mut tried: BTreeMap<u64, usize> = BTreeMap::new();
    for trial in project.trials() {
        assert_eq!(trial.arrivals, "constant");
        *tried
            .entry(trial.rate_planned_per_s_milli.unwrap())
            .or_default() += 1;
    }
    assert!(tried.len() > 3 && tried.contains_key(&40_000), "{tried:?}");
    let environment = project.environment();
    assert_eq!(environment.state, State::Complete);
    assert_eq!(
        environment.trials_done,
        tried.values().sum::<usize>() as u64
    );
}

#[test]
fn a_bound_needs_the_search_and_has_to_be_a_time() {
    let project = project();
    for (flags, told) in [
        (&["--p99-ms", "5"][..], "--find-capacity"),
        (&["--find-capacity", "--p99-ms", "0"], "not between"),
        (&["--find-capacity", "--p99-ms", "soon"], "not a number"),
        (&["--rate-per-s", "-1"], "-1"),
        (
            &["--rate-per-s", "10", "--think-time-ms", "5"],
            "think_time_ms",
        ),
        (&["--threads", "3"], "threads = 3"),
        (&["--arrivals", "weekly"], "poisson"),
    ] {
        let done = project.measure(flags).exits(2);
        done.told(told);
    }
}
