//! A run that looks for the capacity of each subject: long trials at rates of an open loop, each
//! chosen by how the last one went.

use super::Run;
use super::live::Surroundings;
use crate::config::capacity::{CapacityBound, Miss};
use crate::results::capacity::{self, FoundCapacity};
use crate::results::trial::{Status, Trial};
use crate::results::trial_order::PlannedTrial;
use crate::results::warning::Warning;
use crate::results::whole;

/// Where a search begins when nobody says.
const FIRST_RATE: f64 = 1_000.0;

/// About how many trials a search takes, for the time left only.
pub(super) const TRIALS_OF_A_SEARCH: u32 = 14;

impl Run<'_> {
    /// Searches for the capacity of one subject in one suite, and records it unless the subject
    /// does not get ready.
    pub(super) fn search(
        &mut self,
        around: Surroundings<'_>,
        bound: CapacityBound,
        pair: &PlannedTrial,
    ) -> anyhow::Result<()> {
        if self.has_missed(&pair.subject) {
            return Ok(());
        }
        let mut suite = self.suite_of(pair)?;
        let load = &suite.load;
        let mut search = Search::new(load.rate_per_s.unwrap_or(FIRST_RATE), load.trials());
        let mut planned = pair.clone();
        planned.trial = 0;
        let mut probes: Vec<Trial> = Vec::new();
        while let Some(rate) = search.rate {
            planned.trial += 1;
            planned.process = planned.trial;
            suite.load.rate_per_s = Some(rate);
            let job = self.job(&planned, &suite, self.rows.len() + 1)?;
            let was_right = self.all_right;
            let found = self.record_round(around, &[job])?;
            let is_there = |probe: &Trial| probe.status != Status::NotReady;
            let Some(probe) = found.into_iter().next().filter(is_there) else {
                return Ok(());
            };
            // At a rate that is too high errors are what is looked for; they are recorded, and are
            // no fault of the run.
            self.all_right = was_right;
            search.tell(judged(bound, &probe));
            probes.push(probe);
        }
        let (suite, subject) = (&pair.suite, &pair.subject);
        around.progress.line(&match search.found {
            Some(rate) => format!("{suite} {subject}: keeps up with {rate:.0} calls/s"),
            None => format!("{suite} {subject}: keeps up with no rate that was tried"),
        });
        self.capacities.push(search.result(pair, bound, &probes));
        capacity::write(&self.folder.capacities(), &self.capacities)?;
        Ok(())
    }
}

/// What a probe says about the server: a miss for which something else may be the reason says
/// nothing.
fn judged(bound: CapacityBound, probe: &Trial) -> Probe {
    let Err(miss) = bound.holds(probe) else {
        return Probe::Held;
    };
    let spoils = |warning: &Warning| match warning {
        Warning::Steal | Warning::OtherLoad | Warning::Throttled => true,
        // A server that falls behind makes sends late, too.
        Warning::SendsLate => miss == Miss::P99,
        _ => false,
    };
    if miss != Miss::Errors && probe.warnings().iter().any(spoils) {
        Probe::Void
    } else {
        Probe::Missed
    }
}

/// Closer than this the rate that holds and the one that does not are the same.
const PRECISION: f64 = 1.05;

/// How much less is tried when the rate found does not hold again.
const STEP_DOWN: f64 = 0.95;

/// Below this many calls a second there is nothing to find.
const LEAST: f64 = 1.0;

/// So many probes in a row that say nothing about the server, and the rate counts as missed.
const VOID_PROBES: u32 = 3;

/// What one probe of a rate says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Held,
    Missed,
    /// Something else than the server was the reason.
    Void,
}

/// A search under way: doubling until a rate does not hold, halving the distance between the two,
/// and then asking again whether that was luck. A rate is missed when two probes in a row miss it.
#[derive(Debug)]
struct Search {
    /// The highest rate that held, and the lowest one that was missed.
    low: Option<f64>,
    high: Option<f64>,
    /// The rate to try next; none when the search is over.
    rate: Option<f64>,
    /// Probes in a row of this rate that held, that missed it, and that said nothing.
    held: u32,
    missed: u32,
    void: u32,
    /// How many trials the rate that is found must have; it holds in most of them.
    trials: u32,
    /// Whether it asks again whether the highest rate holds.
    is_confirming: bool,
    found: Option<f64>,
}

impl Search {
    fn new(first: f64, trials: u32) -> Self {
        Self {
            low: None,
            high: None,
            rate: Some(rounded(first.max(LEAST))),
            held: 0,
            missed: 0,
            void: 0,
            trials: trials.max(1),
            is_confirming: false,
            found: None,
        }
    }

    /// Takes in a probe at [`Self::rate`].
    fn tell(&mut self, probe: Probe) {
        let Some(rate) = self.rate else {
            return;
        };
        if probe == Probe::Void && self.void + 1 < VOID_PROBES {
            self.void += 1;
            return;
        }
        self.void = 0;
        let holds = probe == Probe::Held;
        self.held += u32::from(holds);
        self.missed += u32::from(!holds);
        if !self.is_confirming {
            self.close_in(rate);
        }
        if self.is_confirming && self.held * 2 > self.trials {
            (self.found, self.rate) = (self.rate, None);
        } else if self.is_confirming && self.missed * 2 >= self.trials {
            self.high = Some(rate);
            self.go_to(rate * STEP_DOWN);
        }
    }

    /// Chooses the next rate between the highest that held and the lowest that was missed.
    fn close_in(&mut self, rate: f64) {
        match (self.held, self.missed) {
            (0, 1) => return,
            (0, _) => self.high = Some(rate),
            _ => self.low = Some(rate),
        }
        match (self.low, self.high) {
            (Some(low), None) => self.go_to(low * 2.0),
            (None, Some(high)) => self.go_to(high / 2.0),
            (Some(low), Some(high)) if high / low <= PRECISION => {
                self.go_to(low);
                // The trial that found it is the first of those that confirm it.
                (self.is_confirming, self.held) = (true, 1);
            }
            (Some(low), Some(high)) => self.go_to((low * high).sqrt()),
            (None, None) => {}
        }
    }

    fn go_to(&mut self, rate: f64) {
        (self.held, self.missed) = (0, 0);
        self.rate = Some(rounded(rate)).filter(|rate| *rate >= LEAST);
    }

    /// What is recorded of the search.
    fn result(&self, pair: &PlannedTrial, bound: CapacityBound, probes: &[Trial]) -> FoundCapacity {
        let milli = |rate: f64| whole(rate * 1_000.0);
        let (found, missed) = (self.found.map(milli), self.high.map(milli));
        let at = |rate: Option<u64>| {
            let probes = probes.iter();
            probes.filter(move |probe| rate.is_some() && probe.rate_planned_per_s_milli == rate)
        };
        let count = |probes: usize| u32::try_from(probes).unwrap_or(u32::MAX);
        let void = |probe: &&Trial| judged(bound, probe) == Probe::Void;
        FoundCapacity {
            suite: pair.suite.clone(),
            subject: pair.subject.clone(),
            rate_per_s_milli: found,
            trials: count(at(found).count()),
            trials_held: count(at(found).filter(|probe| bound.holds(probe).is_ok()).count()),
            missed_rate_per_s_milli: missed,
            missed: at(missed).find_map(|probe| bound.holds(probe).err()),
            probes: count(probes.len()),
            probes_void: count(probes.iter().filter(void).count()),
        }
    }
}

/// Three significant digits: more would say more than is known.
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 2.0);
    (rate / unit).round() * unit
}

#[cfg(test)]
mod tests {
    use super::{Probe, Search, judged};
    use crate::config::capacity::CapacityBound;
    use crate::results::trial::Trial;

    /// The rates tried and the one found of a server that holds up to a limit.
    fn search(
        first: f64,
        trials: u32,
        mut holds: impl FnMut(f64) -> bool,
    ) -> (Vec<f64>, Option<f64>) {
        let mut search = Search::new(first, trials);
        let mut tried = Vec::new();
        while let Some(rate) = search.rate {
            tried.push(rate);
            let holds = holds(rate);
            search.tell(if holds { Probe::Held } else { Probe::Missed });
            assert!(tried.len() < 200, "{tried:?}");
        }
        (tried, search.found)
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for first in [100.0, 12_345.0, 900_000.0] {
            let (tried, found) = search(first, 3, |rate| rate <= 12_000.0);
            let found = found.unwrap();
            assert!((11_300.0..=12_000.0).contains(&found), "{found}");
            let times = tried.iter().filter(|rate| (**rate - found).abs() < 1.0);
            assert_eq!(times.count(), 2, "{tried:?}");
        }
        let (tried, found) = search(1_000.0, 3, |_| false);
        assert_eq!(found, None, "a server that never keeps up has none");
        assert!(tried.len() < 30);
    }

    #[test]
    fn one_missed_probe_does_not_cap_the_answer() {
        let mut misses = 1;
        let (_, found) = search(1_000.0, 3, |rate| {
            let misses_now = misses > 0 && rate > 3_000.0;
            misses -= u32::from(misses_now);
            rate <= 12_000.0 && !misses_now
        });
        let found = found.unwrap();
        assert!((11_300.0..=12_000.0).contains(&found), "{found}");
    }

    #[test]
    fn luck_does_not_count() {
        let mut times = 0;
        // 12,000 to 13,000 hold the first time only.
        let (_, found) = search(12_500.0, 3, |rate| {
            times += u32::from(rate > 12_000.0 && rate < 13_000.0);
            rate <= 12_000.0 || (rate < 13_000.0 && times == 1)
        });
        let found = found.unwrap();
        assert!(found <= 12_000.0 && found > 11_000.0, "{found}");
    }

    #[test]
    fn a_probe_that_something_else_spoiled_says_nothing() {
        let bound = CapacityBound { p99_us: 5_000 };
        let probe = |p99_us, warnings: &str| {
            let trial = Trial {
                calls: 2_000,
                window_us: Some(2_000_000),
                rate_planned_per_s_milli: Some(1_000_000),
                p99_us: Some(p99_us),
                warnings: warnings.to_owned(),
                ..Trial::default()
            };
            judged(bound, &trial)
        };
        assert_eq!(probe(5_000, "steal"), Probe::Held);
        assert_eq!(probe(5_001, ""), Probe::Missed);
        for warning in ["steal", "other_load", "sends_late"] {
            assert_eq!(probe(5_001, warning), Probe::Void, "{warning}");
        }
    }

    #[test]
    fn void_probes_do_not_count_until_there_are_too_many() {
        let mut search = Search::new(1_000.0, 1);
        search.tell(Probe::Void);
        search.tell(Probe::Void);
        assert_eq!(search.rate, Some(1_000.0));
        search.tell(Probe::Held);
        assert_eq!(search.rate, Some(2_000.0));
    }
}
