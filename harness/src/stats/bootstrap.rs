//! The ratio of two medians, and how surely it is known: a bootstrap percentile interval (Efron, "Bootstrap methods",
//! 1979).
//!
//! Trials of one run are interleaved: the two of a round were made within seconds, so what drifts (temperature,
//! neighbours) falls on both. There rounds are drawn, each with both of its trials, and the drift stays where it cancels.
//! Trials of two runs have nothing in common, so each side is drawn by itself.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::middle::median_of;

/// Times that the trials are drawn anew.
const RESAMPLES: usize = 10_000;

/// Resamples that are left out at each end: 2.5%, so the interval has 95%.
const TAIL: usize = RESAMPLES / 40;

/// Where the generator of the draws starts.
const SEED: u64 = 1;

/// With fewer trials there is no interval. All n rounds fall on the same side of the true ratio by chance with a
/// probability of 2 / 2^n, and an interval drawn from them can then not reach the other side: with 4 rounds that is
/// 12.5%, with 5 it is 6%, about what a 95% interval may miss.
pub const LEAST_TRIALS: usize = 5;

/// One figure of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The trial's number: its round in the run.
    pub round: u32,
    /// The figure, above zero.
    pub value: f64,
}

/// How the trials of two subjects were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// In the same rounds of one run.
    SameRounds,
    /// In different runs.
    Apart,
}

/// Where a ratio lies, with 95% confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// One figure over another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ratio {
    /// The ratio itself.
    pub point: f64,
    /// Where it lies; nothing with fewer than [`LEAST_TRIALS`].
    pub interval: Option<Interval>,
    /// Trials that it rests on: of the side that has fewer.
    pub trials: usize,
}

/// The ratio of two medians, and as logarithms what it would have been with other draws from the same trials.
#[derive(Debug, Clone)]
pub struct Resampled {
    point: f64,
    draws: Vec<f64>,
    trials: usize,
}

impl Resampled {
    /// The median of some trials over that of others. Of trials in the same rounds only rounds count in which both have
    /// the figure; when there is no such round they are taken as made apart. `None` when a side has no trial, or a figure is
    /// not above zero.
    #[must_use]
    pub fn new(of: &[Sample], against: &[Sample], design: Design) -> Option<Self> {
        let pairs = pairs(of, against);
        if design == Design::SameRounds && !pairs.is_empty() {
            return Self::of_rounds(&pairs);
        }
        let values = |samples: &[Sample]| samples.iter().map(|one| one.value).collect::<Vec<_>>();
        Self::of_sides(&values(of), &values(against))
    }

    fn of_rounds(pairs: &[(f64, f64)]) -> Option<Self> {
        let (mut above, mut below): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let point = ln_ratio(&mut above, &mut below)?;
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let draw = || {
            for (above, below) in above.iter_mut().zip(&mut below) {
                (*above, *below) = pairs[generator.random_range(0..pairs.len())];
            }
            ln_ratio(&mut above, &mut below)
        };
        Some(Self {
            point,
            draws: draws(pairs.len(), draw),
            trials: pairs.len(),
        })
    }

    fn of_sides(of: &[f64], against: &[f64]) -> Option<Self> {
        let (mut above, mut below) = (of.to_vec(), against.to_vec());
        let point = ln_ratio(&mut above, &mut below)?;
        let trials = of.len().min(against.len());
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let draw = || {
            for (drawn, from) in [(&mut above, of), (&mut below, against)] {
                for value in drawn.iter_mut() {
                    *value = from[generator.random_range(0..from.len())];
                }
            }
            ln_ratio(&mut above, &mut below)
        };
        Some(Self {
            point,
            draws: draws(trials, draw),
            trials,
        })
    }

    /// The geometric mean of ratios that were measured apart from each other, for instance in different suites.
    /// `None` when there is none.
    #[must_use]
    pub fn mean(ratios: &[Self]) -> Option<Self> {
        let count = ratios.len() as f64;
        let trials = ratios.iter().map(|one| one.trials).min()?;
        let has_draws = ratios.iter().all(|one| one.draws.len() == RESAMPLES);
        // The draws of suites are independent. With the same seed those of suites with as many trials would choose the
        // same rounds, so each is taken from another place in the row.
        let mean_of = |place: usize| {
            let logs = ratios.iter().enumerate();
            let logs = logs.map(|(index, one)| one.draws[(place + index * STRIDE) % RESAMPLES]);
            logs.sum::<f64>() / count
        };
        let count_of_draws = if has_draws { RESAMPLES } else { 0 };
        Some(Self {
            point: ratios.iter().map(|one| one.point).sum::<f64>() / count,
            draws: (0..count_of_draws).map(mean_of).collect(),
            trials,
        })
    }

    /// The ratio with its interval.
    #[must_use]
    pub fn ratio(&self) -> Ratio {
        let mut sorted = self.draws.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let ends = sorted.get(TAIL).zip(sorted.get(RESAMPLES - 1 - TAIL));
        Ratio {
            point: self.point.exp(),
            interval: ends.map(|(low, high)| Interval {
                low: low.exp(),
                high: high.exp(),
            }),
            trials: self.trials,
        }
    }
}

/// How far apart the draws of two suites are taken; it has no divisor in common with the number of resamples.
const STRIDE: usize = 1_237;

/// The resamples; none where there are too few trials to draw from.
fn draws(trials: usize, mut draw: impl FnMut() -> Option<f64>) -> Vec<f64> {
    if trials < LEAST_TRIALS {
        return Vec::new();
    }
    (0..RESAMPLES).filter_map(|_| draw()).collect()
}

/// The figures of the rounds that both have.
fn pairs(of: &[Sample], against: &[Sample]) -> Vec<(f64, f64)> {
    let other = |round| against.iter().find(|other| other.round == round);
    of.iter()
        .filter_map(|one| Some((one.value, other(one.round)?.value)))
        .collect()
}

/// The logarithm of the ratio of the medians.
fn ln_ratio(above: &mut [f64], below: &mut [f64]) -> Option<f64> {
    let ratio = median_of(above)? / median_of(below)?;
    (ratio > 0.0 && ratio.is_finite()).then(|| ratio.ln())
}

#[cfg(test)]
mod tests;
