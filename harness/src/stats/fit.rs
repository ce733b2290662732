//! The two-way fit: the logarithm of a reading is a subject's effect, a round's effect and a rest
//! (Tukey, "Exploratory data analysis", 1977, chapter 11).
//!
//! All subjects of a suite are measured within each round, so a machine that is slow for a while is
//! slow for all of them. The round's effect takes that drift out before a subject's readings are
//! averaged. The fit is a median polish, with one change: a round's effect is the median over the
//! subjects, a subject's effect the midmean over the rounds. Both ignore readings that are far off;
//! of many rounds the midmean has the smaller error (see `simulation`). Least absolute deviations
//! would have the error of medians and need a solver.

use std::collections::BTreeMap;

use super::{median_of, midmean, spread};

/// One figure of one subject at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Which start of the subject served it. All processes with the same number live at the same
    /// time.
    pub process: u32,
    /// The point in time, which all subjects of the suite share. It belongs to one process number.
    pub round: u32,
    /// The figure, above zero.
    pub value: f64,
}

impl Sample {
    /// The figure of a trial: its process is started for it and has this round only.
    #[cfg(test)]
    pub(crate) const fn of_trial(trial: u32, value: f64) -> Self {
        Self {
            process: trial,
            round: trial,
            value,
        }
    }
}

/// How steady the machine was, as shares of one: standard deviations, estimated from the median
/// absolute deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steadiness {
    /// Spread of the rounds: drift that fell on all subjects alike, and was taken out.
    pub rounds: f64,
    /// Spread of the readings around the fit: noise that was not shared.
    pub readings: f64,
}

/// The effects of the subjects and rounds of one suite, as logarithms.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Of each round its process.
    pub(super) processes: Vec<u32>,
    /// Of each subject its readings in the order of the rounds, without the effects of the rounds.
    pub(super) readings: Vec<Vec<Option<f64>>>,
    /// Of each subject its effect; none when it has no reading.
    pub(super) effects: Vec<Option<f64>>,
    rounds: Vec<f64>,
}

/// Steps of the polish; most fits settle in fewer than ten.
const STEPS: usize = 30;

impl Fit {
    /// Fits the readings of each subject. Subjects may lack rounds; of several subjects, a round
    /// that only one of them has does not count. `None` when a figure is not above zero.
    pub(crate) fn new(subjects: &[&[Sample]]) -> Option<Self> {
        let all = || subjects.iter().copied().flatten();
        if !all().all(|one| one.value > 0.0 && one.value.is_finite()) {
            return None;
        }
        let reading = |samples: &[Sample], round: u32| {
            let sample = samples.iter().find(|one| one.round == round);
            sample.map(|one| one.value.ln())
        };
        let mut rounds: BTreeMap<u32, u32> = all().map(|one| (one.round, one.process)).collect();
        let has = |round: u32| subjects.iter().filter_map(move |one| reading(one, round));
        rounds.retain(|round, _| subjects.len() == 1 || has(*round).count() > 1);
        let numbers = || rounds.keys().copied();
        let row = |samples: &&[Sample]| numbers().map(|round| reading(samples, round)).collect();
        let mut fit = Self {
            processes: rounds.values().copied().collect(),
            readings: subjects.iter().map(row).collect(),
            effects: Vec::new(),
            rounds: vec![0.0; rounds.len()],
        };
        fit.effects = fit.middles();
        if subjects.len() > 1 {
            fit.polish();
        }
        Some(fit)
    }

    /// Moves what the readings of a round have in common into the round's effect, again and again.
    fn polish(&mut self) {
        for _ in 0..STEPS {
            for (place, round) in self.rounds.iter_mut().enumerate() {
                let rows = self.readings.iter().zip(&self.effects);
                let rests = rows.filter_map(|(row, effect)| Some(row[place]? - (*effect)?));
                let common = median_of(&mut rests.collect::<Vec<_>>()).unwrap_or(0.0);
                *round += common;
                let readings = self.readings.iter_mut();
                readings.for_each(|row| row[place] = row[place].map(|one| one - common));
            }
            self.effects = self.middles();
        }
    }

    fn middles(&self) -> Vec<Option<f64>> {
        let middle = |row: &Vec<Option<f64>>| {
            midmean(&mut row.iter().copied().flatten().collect::<Vec<_>>())
        };
        self.readings.iter().map(middle).collect()
    }

    /// What a subject has in the run's typical round, in the unit of its readings.
    pub(crate) fn figure(&self, subject: usize) -> Option<f64> {
        let typical = median_of(&mut self.rounds.clone())?;
        Some(((*self.effects.get(subject)?)? + typical).exp())
    }

    /// How steady the machine was. `None` with fewer than two subjects or two rounds, which do not
    /// show it.
    pub(crate) fn steadiness(&self) -> Option<Steadiness> {
        let subjects = self.effects.iter().flatten().count() as f64;
        let typical = median_of(&mut self.rounds.clone())?;
        if subjects < 2.0 || self.rounds.len() < 2 {
            return None;
        }
        let rests = self.readings.iter().zip(&self.effects);
        let rests = rests.flat_map(|(row, effect)| row.iter().flatten().zip(*effect));
        let rests = rests.map(|(reading, effect)| reading - effect);
        // Each round's effect follows its own readings, which takes a part of one in `subjects` out
        // of their variance.
        let taken_out = (1.0 - subjects.recip()).sqrt();
        Some(Steadiness {
            rounds: spread(self.rounds.iter().map(|round| round - typical))?,
            readings: spread(rests)? / taken_out,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    use super::{Fit, Sample};

    /// Thirteen rounds in each of three processes; the machine is three times as slow in some.
    fn samples(cost: f64, has: impl Fn(u32) -> bool) -> Vec<Sample> {
        let sample = |round: u32| Sample {
            process: round / 13,
            round,
            value: cost * if round % 13 < 4 { 3.0 } else { 1.0 },
        };
        (0..39).filter(|round| has(*round)).map(sample).collect()
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a / b - 1.0).abs() < 1e-6)
    }

    #[test]
    fn drift_of_the_rounds_is_taken_out_though_subjects_lack_rounds() {
        let (a, b) = (
            samples(10.0, |_| true),
            samples(12.0, |round| round % 5 != 0),
        );
        // It has readings of the slow rounds only.
        let c = samples(20.0, |round| round % 13 < 4);
        let fit = Fit::new(&[&a, &b, &c]).unwrap();
        assert!(
            close(fit.figure(0), 10.0) && close(fit.figure(1), 12.0),
            "{fit:?}"
        );
        assert!(
            close(fit.figure(2), 20.0),
            "what it costs in the typical round: {fit:?}"
        );
        assert_eq!(fit.figure(3), None);
    }

    #[test]
    fn readings_far_off_do_not_move_the_fit() {
        let (a, c) = (samples(10.0, |_| true), samples(30.0, |_| true));
        let mut b = samples(20.0, |_| true);
        for sample in b.iter_mut().step_by(5) {
            sample.value *= 40.0;
        }
        let fit = Fit::new(&[&a, &b, &c]).unwrap();
        for (place, wanted) in [10.0, 20.0, 30.0].into_iter().enumerate() {
            assert!(close(fit.figure(place), wanted), "{place}: {fit:?}");
        }
    }

    #[test]
    fn a_round_with_one_subject_brings_nothing() {
        let (a, b) = (samples(10.0, |_| true), samples(20.0, |round| round < 13));
        let fit = Fit::new(&[&a, &b]).unwrap();
        assert_eq!(fit.processes, [0; 13]);
        let alone = Fit::new(&[&b]).unwrap();
        assert_eq!(alone.processes.len(), 13);
        assert!(alone.steadiness().is_none());
        let nothing = Fit::new(&[&a[..2], &b[5..]]).unwrap();
        assert_eq!((nothing.figure(0), nothing.steadiness()), (None, None));
    }

    #[test]
    fn the_spread_of_rounds_and_of_readings_are_told_apart() {
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut wave = |height: f64| generator.random_range(-height..height);
        let drifts: Vec<f64> = (0..60).map(|_| wave(0.2)).collect();
        let mut noisy = |cost: f64| -> Vec<Sample> {
            let rounds = (1..).zip(&drifts);
            let logs = rounds.map(|(round, drift)| (round, drift + wave(0.02)));
            logs.map(|(round, log)| Sample::of_trial(round, cost * log.exp()))
                .collect()
        };
        let all = [10.0, 11.0, 12.0, 15.0, 20.0, 90.0].map(&mut noisy);
        let all = [0, 1, 2, 3, 4, 5].map(|subject| all[subject].as_slice());
        let found = Fit::new(&all).unwrap().steadiness().unwrap();
        // Half of the drifts lie within 0.1 of the middle, and 0.1 / 0.6745 is 0.148.
        assert!((0.12..0.18).contains(&found.rounds), "{found:?}");
        assert!((0.012..0.018).contains(&found.readings), "{found:?}");
    }

    #[test]
    fn figures_that_are_not_above_zero_have_no_fit() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Fit::new(&[&[Sample::of_trial(1, bad)]]).is_none(), "{bad}");
        }
    }
}
