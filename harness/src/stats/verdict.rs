//! From an interval to a word.

use std::str::FromStr;

use serde::Serialize;

use super::bootstrap::Ratio;

/// What the trials say about one subject beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better beyond the threshold, the whole interval.
    Faster,
    /// Worse beyond the threshold, the whole interval.
    Slower,
    /// Not told apart: part of the interval lies within the threshold.
    Tie,
    /// There is no interval: too few trials, figures that do not hold, or something went wrong.
    Unknown,
}

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Costs: time, memory.
    Less,
    /// Rates.
    More,
}

/// Below this difference two subjects are the same for every purpose, however sure the difference is: the noise of a
/// rebuild or of another layout in memory is as large. A share of one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Threshold(f64);

impl Default for Threshold {
    fn default() -> Self {
        Self(0.02)
    }
}

impl Threshold {
    /// The share.
    #[must_use]
    pub const fn share(self) -> f64 {
        self.0
    }

    /// The same for figures that cannot show a smaller difference than this share.
    #[must_use]
    pub const fn at_least(self, share: f64) -> Self {
        Self(self.0.max(share))
    }

    /// Slower when the whole interval of the cost lies above `1 + threshold`, faster when it lies below its inverse: so
    /// the verdict of B beside A is always the opposite of that of A beside B.
    #[must_use]
    pub fn judge(self, ratio: &Ratio, better: Better) -> Verdict {
        let Some(interval) = ratio.interval else {
            return Verdict::Unknown;
        };
        let limit = 1.0 + self.0;
        let (above, below) = (interval.low > limit, interval.high < 1.0 / limit);
        match (above, below, better) {
            (true, _, Better::Less) | (_, true, Better::More) => Verdict::Slower,
            (true, _, Better::More) | (_, true, Better::Less) => Verdict::Faster,
            (false, false, _) => Verdict::Tie,
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    /// A share like `2%` or `0.02`.
    fn from_str(text: &str) -> Result<Self, String> {
        let share = match text.trim().strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
            None => text.trim().parse::<f64>(),
        };
        match share {
            Ok(share) if (0.0..1.0).contains(&share) => Ok(Self(share)),
            _ => Err(format!(
                "\"{text}\" is not a share from 0% to below 100%; write it like 5% or 0.05"
            )),
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // 0.07 * 100 is not 7 in binary fractions.
        write!(f, "{}%", (self.0 * 1e8).round() / 1e6)
    }
}

impl Verdict {
    /// The word used in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Tie => "tie",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Better, Threshold, Verdict};
    use crate::stats::{Interval, Ratio};

    fn verdict(low: f64, high: f64, better: Better) -> Verdict {
        let ratio = Ratio {
            point: f64::midpoint(low, high),
            interval: Some(Interval { low, high }),
            trials: 9,
        };
        Threshold::default().judge(&ratio, better)
    }

    #[test]
    fn only_a_whole_interval_beyond_the_threshold_is_a_verdict() {
        use Verdict::{Faster, Slower, Tie};
        for (low, high, of_cost) in [
            (1.021, 1.08, Slower),
            (1.019, 1.08, Tie),
            (0.99, 1.01, Tie),
            (0.5, 2.0, Tie),
            (0.90, 0.985, Tie),
            (0.90, 0.980, Faster),
        ] {
            assert_eq!(verdict(low, high, Better::Less), of_cost, "{low} {high}");
            let of_rate = match of_cost {
                Slower => Faster,
                Faster => Slower,
                other => other,
            };
            assert_eq!(verdict(low, high, Better::More), of_rate, "{low} {high}");
            let mirrored = verdict(1.0 / high, 1.0 / low, Better::Less);
            assert_eq!(mirrored, of_rate, "{low} {high}");
        }
    }

    #[test]
    fn without_an_interval_nothing_is_known() {
        let ratio = Ratio {
            point: 3.0,
            interval: None,
            trials: 3,
        };
        let verdict = Threshold::default().judge(&ratio, Better::Less);
        assert_eq!(verdict, Verdict::Unknown);
    }

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        let share = |text: &str| text.parse::<Threshold>().map(Threshold::share);
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.05"), Ok(0.05));
        assert_eq!(share("0"), Ok(0.0));
        for bad in ["5", "100%", "-1%", "much", "", "NaN"] {
            assert!(share(bad).is_err_and(|text| text.contains(bad)), "{bad}");
        }
        let shown = |text: &str| text.parse::<Threshold>().unwrap().to_string();
        assert_eq!(
            (shown("7%"), shown("2.5%")),
            ("7%".to_owned(), "2.5%".to_owned())
        );
    }
}
