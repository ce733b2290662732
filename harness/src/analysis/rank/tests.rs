//! Who is ranked, by what, and what ties.

use super::{Figure, Row, rank, row_for_tests as row};
use crate::stats::Sample;

fn places(rows: &[Row]) -> Vec<(&str, Option<usize>, Option<u64>)> {
    rows.iter()
        .map(|row| (row.subject.as_str(), row.rank, row.ratio_to_best_milli))
        .collect()
}

#[test]
fn rates_rank_where_all_of_them_hold() {
    let mut rows = [row("slow", 100, 5, true, 0), row("fast", 200, 9, true, 0)];
    assert_eq!(rank(&mut rows, false), Figure::CallsPerS);
    assert_eq!(
        places(&rows),
        [
            ("fast", Some(1), Some(1_000)),
            ("slow", Some(2), Some(2_000))
        ]
    );
}

#[test]
fn ranges_that_overlap_with_the_one_above_are_ties() {
    let ranged = |subject: &str, min: u64, rate: u64, max: u64| Row {
        calls_per_s_min: Some(min),
        calls_per_s_max: Some(max),
        ..row(subject, rate, 5, true, 0)
    };
    let mut rows = [
        ranged("third", 50, 60, 70),
        ranged("first", 95, 100, 110),
        ranged("second", 85, 90, 95),
    ];
    assert_eq!(rank(&mut rows, false), Figure::CallsPerS);
    let ties: Vec<_> = rows
        .iter()
        .map(|row| (row.subject.as_str(), row.rank, row.is_tied))
        .collect();
    assert_eq!(
        ties,
        [
            ("first", Some(1), false),
            ("second", Some(2), true),
            ("third", Some(3), false)
        ]
    );
}

#[test]
fn with_five_trials_the_verdict_decides_and_not_the_ranges() {
    // The ranges of the first two overlap by far, but what drifts falls on both trials of a round.
    let drifting = |subject: &str, rate: u64| Row {
        calls_per_s_min: Some(rate / 2),
        calls_per_s_max: Some(rate * 2),
        rates: (1..=5)
            .map(|round| Sample::of_trial(round, rate as f64 * (1.0 + f64::from(round) / 5.0)))
            .collect(),
        ..row(subject, rate, 5, true, 0)
    };
    let mut rows = [drifting("a", 1_000), drifting("b", 900), drifting("c", 890)];
    rank(&mut rows, false);
    assert_eq!(rows.map(|row| row.is_tied), [false, false, true]);
}

#[test]
fn what_went_wrong_around_the_window_is_not_ranked_either() {
    let warm = Row {
        errors_around: 1,
        ..row("warm", 999, 1, true, 0)
    };
    let unclean = Row {
        exits_unclean: 1,
        ..row("unclean", 999, 1, true, 0)
    };
    let mut rows = [warm, unclean, row("right", 10, 5, true, 0)];
    rank(&mut rows, false);
    let ranks: Vec<_> = rows.iter().map(|row| row.rank).collect();
    assert_eq!(ranks, [Some(1), None, None]);
}

#[test]
fn one_saturated_client_makes_cpu_time_the_rule_for_all() {
    let mut rows = [
        row("a", 200, 9_000, true, 0),
        row("b", 100, 6_000, false, 0),
    ];
    assert_eq!(rank(&mut rows, false), Figure::ServerCpuPerCall);
    assert_eq!(
        places(&rows),
        [("b", Some(1), Some(1_000)), ("a", Some(2), Some(1_500))]
    );
}

#[test]
fn wrong_answers_and_missing_trials_are_not_ranked_and_do_not_choose_the_rule() {
    let mut dead = row("dead", 999, 1, false, 0);
    dead.trials_measured = 2;
    let mut rows = [
        dead,
        row("wrong", 999, 1, false, 1),
        row("right", 10, 5, true, 0),
    ];
    assert_eq!(rank(&mut rows, false), Figure::CallsPerS);
    assert_eq!(
        places(&rows),
        [
            ("right", Some(1), Some(1_000)),
            ("dead", None, None),
            ("wrong", None, None)
        ]
    );
}

#[test]
fn an_open_loop_is_ranked_by_cpu_time_since_all_have_the_planned_rate() {
    let mut rows = [row("a", 101, 9_000, true, 0), row("b", 100, 6_000, true, 0)];
    assert_eq!(rank(&mut rows, true), Figure::ServerCpuPerCall);
    assert_eq!(rows[0].subject, "b");
}
