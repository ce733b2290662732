//! The capacity of each subject: what the search of the run found, with the figures of its trials.

use super::dataset::Dataset;
use super::metric::Metric;
use crate::config::FormatError;
use crate::config::capacity::{CapacityBound, Miss};
use crate::render::table::{Cell, Columns, Table};
use crate::results::capacity::{FoundCapacity, read};
use crate::results::trial::Trial;
use crate::stats::median_of;

/// What the search found for one subject in one suite.
#[derive(Debug, Clone)]
pub(crate) struct Capacity {
    /// The result of the search.
    pub(crate) found: FoundCapacity,
    /// Median of the trials at the rate that was found which held, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// Median of the trials at that rate.
    pub(crate) cpu_us_per_call: Option<f64>,
}

/// Whether the subject kept up with the rate that was planned, if one was.
pub(super) fn kept_up(trial: &Trial) -> bool {
    // Latency is for the targets to judge.
    let bound = CapacityBound { p99_us: u64::MAX };
    trial.rate_planned_per_s_milli.is_none() || bound.holds(trial) != Err(Miss::Behind)
}

/// The capacities that the search of a run recorded; none where the run was no search.
pub(super) fn capacities(run: &Dataset) -> Result<Vec<Capacity>, FormatError> {
    let Some(bound) = run.environment.capacity else {
        return Ok(Vec::new());
    };
    let capacity = |found: FoundCapacity| {
        let rate = found.rate_per_s_milli;
        let rows = run.rows(&found.suite, &found.subject);
        let at = rows.filter(|row| rate.is_some() && row.rate_planned_per_s_milli == rate);
        let at: Vec<&Trial> = at.collect();
        let held = at.iter().filter(|trial| bound.holds(trial).is_ok());
        let p99 = held.filter_map(|trial| Metric::P99Ms.reading(trial));
        let cpu = at
            .iter()
            .filter_map(|trial| Metric::CpuUsPerCall.reading(trial));
        Capacity {
            p99_ms: median_of(&mut p99.collect::<Vec<_>>()),
            cpu_us_per_call: median_of(&mut cpu.collect::<Vec<_>>()),
            found,
        }
    };
    let found = read(&run.folder.capacities())?;
    Ok(found.into_iter().map(capacity).collect())
}

/// What the table of capacities shows.
pub(crate) fn meaning(bound: CapacityBound) -> String {
    format!(
        "\nThe highest rate of an open loop that the search confirmed: it held in most trials at that \
         rate. To hold: no error, 98% of the calls answered in the window, and a p99 of at most \
         {:.1} ms, counted from when a call was due. Where the load client was full the server may \
         do more.\n",
        bound.p99_us as f64 / 1e3
    )
}

/// The table of capacities.
pub(crate) fn table(found: &[Capacity]) -> Table {
    let rate = |milli: Option<u64>| Cell::number(milli.map(|milli| milli as f64 / 1e3), 0);
    let columns = Columns::<Capacity>::new()
        .text("suite", "suite", |one| &one.found.suite)
        .text("subject", "subject", |one| &one.found.subject)
        .add("calls_per_s", "calls/s", move |one| {
            rate(one.found.rate_per_s_milli)
        })
        .figure("p99_ms", "p99 ms", |one| one.p99_ms)
        .figure("cpu_us_per_call", "CPU us/call", |one| one.cpu_us_per_call)
        .count("trials", "trials", |one| one.found.trials.into())
        .add("missed_per_s", "not held at", move |one| {
            rate(one.found.missed_rate_per_s_milli)
        })
        .text("why", "why", |one| {
            one.found.missed.map_or("-", Miss::meaning)
        });
    Table::of(&columns, 2, found)
}
