//! The ratio of two subjects and its interval, by a hierarchical bootstrap.
//!
//! (Davison and Hinkley, "Bootstrap methods and their application", 1997, section 3.8.) The unit is
//! a process: a process can have a pace of its own (layout in memory, placement of threads), which
//! all of its readings share, so forty readings of one process say little about the next. A draw
//! takes processes, and within each its rounds, both with replacement; a round is drawn for all
//! subjects together, because the machine's drift falls on all of them. The effects of the rounds
//! stay those of the full fit, so a draw costs one midmean for each subject.
//!
//! The draws give the standard error of a ratio, and Student's t the interval. The ends of the
//! draws themselves would lie too close together when there are few processes: three show two
//! thirds of the variance of all processes, and a standard error from three is often too small. So
//! the variance between P processes is multiplied by P / (P - 1) and by the square of Student's t
//! for P - 1 degrees of freedom, that within processes by the square of t for the number of
//! readings. `simulation` shows that an interval of 95% covers 95% or more.

use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::fit::{Fit, Sample};
use super::midmean_of_sorted;

/// Draws. With so many, another seed would make an interval 3% wider or narrower: one of 2.0% is
/// between 1.9% and 2.1%.
const DRAWS: usize = 500;

/// Where the generator of the draws starts.
const SEED: u64 = 1;

/// Readings that an interval needs, of two processes at least. Three readings have an interval that
/// holds, but a wide one: Student's t is 4.3 for three processes, 2.8 for five.
pub const LEAST_TRIALS: usize = 3;

/// The probability that at least one interval of a decision misses the true ratio.
const MISSES: f64 = 0.05;

/// How the readings of two subjects were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// In the same rounds of one run.
    SameRounds,
    /// In different runs.
    Apart,
}

/// Where a ratio lies.
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

/// Draws from the readings of a fit: of each subject its effect in each draw.
#[derive(Debug)]
pub struct Bootstrap<'a> {
    fit: &'a Fit,
    /// Draws of processes and of rounds within them.
    all: Vec<Vec<f64>>,
    /// Draws of rounds within each process.
    within: Vec<Vec<f64>>,
}

impl<'a> Bootstrap<'a> {
    /// Draws from a fit, for all of its subjects at once.
    pub(crate) fn new(fit: &'a Fit) -> Self {
        let mut processes = BTreeMap::<u32, Vec<usize>>::new();
        for (place, process) in fit.processes.iter().enumerate() {
            processes.entry(*process).or_default().push(place);
        }
        let processes: Vec<Vec<usize>> = processes.into_values().collect();
        let mut generator = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let mut draw = |draws_processes: bool| {
            let mut times = vec![0.0; fit.processes.len()];
            for own in 0..processes.len() {
                let other = generator.random_range(0..processes.len());
                let drawn = &processes[if draws_processes { other } else { own }];
                for _ in drawn {
                    times[drawn[generator.random_range(0..drawn.len())]] += 1.0;
                }
            }
            times
        };
        let mut effects = |draws_processes| {
            let draws: Vec<Vec<f64>> = (0..DRAWS).map(|_| draw(draws_processes)).collect();
            let rows = fit.readings.iter();
            rows.map(|row| effects(row, &draws)).collect()
        };
        Self {
            fit,
            all: effects(true),
            within: effects(false),
        }
    }

    /// One subject over another. `None` when they have no round in common.
    pub(crate) fn over(&self, of: usize, against: usize) -> Option<Resampled> {
        self.sum(&[(of, 1.0), (against, -1.0)])
    }

    /// The sum of the effects of these subjects, each with its factor.
    fn sum(&self, terms: &[(usize, f64)]) -> Option<Resampled> {
        let fit = self.fit;
        let effect = |(subject, factor): &(usize, f64)| {
            let effect: &Option<f64> = fit.effects.get(*subject)?;
            Some(factor * (*effect)?)
        };
        let point = terms.iter().map(effect).sum::<Option<f64>>()?;
        let has_all = |place: &usize| {
            let mut readings = terms
                .iter()
                .map(|(subject, _)| fit.readings[*subject][*place]);
            readings.all(|reading| reading.is_some())
        };
        let places = (0..fit.processes.len()).filter(has_all);
        let mut processes: Vec<u32> = places.map(|place| fit.processes[place]).collect();
        let trials = processes.len();
        processes.dedup();
        let count = processes.len() as f64;
        let spread = |draws: &[Vec<f64>]| {
            let drawn = |draw: usize| {
                let terms = terms.iter();
                terms
                    .map(|(subject, factor)| factor * draws[*subject][draw])
                    .sum()
            };
            variance(&(0..DRAWS).map(drawn).collect::<Vec<f64>>())
        };
        let (all, within) = (spread(&self.all), spread(&self.within));
        let parts = [
            Part {
                variance: (all - within).max(0.0) * count / (count - 1.0),
                freedom: count - 1.0,
            },
            Part {
                variance: within,
                freedom: trials as f64 - count,
            },
        ];
        let is_enough = trials >= LEAST_TRIALS && processes.len() > 1;
        (trials > 0).then(|| Resampled {
            point,
            parts: is_enough.then_some(parts),
            trials,
        })
    }
}

/// The effect of a subject in each draw, which says how many times each round counts; not a number
/// where the draw has no reading of it.
fn effects(row: &[Option<f64>], draws: &[Vec<f64>]) -> Vec<f64> {
    let readings = row.iter().enumerate();
    let mut sorted: Vec<(usize, f64)> = readings
        .filter_map(|(place, reading)| Some((place, (*reading)?)))
        .collect();
    sorted.sort_unstable_by(|(_, a), (_, b)| a.total_cmp(b));
    let (places, values): (Vec<usize>, Vec<f64>) = sorted.into_iter().unzip();
    let effect = |draw: &Vec<f64>| {
        let times: Vec<f64> = places.iter().map(|place| draw[*place]).collect();
        midmean_of_sorted(&values, &times).unwrap_or(f64::NAN)
    };
    draws.iter().map(effect).collect()
}

/// The variance of those draws that have a value.
fn variance(draws: &[f64]) -> f64 {
    let valid = || draws.iter().filter(|one| one.is_finite());
    let count = valid().count() as f64;
    let mean = valid().sum::<f64>() / count;
    valid().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)
}

/// The logarithm of a ratio, and how surely it is known.
#[derive(Debug, Clone)]
pub struct Resampled {
    point: f64,
    /// Its variance between processes and within them; nothing with too few readings or processes.
    parts: Option<[Part; 2]>,
    trials: usize,
}

/// A part of a variance, with the degrees of freedom that it was estimated with.
#[derive(Debug, Clone, Copy)]
struct Part {
    variance: f64,
    freedom: f64,
}

impl Resampled {
    /// The readings of one subject over those of another. In the same rounds only rounds count in
    /// which both have the figure; when there is no such round they are taken as made apart. `None`
    /// when a side has no reading, or a figure is not above zero.
    ///
    /// Of several subjects of a suite, [`Bootstrap::over`] of their common fit knows the drift
    /// better.
    pub(crate) fn new(of: &[Sample], against: &[Sample], design: Design) -> Option<Self> {
        if design == Design::SameRounds {
            let found = Bootstrap::new(&Fit::new(&[of, against])?).over(0, 1);
            if found.is_some() {
                return found;
            }
        }
        let alone = |samples, factor| Bootstrap::new(&Fit::new(&[samples])?).sum(&[(0, factor)]);
        Some(Self::sum(&[alone(of, 1.0)?, alone(against, -1.0)?], 1.0))
    }

    /// The geometric mean of ratios that were measured apart from each other, for instance in
    /// different suites. `None` when there is none.
    pub(crate) fn mean(ratios: &[Self]) -> Option<Self> {
        (!ratios.is_empty()).then(|| Self::sum(ratios, ratios.len() as f64))
    }

    /// The sum of independent logarithms, divided by this number.
    fn sum(logs: &[Self], divisor: f64) -> Self {
        let parts: Option<Vec<[Part; 2]>> = logs.iter().map(|one| one.parts).collect();
        let sum = |parts: Vec<[Part; 2]>| {
            [0, 1].map(|level| Part::sum(parts.iter().map(|parts| parts[level]), divisor))
        };
        Self {
            point: logs.iter().map(|one| one.point).sum::<f64>() / divisor,
            parts: parts.map(sum),
            trials: logs.iter().map(|one| one.trials).min().unwrap_or(0),
        }
    }

    /// The ratio with its interval of 95%.
    pub(crate) fn ratio(&self) -> Ratio {
        self.ratio_among(1)
    }

    /// The ratio as one of several that a decision rests on, for instance all rows of a gate.
    ///
    /// Its interval is so wide that with a probability of 95% all of them hold the true ratios
    /// (Bonferroni: each may miss in 5% divided by their number). Holm's steps would find a little
    /// more, but the interval of one row would depend on all others.
    pub(crate) fn ratio_among(&self, comparisons: usize) -> Ratio {
        let confidence = 1.0 - MISSES / comparisons.max(1) as f64;
        let end = |by: f64| (self.point + by).exp();
        let interval = |parts: [Part; 2]| {
            let widened = parts.map(|part| part.widened(confidence));
            let half = widened.iter().sum::<f64>().sqrt();
            Interval {
                low: end(-half),
                high: end(half),
            }
        };
        Ratio {
            point: end(0.0),
            interval: self.parts.map(interval),
            trials: self.trials,
        }
    }
}

impl Part {
    /// The variance of a sum of independent estimates that is divided by this number, with its
    /// degrees of freedom (Satterthwaite, 1946).
    fn sum(parts: impl Iterator<Item = Self> + Clone, divisor: f64) -> Self {
        let sum: f64 = parts.clone().map(|part| part.variance).sum();
        let squares = parts.map(|part| part.variance.powi(2) / part.freedom.max(1.0));
        Self {
            variance: sum / divisor.powi(2),
            // Without any variance it is 0 / 0, of which `max` makes 1.
            freedom: (sum.powi(2) / squares.sum::<f64>()).max(1.0),
        }
    }

    fn widened(self, confidence: f64) -> f64 {
        student_t(confidence, self.freedom).powi(2) * self.variance
    }
}

/// Steps of the integral in [`student_t`].
const STEPS: u32 = 400;

/// Beyond so many degrees of freedom Student's t is nearly normal.
const MANY: f64 = 200.0;

/// The value that Student's t stays within, to both sides, with this probability.
///
/// With t = sqrt(n) tan(x) the density is the cosine of x to the power of n - 1 from -90 to 90
/// degrees, which is summed.
fn student_t(confidence: f64, freedom: f64) -> f64 {
    let freedom = freedom.clamp(1.0, MANY);
    let width = std::f64::consts::FRAC_PI_2 / f64::from(STEPS);
    let density = |step: u32| ((f64::from(step) + 0.5) * width).cos().powf(freedom - 1.0);
    let densities: Vec<f64> = (0..STEPS).map(density).collect();
    let mut left = confidence * densities.iter().sum::<f64>();
    let mut angle = 0.0;
    for density in densities {
        let share = (left / density).min(1.0);
        angle += share * width;
        left -= density;
        if left <= 0.0 {
            break;
        }
    }
    freedom.sqrt() * angle.tan()
}

#[cfg(test)]
mod tests {
    use super::{Design, LEAST_TRIALS, Ratio, Resampled, Sample, student_t};

    fn samples(values: &[f64]) -> Vec<Sample> {
        let sample = |(trial, value): (u32, &f64)| Sample::of_trial(trial, *value);
        (1..).zip(values).map(sample).collect()
    }

    fn resampled(of: &[f64], against: &[f64], design: Design) -> Resampled {
        Resampled::new(&samples(of), &samples(against), design).unwrap()
    }

    fn width(ratio: Ratio) -> f64 {
        ratio
            .interval
            .map_or(0.0, |ends| (ends.high / ends.low).ln())
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn drift_that_falls_on_both_trials_of_a_round_cancels() {
        let below = [100.0, 120.0, 90.0, 140.0, 80.0, 110.0];
        let above = below.map(|value| value * 1.1);
        let paired = resampled(&above, &below, Design::SameRounds).ratio();
        assert!(close(paired.point, 1.1) && width(paired) < 1e-9);
        assert!(width(resampled(&above, &below, Design::Apart).ratio()) > 0.2);
    }

    #[test]
    fn rounds_that_one_side_lacks_do_not_count() {
        let mut above = samples(&[2.0, 2.0, 2.0, 2.0, 2.0, 50.0]);
        let below = samples(&[1.0; 5]);
        let found = Resampled::new(&above, &below, Design::SameRounds).unwrap();
        assert!(close(found.ratio().point, 2.0) && found.trials == 5);
        for sample in &mut above {
            sample.round += 100;
        }
        let found = Resampled::new(&above, &below, Design::SameRounds).unwrap();
        assert_eq!(found.trials, 5, "no round in common, so as if made apart");
    }

    #[test]
    fn too_few_trials_or_processes_have_no_interval_and_none_no_ratio() {
        let few = vec![9.0; LEAST_TRIALS - 1];
        for design in [Design::SameRounds, Design::Apart] {
            let found = resampled(&few, &[1.0; 40], design).ratio();
            assert!(close(found.point, 9.0) && found.interval.is_none());
        }
        let mut one_process = samples(&[1.0, 1.1, 1.2, 1.3, 1.4]);
        for sample in &mut one_process {
            sample.process = 1;
        }
        let found = Resampled::new(&one_process, &one_process, Design::Apart).unwrap();
        assert!(found.ratio().interval.is_none());
        for (of, against) in [(&[][..], &[1.0][..]), (&[1.0], &[]), (&[1.0], &[0.0])] {
            let found = Resampled::new(&samples(of), &samples(against), Design::Apart);
            assert!(found.is_none(), "{found:?}");
        }
    }

    #[test]
    fn readings_of_one_process_are_no_substitute_for_processes() {
        // Three processes of A are 0%, 3% and 6% slower than B, and their readings agree.
        let readings = |slower: f64| -> Vec<Sample> {
            let sample = |round: u32| Sample {
                process: round / 13,
                round,
                value: 1.0 + slower * f64::from(round / 13),
            };
            (0..39).map(sample).collect()
        };
        let (a, b) = (readings(0.03), readings(0.0));
        let found = Resampled::new(&a, &b, Design::SameRounds).unwrap().ratio();
        let ends = found.interval.unwrap();
        assert!(found.trials == 39 && ends.low < 1.0 && ends.high > 1.06);
    }

    #[test]
    fn the_mean_of_ratios_is_geometric_and_surer_than_one_of_them() {
        let two = resampled(&[2.0; 5], &[1.0; 5], Design::Apart);
        let half = resampled(&[1.0; 7], &[2.0; 7], Design::Apart);
        let mean = Resampled::mean(&[two, half]).unwrap().ratio();
        assert!(close(mean.point, 1.0) && mean.trials == 5);
        assert!(Resampled::mean(&[]).is_none());
        let one = resampled(&[1.0, 1.1, 0.9, 1.3, 1.2], &[1.0; 5], Design::SameRounds);
        let mean = Resampled::mean(&vec![one.clone(); 12]).unwrap();
        assert!(width(one.ratio()) / width(mean.ratio()) > 12_f64.sqrt());
        let few = resampled(&[2.0], &[1.0], Design::Apart);
        let mean = Resampled::mean(&[one, few]).unwrap().ratio();
        assert!(mean.interval.is_none());
    }

    #[test]
    fn more_comparisons_of_a_decision_widen_each_interval() {
        let one = resampled(&[1.0, 1.1, 0.9, 1.3, 1.2], &[1.0; 5], Design::SameRounds);
        // Student's t with 4 degrees of freedom: 2.776 for 95%, 4.604 for 99%.
        let wider = width(one.ratio_among(5)) / width(one.ratio());
        assert!((wider - 4.604 / 2.776).abs() < 0.001, "{wider}");
    }

    #[test]
    fn student_t_is_that_of_the_tables() {
        for (confidence, freedom, wanted) in [
            (0.95, 1.0, 12.706),
            (0.95, 2.0, 4.303),
            (0.998, 10.0, 4.144),
            (0.95, 38.0, 2.024),
            (0.95, 1e9, 1.972),
        ] {
            let found = student_t(confidence, freedom);
            assert!((found / wanted - 1.0).abs() < 1e-3, "{freedom}: {found}");
        }
    }
}
