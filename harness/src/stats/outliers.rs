//! Values that lie far from the others. They are flagged and never dropped: a median hardly feels
//! them, and what made them may be the finding.

use super::{median_of, spread};

/// Fewer values have no outlier: no three of them say where the others should lie.
const LEAST_VALUES: usize = 5;

/// Above this modified z-score a value is an outlier (Iglewicz and Hoaglin, "How to detect and
/// handle outliers", 1993).
const FAR: f64 = 3.5;

/// The mean absolute deviation of a normal distribution, in standard deviations.
const MEAN_DEVIATION_OF_NORMAL: f64 = 0.7979;

/// The places of the values whose modified z-score is above 3.5. Nothing among fewer than five
/// values. Where more than half of the values are equal the mean deviation stands in for the median
/// one, which is zero then.
pub(crate) fn outliers(values: &[f64]) -> Vec<usize> {
    if values.len() < LEAST_VALUES {
        return Vec::new();
    }
    let Some(middle) = median_of(&mut values.to_vec()) else {
        return Vec::new();
    };
    let deviations: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let by_mean =
        deviations.iter().sum::<f64>() / deviations.len() as f64 / MEAN_DEVIATION_OF_NORMAL;
    let spread = spread(deviations.iter().copied()).filter(|spread| *spread > 0.0);
    let spread = spread.unwrap_or(by_mean);
    let is_far = |(_, deviation): &(usize, &f64)| **deviation > FAR * spread;
    let far = deviations.iter().enumerate().filter(is_far);
    far.map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::outliers;

    #[test]
    fn a_value_far_from_the_others_is_flagged() {
        // Median 102, deviations 2 1 0 1 98, median deviation 1: 98 is 66 of them.
        assert_eq!(outliers(&[100.0, 101.0, 102.0, 103.0, 200.0]), [4]);
        // 5.1 deviations are under 3.5 / 0.6745 = 5.19 of them, 5.3 are over.
        assert_eq!(outliers(&[100.0, 101.0, 102.0, 103.0, 107.1]), [0; 0]);
        assert_eq!(outliers(&[100.0, 101.0, 102.0, 103.0, 107.3]), [4]);
    }

    #[test]
    fn equal_values_and_few_values_have_no_outlier() {
        assert_eq!(outliers(&[5.0; 6]), [0; 0]);
        assert_eq!(outliers(&[1.0, 1.0, 1.0, 900.0]), [0; 0]);
    }

    #[test]
    fn where_most_values_are_equal_the_mean_deviation_decides() {
        // Mean deviation 0.1: 10 / (0.1 x 20 / 20 / 0.7979) is far beyond 3.5.
        let mut values = [5.0; 20];
        values[7] = 7.0;
        assert_eq!(outliers(&values), [7]);
    }
}
