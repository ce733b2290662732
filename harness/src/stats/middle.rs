//! The middle of some values.

/// The middle value; of an even number the mean of the two in the middle, rounded down.
#[must_use]
pub fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    let high = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(high);
    }
    let low = *values.get(values.len() / 2 - 1)?;
    Some(low.midpoint(high))
}

/// The middle value; of an even number the mean of the two in the middle. Puts the values in another order.
#[must_use]
pub fn median_of(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let high = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(high);
    }
    let low = *values.get(values.len() / 2 - 1)?;
    Some(f64::midpoint(low, high))
}

/// The geometric mean of ratios: the only mean that does not depend on which side is divided by which (Fleming and
/// Wallace, "How not to lie with statistics", 1986). `None` when there is none, or one that is not above zero.
#[must_use]
pub fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let is_ratio = |ratio: &f64| *ratio > 0.0 && ratio.is_finite();
    if ratios.is_empty() || !ratios.iter().all(is_ratio) {
        return None;
    }
    let sum: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    Some((sum / ratios.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::{geometric_mean, median, median_of};

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
