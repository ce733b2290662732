//! The capacity of each subject: the highest rate that it kept up with, and what happened beyond.

use std::collections::BTreeMap;

use serde::Serialize;

use super::columns::number;
use crate::config::capacity::{CapacityBound, Miss};
use crate::render::table::{Style, Table};
use crate::results::capacity::FoundCapacity;
use crate::results::trial::Trial;
use crate::stats::median;

/// What the search found for one subject in one suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Capacity {
    /// The suite.
    pub suite: String,
    /// The subject.
    pub subject: String,
    /// The highest rate that held in most of its trials, in thousandths of a call a second; absent when none did.
    pub rate_per_s_milli: Option<u64>,
    /// Trials at that rate.
    pub trials: usize,
    /// Median of the trials at that rate that held.
    pub p99_us: Option<u64>,
    /// Median of the trials at that rate.
    pub server_cpu_ns_per_call: Option<u64>,
    /// The lowest rate above it that did not hold, and why; absent when none was tried.
    pub missed: Option<(u64, Miss)>,
}

/// The capacities that the trials of a run show.
pub(crate) fn capacities(
    bound: CapacityBound,
    trials: &[Trial],
    found: &[FoundCapacity],
) -> Vec<Capacity> {
    let mut by_pair: BTreeMap<(&str, &str), BTreeMap<u64, Vec<&Trial>>> = BTreeMap::new();
    for trial in trials {
        if let Some(rate) = trial.rate_planned_per_s_milli {
            let rates = by_pair.entry((&trial.suite, &trial.subject)).or_default();
            rates.entry(rate).or_default().push(trial);
        }
    }
    by_pair
        .into_iter()
        .map(|((suite, subject), rates)| Capacity {
            suite: suite.to_owned(),
            subject: subject.to_owned(),
            ..match found
                .iter()
                .find(|one| (one.suite.as_str(), one.subject.as_str()) == (suite, subject))
            {
                Some(found) => confirmed(bound, &rates, found),
                None => capacity(bound, &rates),
            }
        })
        .collect()
}

/// What the search itself confirmed.
fn confirmed(
    bound: CapacityBound,
    rates: &BTreeMap<u64, Vec<&Trial>>,
    found: &FoundCapacity,
) -> Capacity {
    let at = found.rate_per_s_milli.and_then(|rate| rates.get(&rate));
    let at = at.map_or(&[][..], Vec::as_slice);
    Capacity {
        rate_per_s_milli: found.rate_per_s_milli,
        trials: found.trials as usize,
        missed: found.missed_rate_per_s_milli.zip(found.missed),
        ..figures(bound, at)
    }
}

fn capacity(bound: CapacityBound, rates: &BTreeMap<u64, Vec<&Trial>>) -> Capacity {
    let misses_of = |trials: &[&Trial]| -> Vec<Miss> {
        let misses = trials.iter().filter_map(|trial| bound.holds(trial).err());
        misses.collect()
    };
    let found = (rates.iter().rev()).find(|(_, trials)| misses_of(trials).len() * 2 < trials.len());
    let above = found.map_or(0, |(rate, _)| *rate);
    let beyond = (rates.iter())
        .filter(|(rate, _)| **rate > above)
        .find_map(|(rate, trials)| Some((*rate, *misses_of(trials).first()?)));
    let (rate, at) = found.map_or((None, &[][..]), |(rate, trials)| {
        (Some(*rate), trials.as_slice())
    });
    Capacity {
        rate_per_s_milli: rate,
        trials: at.len(),
        missed: beyond,
        ..figures(bound, at)
    }
}

/// The figures of the trials at one rate.
fn figures(bound: CapacityBound, at: &[&Trial]) -> Capacity {
    let held = at.iter().filter(|trial| bound.holds(trial).is_ok());
    let cpu = at.iter().filter_map(|trial| trial.server_cpu_ns_per_call);
    Capacity {
        suite: String::new(),
        subject: String::new(),
        rate_per_s_milli: None,
        trials: 0,
        p99_us: median(held.filter_map(|trial| trial.p99_us).collect()),
        server_cpu_ns_per_call: median(cpu.collect()),
        missed: None,
    }
}

/// The table for people.
pub(crate) fn table(bound: CapacityBound, found: &[Capacity], style: Style) -> String {
    let columns = [
        "suite",
        "subject",
        "calls/s",
        "p99 us",
        "CPU us/call",
        "trials",
        "not held at",
        "why",
    ];
    let mut table = Table::new(&columns, 2);
    for one in found {
        table.row(vec![
            one.suite.clone(),
            one.subject.clone(),
            number(one.rate_per_s_milli, 1e3, 0),
            number(one.p99_us, 1.0, 0),
            number(one.server_cpu_ns_per_call, 1e3, 1),
            one.trials.to_string(),
            number(one.missed.map(|(rate, _)| rate), 1e3, 0),
            one.missed
                .map_or_else(|| "-".to_owned(), |(_, miss)| miss.meaning().to_owned()),
        ]);
    }
    format!(
        "{}\nThe highest rate of an open loop that held in most of its trials: no error, 98% of the calls answered in the \
         window, and a p99 of at most {:.1} ms, counted from when a call was due. Where the load client was full the server \
         may do more.\n",
        table.draw(style),
        bound.p99_us as f64 / 1e3
    )
}

#[cfg(test)]
mod tests {
    use super::{Capacity, capacities};
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
    fn the_highest_rate_that_most_trials_held_is_the_capacity() {
        let trials = [
            trial(100, 10),
            trial(200, 20),
            trial(200, 900),
            trial(200, 30),
            trial(210, 900),
            trial(210, 40),
            trial(400, 5_000),
        ];
        let found = capacities(CapacityBound { p99_us: 500 }, &trials, &[]);
        let expected = Capacity {
            suite: "echo".to_owned(),
            subject: "a".to_owned(),
            rate_per_s_milli: Some(200_000),
            trials: 3,
            p99_us: Some(25),
            server_cpu_ns_per_call: None,
            missed: Some((210_000, Miss::P99)),
        };
        assert_eq!(found, [expected]);
        let none = &capacities(CapacityBound { p99_us: 5 }, &trials, &[])[0];
        assert_eq!(none.rate_per_s_milli, None);
        assert_eq!(none.missed, Some((100_000, Miss::P99)));
    }
}
