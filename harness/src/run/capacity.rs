//! A run that looks for the capacity of each subject: long trials at rates of an open loop, each
//! chosen by how the last one went.

use std::time::Duration;

use anyhow::Context as _;

use super::live::Surroundings;
use super::progress::{Progress, expected};
use super::row::Job;
use super::trial::long_trial;
use super::{Done, PlannedTrial, Run, Status};
use crate::config::capacity::{CapacityBound, Miss};
use crate::interrupt::Interrupt;
use crate::results::capacity::{self, FoundCapacity};
use crate::results::trial::Trial;
use crate::results::warning::Warning;
use crate::results::whole;

/// Where a search begins when nobody says.
const FIRST_RATE: f64 = 1_000.0;

/// About how many trials a search takes, for the time left only.
const TRIALS_OF_A_SEARCH: u32 = 14;

impl<'a> Run<'a> {
    /// Searches for the capacity of each pair, one after another, and records how that ended.
    pub(super) fn search(
        mut self,
        bound: CapacityBound,
        pairs: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Done> {
        let made = self.search_all(bound, pairs, interrupt);
        self.environment.trials_planned = self.environment.trials_done;
        self.close(made, interrupt)
    }

    fn search_all(
        &mut self,
        bound: CapacityBound,
        pairs: &'a [PlannedTrial],
        interrupt: &Interrupt,
    ) -> anyhow::Result<()> {
        let length = |pair: &PlannedTrial| {
            let suite = self.plan.suites.get(&pair.suite);
            suite.map(|suite| expected(suite, 0)).unwrap_or_default() * TRIALS_OF_A_SEARCH
        };
        let lengths: Vec<Duration> = pairs.iter().map(length).collect();
        let trials = pairs.len() * TRIALS_OF_A_SEARCH as usize;
        let progress = Progress::new(trials, lengths.iter().sum());
        progress.line(&format!("recording in {}", self.folder.root().display()));
        let around = Surroundings {
            bench: self.bench,
            progress: &progress,
            interrupt,
        };
        let (mut found, mut done) = (Vec::new(), Duration::ZERO);
        for (pair, length) in pairs.iter().zip(lengths) {
            if interrupt.is_set() {
                break;
            }
            if let Some(capacity) = self.search_one(around, bound, pair, done)? {
                found.push(capacity);
                capacity::write(&self.folder.capacities(), &found)?;
            }
            done += length;
        }
        progress.finish();
        Ok(())
    }

    /// Searches for the capacity of one subject in one suite; none when it did not get ready.
    fn search_one(
        &mut self,
        around: Surroundings<'_>,
        bound: CapacityBound,
        pair: &'a PlannedTrial,
        done: Duration,
    ) -> anyhow::Result<Option<FoundCapacity>> {
        let mut suite = self.suite_of(pair)?;
        let calls = self.calls.get(pair.suite.as_str()).cloned();
        let calls = calls.context("the calls of a suite are missing")?;
        let load = &suite.load;
        let mut search = Search::new(load.rate_per_s.unwrap_or(FIRST_RATE), load.trials());
        let first = u32::try_from(self.environment.trials_done).unwrap_or(u32::MAX);
        let mut planned = pair.clone();
        planned.trial = 0;
        let mut probes: Vec<Trial> = Vec::new();
        while let Some(rate) = search.rate() {
            planned.trial += 1;
            planned.process = planned.trial;
            suite.load.rate_per_s = Some(rate);
            let program = self.environment.programs.get(&pair.subject);
            let job = Job {
                suite_name: &pair.suite,
                suite: &suite,
                calls: &calls,
                subject_name: &pair.subject,
                planned: &planned,
                position: first + planned.trial,
                binary_bytes: program.map(|program| program.bytes),
            };
            let Some(probe) = self.probe(around, &job, &pair.subject, done)? else {
                return Ok(None);
            };
            search.tell(judged(bound, &probe));
            probes.push(probe);
        }
        let (suite, subject) = (&pair.suite, &pair.subject);
        around.progress.line(&match search.found() {
            Some(rate) => format!("{suite} {subject}: keeps up with {rate:.0} calls/s"),
            None => format!("{suite} {subject}: keeps up with no rate that was tried"),
        });
        Ok(Some(search.result(pair, bound, &probes)))
    }

    /// One trial at one rate; none when there is no use in going on.
    fn probe(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'_>,
        subject: &'a str,
        done: Duration,
    ) -> anyhow::Result<Option<Trial>> {
        self.bench.check_services()?;
        around.progress.begin(job, done);
        self.reset_changed(job.suite, subject, around.interrupt)?;
        let found = long_trial(around, job)?;
        if around.interrupt.is_set() {
            return Ok(None);
        }
        self.bench.check_services()?;
        // At a rate that is too high errors are what is looked for; they are recorded, and are no
        // fault of the run.
        let was_right = self.all_right;
        self.record(&found)?;
        around
            .progress
            .end(self.environment.trials_done, &found.trial);
        let is_there = found.trial.status != Status::NotReady;
        self.all_right = was_right && is_there;
        Ok(is_there.then_some(found.trial))
    }
}

/// What a probe says about the server: a miss for which something else may be the reason says nothing.
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

/// A search under way: doubling until a rate does not hold, halving the distance between the two, and
/// then asking again whether that was luck. A rate is missed when two probes in a row miss it.
#[derive(Debug)]
struct Search {
    low: Option<f64>,
    high: Option<f64>,
    rate: f64,
    /// Probes in a row that missed this rate, and that said nothing.
    missed: u32,
    void: u32,
    /// The lowest rate that was missed.
    lowest_missed: Option<f64>,
    /// How many trials the rate that is found must have.
    trials: u32,
    stage: Stage,
}

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Looking for rates that hold and that do not.
    Closing,
    /// Asking again whether the highest one holds.
    Confirming { held: u32, missed: u32 },
    /// Done, with the rate or without any.
    Done(Option<f64>),
}

impl Search {
    /// A search that begins with this rate. The one it finds has so many trials, and holds in most of them.
    fn new(first: f64, trials: u32) -> Self {
        Self {
            low: None,
            high: None,
            rate: rounded(first.max(LEAST)),
            missed: 0,
            void: 0,
            lowest_missed: None,
            trials: trials.max(1),
            stage: Stage::Closing,
        }
    }

    /// The rate to try next; `None` when the search is over.
    fn rate(&self) -> Option<f64> {
        match self.stage {
            Stage::Done(_) => None,
            _ => Some(self.rate),
        }
    }

    /// What was found, once it is over.
    fn found(&self) -> Option<f64> {
        match self.stage {
            Stage::Done(found) => found,
            _ => None,
        }
    }

    /// Takes in a probe at [`Self::rate`].
    fn tell(&mut self, probe: Probe) {
        if probe == Probe::Void && self.void + 1 < VOID_PROBES {
            self.void += 1;
            return;
        }
        self.void = 0;
        let holds = probe == Probe::Held;
        match self.stage {
            Stage::Closing if !holds && self.missed == 0 => self.missed = 1,
            Stage::Closing => {
                self.missed = 0;
                self.close_in(holds);
            }
            Stage::Confirming { held, missed } => {
                self.confirm(held + u32::from(holds), missed + u32::from(!holds));
            }
            Stage::Done(_) => {}
        }
    }

    /// The rate is too high.
    fn note_missed(&mut self) {
        self.lowest_missed = Some(
            self.lowest_missed
                .map_or(self.rate, |least| least.min(self.rate)),
        );
    }

    /// What is recorded of the search.
    fn result(&self, pair: &PlannedTrial, bound: CapacityBound, probes: &[Trial]) -> FoundCapacity {
        let milli = |rate: f64| whole(rate * 1_000.0);
        let found = self.found().map(milli);
        let at = |rate: Option<u64>| {
            let probes = probes.iter();
            probes.filter(move |probe| rate.is_some() && probe.rate_planned_per_s_milli == rate)
        };
        let missed = self.lowest_missed.map(milli);
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

    fn close_in(&mut self, held: bool) {
        if !held {
            self.note_missed();
        }
        let end = if held { &mut self.low } else { &mut self.high };
        *end = Some(self.rate);
        self.rate = rounded(match (self.low, self.high) {
            (Some(low), None) => low * 2.0,
            (None, Some(high)) => high / 2.0,
            (Some(low), Some(high)) if high / low <= PRECISION => {
                self.rate = low;
                // The trial that found it is the first of those that confirm it.
                return self.confirm(1, 0);
            }
            (Some(low), Some(high)) => (low * high).sqrt(),
            (None, None) => self.rate,
        });
        if self.rate < LEAST {
            self.stage = Stage::Done(None);
        }
    }

    fn confirm(&mut self, held: u32, missed: u32) {
        self.stage = if held * 2 > self.trials {
            Stage::Done(Some(self.rate))
        } else if missed * 2 >= self.trials {
            self.note_missed();
            self.rate = rounded(self.rate * STEP_DOWN);
            if self.rate < LEAST {
                Stage::Done(None)
            } else {
                Stage::Confirming { held: 0, missed: 0 }
            }
        } else {
            Stage::Confirming { held, missed }
        };
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
        while let Some(rate) = search.rate() {
            tried.push(rate);
            search.tell(if holds(rate) {
                Probe::Held
            } else {
                Probe::Missed
            });
            assert!(tried.len() < 200, "{tried:?}");
        }
        (tried, search.found())
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for first in [100.0, 12_345.0, 900_000.0] {
            let (tried, found) = search(first, 3, |rate| rate <= 12_000.0);
            let found = found.unwrap();
            assert!((11_300.0..=12_000.0).contains(&found), "{found}");
            assert_eq!(
                tried
                    .iter()
                    .filter(|rate| (**rate - found).abs() < 1.0)
                    .count(),
                2,
                "{tried:?}"
            );
        }
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
    fn a_server_that_never_keeps_up_has_no_capacity() {
        let (tried, found) = search(1_000.0, 3, |_| false);
        assert_eq!(found, None);
        assert!(tried.len() < 30);
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
        assert_eq!(search.rate(), Some(1_000.0));
        search.tell(Probe::Held);
        assert_eq!(search.rate(), Some(2_000.0));
    }
}
