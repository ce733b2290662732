//! The bootstrap on figures whose ratio is known.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::{Design, Ratio, Resampled, Sample};
use crate::stats::{Better, Threshold, Verdict};

fn samples(values: &[f64]) -> Vec<Sample> {
    let sample = |(round, value): (u32, &f64)| Sample {
        round,
        value: *value,
    };
    (1..).zip(values).map(sample).collect()
}

fn ratio(of: &[f64], against: &[f64], design: Design) -> Ratio {
    Resampled::new(&samples(of), &samples(against), design)
        .unwrap()
        .ratio()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn without_spread_the_interval_is_the_ratio() {
    for design in [Design::SameRounds, Design::Apart] {
        let found = ratio(&[6.0; 5], &[4.0; 5], design);
        let interval = found.interval.unwrap();
        assert!(close(found.point, 1.5) && close(interval.low, 1.5) && close(interval.high, 1.5));
        assert_eq!(found.trials, 5);
    }
}

#[test]
fn of_five_rounds_the_interval_reaches_from_the_least_to_the_most() {
    // The median of five draws is the least of the five values with a probability of 5.8%, which is more than the
    // tail of 2.5%: 10 C(5,3) (1/5)^3 (4/5)^2 and so on.
    let found = ratio(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0; 5], Design::SameRounds);
    let interval = found.interval.unwrap();
    assert!(close(found.point, 3.0) && close(interval.low, 1.0) && close(interval.high, 5.0));
}

#[test]
fn drift_that_falls_on_both_trials_of_a_round_cancels() {
    let below = [100.0, 120.0, 90.0, 140.0, 80.0, 110.0];
    let above = below.map(|value| value * 1.1);
    let paired = ratio(&above, &below, Design::SameRounds).interval.unwrap();
    assert!((paired.low - 1.1).abs() < 1e-9 && (paired.high - 1.1).abs() < 1e-9);
    let apart = ratio(&above, &below, Design::Apart).interval.unwrap();
    assert!(apart.low < 1.0 && apart.high > 1.2, "{apart:?}");
}

#[test]
fn rounds_that_one_side_lacks_do_not_count() {
    let mut above = samples(&[2.0, 2.0, 2.0, 2.0, 2.0, 50.0]);
    let below = samples(&[1.0; 5]);
    let found = Resampled::new(&above, &below, Design::SameRounds).unwrap();
    assert_eq!((found.ratio().point, found.trials), (2.0, 5));
    for sample in &mut above {
        sample.round += 100;
    }
    let found = Resampled::new(&above, &below, Design::SameRounds).unwrap();
    assert_eq!(
        found.trials, 5,
        "no round in common, so taken as made apart"
    );
}

#[test]
fn fewer_than_five_trials_have_no_interval_and_none_no_ratio() {
    let found = ratio(&[9.0; 4], &[1.0; 4], Design::SameRounds);
    assert!(close(found.point, 9.0) && found.interval.is_none());
    assert!(
        ratio(&[9.0; 40], &[1.0; 4], Design::Apart)
            .interval
            .is_none()
    );
    for (of, against) in [
        (&[][..], &[1.0][..]),
        (&[1.0], &[]),
        (&[1.0], &[0.0]),
        (&[0.0], &[1.0]),
    ] {
        assert!(Resampled::new(&samples(of), &samples(against), Design::Apart).is_none());
    }
}

#[test]
fn sides_changed_the_interval_is_the_inverse() {
    let (a, b) = (
        [1.0, 1.1, 0.9, 1.3, 1.2, 0.8],
        [2.0, 1.9, 2.2, 2.1, 1.7, 2.4],
    );
    let there = ratio(&a, &b, Design::SameRounds).interval.unwrap();
    let back = ratio(&b, &a, Design::SameRounds).interval.unwrap();
    assert!(close(there.low * back.high, 1.0) && close(there.high * back.low, 1.0));
}

#[test]
fn the_mean_of_ratios_is_geometric_and_surer_than_one_of_them() {
    let two = Resampled::new(&samples(&[2.0; 5]), &samples(&[1.0; 5]), Design::Apart).unwrap();
    let half = Resampled::new(&samples(&[1.0; 7]), &samples(&[2.0; 7]), Design::Apart).unwrap();
    let mean = Resampled::mean(&[two, half]).unwrap();
    assert!(close(mean.ratio().point, 1.0) && mean.ratio().trials == 5);
    assert!(Resampled::mean(&[]).is_none());
    let mut noise = Noise::new(3);
    let one = || {
        let (a, b) = (noise.values(9, 1.0, 0.03), noise.values(9, 1.0, 0.03));
        Resampled::new(&samples(&a), &samples(&b), Design::SameRounds).unwrap()
    };
    let many: Vec<Resampled> = std::iter::repeat_with(one).take(12).collect();
    let width = |ratio: Ratio| ratio.interval.map_or(0.0, |ends| ends.high - ends.low);
    let of_mean = width(Resampled::mean(&many).unwrap().ratio());
    let least = many
        .iter()
        .map(|one| width(one.ratio()))
        .fold(f64::MAX, f64::min);
    assert!(0.0 < of_mean && of_mean < least, "{of_mean} {least}");
}

/// Figures with a known middle and spread.
struct Noise(Xoshiro256PlusPlus);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Normal (the sum of twelve uniform draws), with this middle and relative standard deviation.
    fn values(&mut self, count: usize, middle: f64, spread: f64) -> Vec<f64> {
        let mut one = || -> f64 {
            let sum: f64 = (0..12).map(|_| self.0.random_range(0.0..1.0)).sum();
            middle * (1.0 + spread * (sum - 6.0))
        };
        (0..count).map(|_| one()).collect()
    }
}

#[test]
fn the_interval_covers_the_true_ratio_about_as_often_as_it_says() {
    for (design, trials) in [
        (Design::SameRounds, 5),
        (Design::SameRounds, 15),
        (Design::Apart, 9),
    ] {
        let mut noise = Noise::new(7);
        let covered = |_: &i32| {
            let above = noise.values(trials, 1.2, 0.02);
            let below = noise.values(trials, 1.0, 0.02);
            let interval = ratio(&above, &below, design).interval.unwrap();
            (interval.low..=interval.high).contains(&1.2)
        };
        let count = (0..100).filter(covered).count();
        // 95, with a standard deviation of 2.
        assert!((88..=100).contains(&count), "{design:?} {trials}: {count}");
    }
}

#[test]
fn what_is_the_same_ties_and_five_percent_is_told_apart() {
    let mut noise = Noise::new(11);
    let mut count = |slowed: f64, wanted: Verdict| {
        let verdict = |_: &i32| {
            // The trials of a run of `aa`, and the spread that such short windows have on a virtual machine.
            let plain = noise.values(15, 1.0, 0.015);
            let other = noise.values(15, slowed, 0.015);
            let found = ratio(&other, &plain, Design::SameRounds);
            Threshold::default().judge(&found, Better::Less) == wanted
        };
        (0..100).filter(verdict).count()
    };
    let (ties, slower) = (count(1.0, Verdict::Tie), count(1.05, Verdict::Slower));
    assert!(ties >= 95 && slower >= 90, "{ties} ties, {slower} slower");
}
