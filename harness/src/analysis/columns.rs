//! The columns of a table, and what a subject's row shows in them.

use std::fmt::Write as _;

use super::rank::{Figure, Row};

/// The heads of the columns of a table, the first three flush left.
pub(super) const COLUMNS: [&str; 11] = [
    "rank",
    "subject",
    "fast path",
    "calls/s",
    "CPU us/call",
    "min..max",
    "ratio",
    "p50 us",
    "p99 us",
    "errors",
    "valid",
];

/// The heads of the columns of what else was measured.
pub(super) const MORE_COLUMNS: [&str; 10] = [
    "subject",
    "p99.9 us",
    "late p99 us",
    "JSON-RPC/s",
    "HTTP/s",
    "iterations/s",
    "calls/s/CPU%",
    "calls/s/MB",
    "RSS peak MB",
    "start ms",
];

/// A figure in another unit, or a dash where there is none.
pub(super) fn number(value: Option<u64>, divisor: f64, digits: usize) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| format!("{:.digits$}", value as f64 / divisor),
    )
}

/// Which figures hold, in how many of the measured trials where it is not in all, and how many
/// trials there are not.
fn valid(row: &Row) -> String {
    let of = |holding: usize| {
        if holding == row.trials_measured {
            String::new()
        } else {
            format!(" {holding} of {}", row.trials_measured)
        }
    };
    let (of_rate, of_cpu) = (of(row.trials_rate_holds), of(row.trials_cpu_holds));
    let holds = match (row.trials_measured, row.rate_holds, row.cpu_holds) {
        (0, ..) => "none".to_owned(),
        (_, true, true) if of_rate.is_empty() && of_cpu.is_empty() => "yes".to_owned(),
        (_, true, true) if of_rate == of_cpu => of_rate.trim_start().to_owned(),
        (_, true, true) if of_cpu.is_empty() => format!("rate{of_rate}, CPU all"),
        (_, true, true) => format!("rate{of_rate}, CPU{of_cpu}"),
        (_, false, true) => format!("CPU only{of_cpu}"),
        (_, true, false) => format!("rate only{of_rate}"),
        (_, false, false) => "no".to_owned(),
    };
    let mut text = holds;
    let failed = row.trials_made - row.trials_measured - row.trials_skipped;
    for (count, what) in [(failed, "failed"), (row.trials_skipped, "skipped")] {
        if count > 0 {
            let _ = write!(text, ", {count} of {} trials {what}", row.trials_made);
        }
    }
    if row.exits_unclean > 0 {
        let _ = write!(text, ", {} unclean exits", row.exits_unclean);
    }
    if !row.outliers.is_empty() {
        let rounds: Vec<String> = row.outliers.iter().map(ToString::to_string).collect();
        let _ = write!(text, ", trial {} far off", rounds.join(" and "));
    }
    text
}

fn spread(row: &Row, figure: Figure) -> String {
    match (row.range(figure), figure) {
        (None, _) => "-".to_owned(),
        (Some((min, max)), Figure::CallsPerS) => format!("{min}..{max}"),
        (Some((min, max)), Figure::ServerCpuPerCall) => {
            format!("{:.1}..{:.1}", min as f64 / 1e3, max as f64 / 1e3)
        }
    }
}

/// The cells of a row of a table that is ranked by this figure.
pub(super) fn cells(row: &Row, rank: String, subject: String, figure: Figure) -> Vec<String> {
    vec![
        rank,
        subject,
        row.fast_path.clone(),
        number(row.calls_per_s, 1.0, 0),
        number(row.server_cpu_ns_per_call, 1e3, 1),
        spread(row, figure),
        number(row.ratio_to_best_milli, 1e3, 2),
        number(row.p50_us, 1.0, 0),
        number(row.p99_us, 1.0, 0),
        (row.errors + row.errors_around).to_string(),
        valid(row),
    ]
}

/// The cells of what else was measured.
pub(super) fn more_cells(row: &Row) -> Vec<String> {
    vec![
        row.subject.clone(),
        number(row.p99_9_us, 1.0, 0),
        number(row.requests.late_p99_us, 1.0, 0),
        number(row.requests.json_rpc_per_s, 1.0, 0),
        number(row.requests.http_per_s, 1.0, 0),
        number(row.requests.iterations_per_s, 1.0, 0),
        number(row.calls_per_s_per_cpu_percent_milli, 1e3, 1),
        number(row.calls_per_s_per_mb_milli, 1e3, 0),
        number(row.rss_peak_bytes, 1e6, 1),
        number(row.startup_us, 1e3, 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::{spread, valid};
    use crate::analysis::rank::{Figure, Row, row_for_tests};

    #[test]
    fn valid_says_what_was_set_aside_and_what_is_missing() {
        let shown = |rate: usize, cpu: usize, measured: usize, skipped: usize| {
            valid(&Row {
                trials_measured: measured,
                trials_skipped: skipped,
                trials_rate_holds: rate,
                trials_cpu_holds: cpu,
                rate_holds: rate > 0,
                cpu_holds: cpu > 0,
                ..row_for_tests("a", 1, 1, true, 0)
            })
        };
        assert_eq!(shown(3, 3, 3, 0), "yes");
        assert_eq!(shown(2, 2, 3, 0), "2 of 3");
        assert_eq!(shown(2, 3, 3, 0), "rate 2 of 3, CPU all");
        assert_eq!(shown(0, 3, 3, 0), "CPU only");
        assert_eq!(shown(0, 2, 3, 0), "CPU only 2 of 3");
        assert_eq!(shown(0, 0, 3, 0), "no");
        assert_eq!(shown(1, 1, 1, 2), "yes, 2 of 3 trials skipped");
        assert_eq!(
            shown(0, 0, 0, 1),
            "none, 2 of 3 trials failed, 1 of 3 trials skipped"
        );
    }

    #[test]
    fn trials_far_from_the_others_are_named() {
        let row = Row {
            outliers: vec![2, 5],
            ..row_for_tests("a", 1, 1, true, 0)
        };
        assert_eq!(valid(&row), "yes, trial 2 and 5 far off");
    }

    #[test]
    fn the_spread_is_that_of_the_figure_that_ranks() {
        let row = Row {
            calls_per_s_min: Some(90),
            calls_per_s_max: Some(110),
            server_cpu_ns_per_call_min: Some(9_040),
            server_cpu_ns_per_call_max: Some(9_960),
            ..row_for_tests("a", 100, 9_500, true, 0)
        };
        assert_eq!(spread(&row, Figure::CallsPerS), "90..110");
        assert_eq!(spread(&row, Figure::ServerCpuPerCall), "9.0..10.0");
    }
}
