//! The rule of ranking, one for each table.
//!
//! A subject is ranked when all its trials were measured and every answer was right. Subjects are
//! ranked by calls a second. If the rate of any of them does not hold (the client was saturated,
//! say) the rates cannot be compared, and all are ranked by the server's CPU time per call.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measure::doubts::permille;

/// What ranks go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Median calls a second.
    CallsPerS,
    /// Median CPU time of the server per call.
    ServerCpuPerCall,
}

/// One subject in one suite. Medians are over the trials that were measured; a figure that no trial
/// has is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The subject.
    pub subject: String,
    /// Its place, from 1; absent when it is not ranked.
    pub rank: Option<usize>,
    /// Trials that were measured.
    pub trials_measured: usize,
    /// Trials that were made.
    pub trials_made: usize,
    /// Median calls a second.
    pub calls_per_s: Option<u64>,
    /// Fewest calls a second of any trial.
    pub calls_per_s_min: Option<u64>,
    /// Most calls a second of any trial.
    pub calls_per_s_max: Option<u64>,
    /// From the merged histograms.
    pub p50_us: Option<u64>,
    /// From the merged histograms.
    pub p99_us: Option<u64>,
    /// From the merged histograms.
    pub p99_9_us: Option<u64>,
    /// Median CPU time of the server per call.
    pub server_cpu_ns_per_call: Option<u64>,
    /// Least of any trial.
    pub server_cpu_ns_per_call_min: Option<u64>,
    /// Most of any trial.
    pub server_cpu_ns_per_call_max: Option<u64>,
    /// How many times worse than the best in the figure that ranks, in thousandths; absent when not
    /// ranked.
    pub ratio_to_best_milli: Option<u64>,
    /// Median.
    pub calls_per_s_per_cpu_percent_milli: Option<u64>,
    /// Median.
    pub calls_per_s_per_mb_milli: Option<u64>,
    /// Highest of any trial.
    pub rss_peak_bytes: Option<u64>,
    /// Median.
    pub startup_us: Option<u64>,
    /// All of its trials together.
    pub errors: u64,
    /// Whether the rates and latencies of all its trials hold.
    pub rate_holds: bool,
    /// Whether the CPU times of all its trials hold.
    pub cpu_holds: bool,
}

/// Ranks the rows and puts them in order; says by which figure.
pub(super) fn rank(rows: &mut [Row]) -> Figure {
    let can_be = |row: &Row| {
        row.errors == 0 && row.trials_measured == row.trials_made && row.trials_made > 0
    };
    let mut ranked: Vec<&Row> = rows.iter().filter(|row| can_be(row)).collect();
    let has_cpu = ranked
        .iter()
        .all(|row| row.server_cpu_ns_per_call.is_some());
    let figure = if ranked.iter().all(|row| row.rate_holds) || !has_cpu {
        Figure::CallsPerS
    } else {
        Figure::ServerCpuPerCall
    };
    // Smaller is better for both: the rate as the time between calls.
    let cost = |row: &Row| match figure {
        Figure::CallsPerS => 1.0 / row.calls_per_s.unwrap_or(0).max(1) as f64,
        Figure::ServerCpuPerCall => row.server_cpu_ns_per_call.unwrap_or(u64::MAX).max(1) as f64,
    };
    ranked.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let best = ranked.first().map_or(1.0, |row| cost(row));
    let places: BTreeMap<String, (usize, u64)> = ranked
        .iter()
        .enumerate()
        .map(|(index, row)| (row.subject.clone(), (index + 1, permille(cost(row) / best))))
        .collect();
    for row in rows.iter_mut() {
        if let Some((rank, ratio)) = places.get(&row.subject) {
            row.rank = Some(*rank);
            row.ratio_to_best_milli = Some(*ratio);
        }
    }
    rows.sort_by_key(|row| row.rank.unwrap_or(usize::MAX));
    figure
}

#[cfg(test)]
mod tests {
    use super::{Figure, Row, rank};

    fn row(subject: &str, rate: u64, cpu: u64, rate_holds: bool, errors: u64) -> Row {
        Row {
            subject: subject.to_owned(),
            rank: None,
            trials_measured: 3,
            trials_made: 3,
            calls_per_s: Some(rate),
            calls_per_s_min: None,
            calls_per_s_max: None,
            p50_us: None,
            p99_us: None,
            p99_9_us: None,
            server_cpu_ns_per_call: Some(cpu),
            server_cpu_ns_per_call_min: None,
            server_cpu_ns_per_call_max: None,
            ratio_to_best_milli: None,
            calls_per_s_per_cpu_percent_milli: None,
            calls_per_s_per_mb_milli: None,
            rss_peak_bytes: None,
            startup_us: None,
            errors,
            rate_holds,
            cpu_holds: true,
        }
    }

    fn places(rows: &[Row]) -> Vec<(&str, Option<usize>, Option<u64>)> {
        rows.iter()
            .map(|row| (row.subject.as_str(), row.rank, row.ratio_to_best_milli))
            .collect()
    }

    #[test]
    fn rates_rank_where_all_of_them_hold() {
        let mut rows = [row("slow", 100, 5, true, 0), row("fast", 200, 9, true, 0)];
        assert_eq!(rank(&mut rows), Figure::CallsPerS);
        assert_eq!(
            places(&rows),
            [
                ("fast", Some(1), Some(1_000)),
                ("slow", Some(2), Some(2_000))
            ]
        );
    }

    #[test]
    fn one_saturated_client_makes_cpu_time_the_rule_for_all() {
        let mut rows = [
            row("a", 200, 9_000, true, 0),
            row("b", 100, 6_000, false, 0),
        ];
        assert_eq!(rank(&mut rows), Figure::ServerCpuPerCall);
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
        assert_eq!(rank(&mut rows), Figure::CallsPerS);
        assert_eq!(
            places(&rows),
            [
                ("right", Some(1), Some(1_000)),
                ("dead", None, None),
                ("wrong", None, None)
            ]
        );
    }
}
