//! Statistics of readings: fitted figures, ratios with intervals, verdicts, outliers.
//!
//! Pure functions over figures: no file, no clock. The bootstrap's generator has a fixed seed, so
//! the same readings always give the same interval. The caller decides which readings are valid.

mod bootstrap;
mod fit;
mod outliers;
#[cfg(test)]
mod simulation;
mod verdict;

pub use bootstrap::{Bootstrap, Design, Interval, LEAST_TRIALS, Ratio, Resampled};
pub use fit::{Fit, Sample, Steadiness};
pub(crate) use outliers::outliers;
pub use verdict::{Better, Threshold, Verdict};

/// The middle value; of an even number the mean of the two in the middle, rounded down.
pub(crate) fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    middle(&values, u64::midpoint)
}

/// The middle value; of an even number the mean of the two in the middle. Reorders the values.
pub(crate) fn median_of(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    middle(values, f64::midpoint)
}

fn middle<T: Copy>(sorted: &[T], mean: fn(T, T) -> T) -> Option<T> {
    let high = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(high);
    }
    Some(mean(*sorted.get(sorted.len() / 2 - 1)?, high))
}

/// The median absolute deviation of a normal distribution, in standard deviations.
const MAD_OF_NORMAL: f64 = 0.6745;

/// The standard deviation of these deviations if they are normal but for a few.
fn spread(deviations: impl Iterator<Item = f64>) -> Option<f64> {
    let middle = median_of(&mut deviations.map(f64::abs).collect::<Vec<_>>())?;
    Some(middle / MAD_OF_NORMAL)
}

/// The mean of the middle half of the values (Tukey's midmean). Reorders the values.
///
/// A quarter of the values can be arbitrarily wrong, and under normal noise its error is 10%
/// smaller than a median's. A value in which a quarter ends counts in part.
fn midmean(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    midmean_of_sorted(values, &vec![1.0; values.len()])
}

/// The midmean of values in rising order, with how many times each of them counts.
fn midmean_of_sorted(values: &[f64], times: &[f64]) -> Option<f64> {
    let count: f64 = times.iter().sum();
    let (low, high) = (count / 4.0, count * 3.0 / 4.0);
    let (mut sum, mut start) = (0.0, 0.0);
    for (value, times) in values.iter().zip(times) {
        let end = start + times;
        if end > low && start < high {
            sum += value * (end.min(high) - start.max(low));
        }
        start = end;
    }
    (count > 0.0).then(|| sum / (high - low))
}

/// The geometric mean of ratios: the only mean that does not depend on which side is divided by
/// which (Fleming and Wallace, "How not to lie with statistics", 1986). `None` when there is none,
/// or one that is not above zero.
pub(crate) fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let is_ratio = |ratio: &f64| *ratio > 0.0 && ratio.is_finite();
    if ratios.is_empty() || !ratios.iter().all(is_ratio) {
        return None;
    }
    let sum: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    Some((sum / ratios.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::{geometric_mean, median, median_of, midmean};

    #[test]
    fn medians_of_odd_even_and_none() {
        assert_eq!(median(vec![9, 1, 5]), Some(5));
        assert_eq!(median(vec![1, 4]), Some(2));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(median_of(&mut [9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median_of(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(median_of(&mut []), None);
    }

    #[test]
    fn a_midmean_is_the_mean_of_the_middle_half() {
        assert_eq!(midmean(&mut [9.0, 3.0, 1.0, 4.0]), Some(3.5));
        // A quarter of five values is 1.25, so the second and the fourth count three quarters.
        assert_eq!(midmean(&mut [1e9, 2.0, 4.0, 3.0, 0.0]), Some(3.0));
        assert_eq!(midmean(&mut [7.0]), Some(7.0));
        assert_eq!(midmean(&mut []), None);
    }

    #[test]
    fn a_geometric_mean_does_not_care_which_side_is_divided() {
        let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-12;
        assert!(close(geometric_mean(&[2.0, 8.0]), 4.0));
        assert!(close(geometric_mean(&[0.5, 0.125]), 0.25));
        assert!(close(geometric_mean(&[2.0, 0.5]), 1.0));
        for bad in [&[][..], &[1.0, 0.0], &[1.0, f64::NAN], &[-1.0]] {
            assert_eq!(geometric_mean(bad), None, "{bad:?}");
        }
    }
}
