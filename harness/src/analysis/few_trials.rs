//! Whether there are enough trials for how far they lie apart.

use super::rank::{Figure, Row};
use super::summary::{SuiteTable, WarningCount};
use crate::results::warning::Warning;

/// Fewer than this have no middle that one bad trial does not move.
const AT_LEAST: usize = 3;

/// So many, where they lie far apart.
const FAR_APART_AT_LEAST: usize = 5;

/// Least and most of the figure that ranks lie far apart when they differ by more than one part in so many of the median.
const FAR_APART_PART: u64 = 10;

/// The doubt about all subjects that have too few trials; `of` is how many trials the run has.
pub(super) fn few_trials(suites: &[SuiteTable], of: usize) -> Option<WarningCount> {
    let trials = suites.iter().flat_map(|table| {
        let rows = table.servers.iter().chain(&table.floors);
        let few = rows.filter(|row| are_few(row, table.ranked_by));
        few.map(|row| row.trials_measured)
    });
    let trials = trials.sum();
    (trials > 0).then_some(WarningCount {
        warning: Warning::FewTrials,
        trials,
        of,
    })
}

/// Whether a row with figures rests on too few trials.
fn are_few(row: &Row, figure: Figure) -> bool {
    let (median, holding) = match figure {
        Figure::CallsPerS => (row.calls_per_s, row.trials_rate_holds),
        Figure::ServerCpuPerCall => (row.server_cpu_ns_per_call, row.trials_cpu_holds),
    };
    // Where the figure holds in no trial it is taken from all of them.
    let count = if holding == 0 {
        row.trials_measured
    } else {
        holding
    };
    let lie_far_apart = match (row.range(figure), median) {
        (Some((least, most)), Some(median)) => (most - least) * FAR_APART_PART > median,
        _ => false,
    };
    row.trials_measured > 0 && (count < AT_LEAST || (lie_far_apart && count < FAR_APART_AT_LEAST))
}

#[cfg(test)]
mod tests {
    use super::are_few;
    use crate::analysis::rank::Figure;
    use crate::analysis::rank::row_for_tests;

    #[test]
    fn three_trials_are_enough_where_they_lie_near_each_other_and_five_always() {
        let few = |count, least, most| {
            let mut row = row_for_tests("subject", 1_000, 5, true, 0);
            row.trials_measured = count;
            row.trials_rate_holds = count;
            row.trials_cpu_holds = 0;
            (row.calls_per_s_min, row.calls_per_s_max) = (Some(least), Some(most));
            are_few(&row, Figure::CallsPerS)
        };
        assert!(!few(0, 1_000, 1_000), "no figure, no doubt about it");
        assert!(few(2, 1_000, 1_000));
        assert!(!few(3, 950, 1_050));
        assert!(few(3, 949, 1_050));
        assert!(few(4, 900, 1_050));
        assert!(!few(5, 500, 1_500));
    }
}
