//! The capacity of each subject: what the search of the run found, and what happened beyond.

use std::collections::BTreeSet;

use serde::Serialize;

use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::capacity::{CapacityBound, Miss};
use crate::render::table::{Cell, Style, Table};
use crate::results::capacity::FoundCapacity;
use crate::results::trial::Trial;
use crate::stats::median_of;

/// What the search found for one subject in one suite.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capacity {
    /// The suite.
    pub suite: String,
    /// The subject.
    pub subject: String,
    /// The rate that the search confirmed, in thousandths of a call a second; absent when there is
    /// none, or the search did not come to its end.
    pub rate_per_s_milli: Option<u64>,
    /// Trials at that rate.
    pub trials: usize,
    /// Median of the trials at that rate that held, in milliseconds.
    pub p99_ms: Option<f64>,
    /// Median of the trials at that rate.
    pub cpu_us_per_call: Option<f64>,
    /// The lowest rate above it that did not hold, and why; absent when none was tried.
    pub missed: Option<(u64, Miss)>,
}

/// Whether the subject kept up with the rate that was planned, if one was.
pub(super) fn kept_up(trial: &Trial) -> bool {
    // Latency is for the targets to judge.
    let bound = CapacityBound { p99_us: u64::MAX };
    trial.rate_planned_per_s_milli.is_none() || bound.holds(trial) != Err(Miss::Behind)
}

/// The capacities of a run: what its search recorded as `found`, with the figures of the trials. Older
/// runs have no record, and their trials tell.
pub(super) fn capacities(
    bound: CapacityBound,
    run: &Dataset,
    found: &[FoundCapacity],
) -> Vec<Capacity> {
    let planned = run
        .trials
        .iter()
        .filter(|trial| trial.rate_planned_per_s_milli.is_some());
    let pairs: BTreeSet<(&str, &str)> = planned
        .map(|trial| (trial.suite.as_str(), trial.subject.as_str()))
        .collect();
    let one = |(suite, subject): (&str, &str)| {
        let rows: Vec<&Trial> = run.rows(suite, subject).collect();
        let own = found
            .iter()
            .find(|one| (one.suite.as_str(), one.subject.as_str()) == (suite, subject));
        let rate = own.map_or_else(|| confirmed(bound, &rows), |own| own.rate_per_s_milli);
        let at = rows
            .iter()
            .filter(|row| row.rate_planned_per_s_milli == rate && rate.is_some());
        let at: Vec<&Trial> = at.copied().collect();
        let held = at.iter().filter(|trial| bound.holds(trial).is_ok());
        let cpu = at
            .iter()
            .filter_map(|trial| Metric::CpuUsPerCall.reading(trial));
        let miss = |row: &&Trial| Some((row.rate_planned_per_s_milli?, bound.holds(row).err()?));
        let beyond = rows.iter().filter_map(miss);
        let beyond = beyond.filter(|(missed, _)| *missed > rate.unwrap_or(0));
        let p99 = held.filter_map(|trial| Metric::P99Ms.reading(trial));
        Capacity {
            suite: suite.to_owned(),
            subject: subject.to_owned(),
            rate_per_s_milli: rate,
            trials: own.map_or(at.len(), |own| own.trials as usize),
            p99_ms: median_of(&mut p99.collect::<Vec<_>>()),
            cpu_us_per_call: median_of(&mut cpu.collect::<Vec<_>>()),
            missed: own.map_or_else(
                || beyond.min_by_key(|(missed, _)| *missed),
                |own| own.missed_rate_per_s_milli.zip(own.missed),
            ),
        }
    };
    pairs.into_iter().map(one).collect()
}

/// The rate that the search confirmed: it ends with the probes at that rate. Single probes that held
/// at other rates were not confirmed. A search for a single trial has nothing to confirm and may end
/// with a miss: then it is the highest rate that held.
fn confirmed(bound: CapacityBound, rows: &[&Trial]) -> Option<u64> {
    let holds = |rate: Option<u64>| {
        let at = rows
            .iter()
            .filter(|row| row.rate_planned_per_s_milli == rate);
        let (held, missed): (Vec<&Trial>, Vec<&Trial>) =
            at.partition(|row| bound.holds(row).is_ok());
        held.len() > missed.len()
    };
    let last = rows.last()?.rate_planned_per_s_milli;
    let rates = rows.iter().map(|row| row.rate_planned_per_s_milli);
    let highest = || rates.filter(|rate| holds(*rate)).max().flatten();
    if holds(last) { last } else { highest() }
}

/// The table for people.
pub(crate) fn table(bound: CapacityBound, found: &[Capacity], style: Style) -> String {
    let columns = [
        "suite",
        "subject",
        "calls/s",
        "p99 ms",
        "CPU us/call",
        "trials",
        "not held at",
        "why",
    ];
    let mut table = Table::new(&columns, 2);
    let rate = |milli: Option<u64>| Cell::number(milli.map(|milli| milli as f64 / 1e3), 0);
    for one in found {
        let why = one.missed.map_or("-", |(_, miss)| miss.meaning());
        table.cells(vec![
            one.suite.as_str().into(),
            one.subject.as_str().into(),
            rate(one.rate_per_s_milli),
            one.p99_ms.into(),
            one.cpu_us_per_call.into(),
            one.trials.to_string().into(),
            rate(one.missed.map(|(rate, _)| rate)),
            why.into(),
        ]);
    }
    format!(
        "{}\nThe highest rate of an open loop that the search confirmed: it held in most trials at \
         that rate. To hold: no error, 98% of the calls answered in the window, and a p99 of at most \
         {:.1} ms, counted from when a call was due. Where the load client was full the server may \
         do more.\n",
        table.draw(style),
        bound.p99_us as f64 / 1e3
    )
}

#[cfg(test)]
mod tests {
    use super::capacities;
    use crate::analysis::dataset::dataset_for_tests;
    use crate::config::capacity::{CapacityBound, Miss};
    use crate::results::trial::Trial;

    fn trial(rate: u64, p99_us: u64) -> Trial {
        Trial {
            suite: "echo".to_owned(),
            subject: "a".to_owned(),
            calls: rate,
            window_us: Some(1_000_000),
            rate_planned_per_s_milli: Some(rate * 1_000),
            calls_unsent: Some(0),
            p99_us: Some(p99_us),
            ..Trial::default()
        }
    }

    #[test]
    fn the_report_shows_what_the_search_confirmed_and_no_lucky_probe() {
        // Three trials confirm a rate. 200 and 209 held once each while the search closed in; when it
        // confirmed, it went down from 209 by 5% twice, past 200.
        let (held, missed) = (10, 900);
        let trials = [
            (200, held),
            (400, missed),
            (283, missed),
            (238, missed),
            (218, missed),
        ]
        .into_iter()
        .chain([(209, held), (209, missed), (209, missed)])
        .chain([(199, missed), (199, missed), (189, held), (189, held)]);
        let trials: Vec<Trial> = trials.map(|(rate, p99_us)| trial(rate, p99_us)).collect();
        let run = dataset_for_tests(trials);
        let found = &capacities(CapacityBound { p99_us: 500 }, &run, &[])[0];
        assert_eq!(
            (found.rate_per_s_milli, found.trials),
            (Some(189_000), 2),
            "{found:?}"
        );
        assert_eq!(
            (found.p99_ms, found.missed),
            (Some(0.01), Some((199_000, Miss::P99)))
        );
    }
}
