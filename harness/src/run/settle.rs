//! When a warm-up is over: the rate has settled.
//!
//! A server with a just-in-time compiler or a garbage collector gets faster for seconds or minutes.
//! Its rate has settled when the newer half of the last steps differs from the older half by no
//! more than the steps differ within the calmer half.

use std::time::Duration;

/// Length of a step.
pub(super) const STEP: Duration = Duration::from_millis(250);

/// Steps of each of the two halves.
const HALF: usize = 5;

/// A smaller change than this share of the rate is none, however steady the steps are.
const LEAST_CHANGE: f64 = 0.02;

/// Whether the rates of a warm-up, one for each step, have settled.
pub(super) fn has_settled(rates: &[f64]) -> bool {
    let Some(begin) = rates.len().checked_sub(2 * HALF) else {
        return false;
    };
    let (older, newer) = rates[begin..].split_at(HALF);
    let mean = |half: &[f64]| half.iter().sum::<f64>() / half.len() as f64;
    let spread = |half: &[f64]| {
        let most = half.iter().copied().fold(f64::MIN, f64::max);
        most - half.iter().copied().fold(f64::MAX, f64::min)
    };
    // The calmer half: a step up within one half makes the spread of that half large.
    let noise = spread(older).min(spread(newer)) / 2.0;
    let change = (mean(newer) - mean(older)).abs();
    change <= noise.max(LEAST_CHANGE * mean(older))
}

#[cfg(test)]
mod tests {
    use super::{HALF, has_settled};
    use crate::config::template::Generator;

    /// The number of steps after which the rate of a step has settled.
    fn settled_after(rate: impl FnMut(usize) -> f64) -> usize {
        let rates: Vec<f64> = (0..400).map(rate).collect();
        let settled = (1..=rates.len()).find(|steps| has_settled(&rates[..*steps]));
        settled.unwrap_or(usize::MAX)
    }

    /// Up to 15% more or less.
    fn noise() -> impl FnMut() -> f64 {
        let mut generator = Generator::new(7);
        move || {
            let mut numbers: Vec<u32> = (0..=30).collect();
            generator.shuffle(&mut numbers);
            0.85 + f64::from(numbers[0]) / 100.0
        }
    }

    #[test]
    fn a_steady_rate_settles_at_once_and_a_rising_one_when_it_has_risen() {
        assert_eq!(settled_after(|_| 1_000.0), 2 * HALF);
        let risen = |rises: usize| move |step: usize| 100.0 + step.min(rises) as f64 * 20.0;
        let after = settled_after(risen(60));
        assert!((60..=60 + 2 * HALF).contains(&after), "{after}");
        for at in 1..2 * HALF {
            let jump = |step| if step < 20 + at { 100.0 } else { 200.0 };
            // What comes after a while without a change cannot be known.
            let begun = |step| jump(step + 20);
            let after = settled_after(begun);
            assert!(
                (at + HALF..=at + 2 * HALF).contains(&after),
                "{at}: {after}"
            );
        }
    }

    #[test]
    fn noise_does_not_keep_it_from_settling_and_does_not_hide_a_rise() {
        let mut one = noise();
        assert!(settled_after(|_| 1_000.0 * one()) < 4 * HALF);
        let mut one = noise();
        let rising = |step: usize| 1_000.0 * one() * 1.2_f64.powf(step.min(40) as f64);
        let after = settled_after(rising);
        assert!((40..40 + 6 * HALF).contains(&after), "{after}");
    }
}
