//! From an interval to a word.

use std::str::FromStr;

use serde::Serialize;

use super::bootstrap::Ratio;

/// What the readings say about one subject beside another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better beyond the threshold, the whole interval.
    Faster,
    /// Worse beyond the threshold, the whole interval.
    Slower,
    /// Equal within the threshold, the whole interval.
    Equal,
    /// The interval holds differences below the threshold and beyond it.
    CannotTell,
    /// There is no interval: too few readings, figures that do not hold, or something went wrong.
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

/// Below this difference two subjects are the same for every purpose, however sure the difference
/// is: the noise of a rebuild or of another layout in memory is as large. A share of one.
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
    pub(crate) const fn share(self) -> f64 {
        self.0
    }

    /// The same for figures that cannot show a smaller difference than this share.
    pub(crate) const fn at_least(self, share: f64) -> Self {
        Self(self.0.max(share))
    }

    /// Compares the interval of a ratio with the threshold: the limits are `1 + threshold` and its
    /// inverse, so the verdict of B beside A is always the opposite of that of A beside B.
    pub(crate) fn judge(self, ratio: &Ratio, better: Better) -> Verdict {
        let Some(interval) = ratio.interval else {
            return Verdict::Unknown;
        };
        let limit = 1.0 + self.0;
        let (above, below) = (interval.low > limit, interval.high < 1.0 / limit);
        match (above, below, better) {
            (true, _, Better::Less) | (_, true, Better::More) => Verdict::Slower,
            (true, _, Better::More) | (_, true, Better::Less) => Verdict::Faster,
            _ if interval.low >= 1.0 / limit && interval.high <= limit => Verdict::Equal,
            _ => Verdict::CannotTell,
        }
    }

    /// The smallest true difference that a comparison with this interval tells: a share. Nothing
    /// without an interval.
    ///
    /// The threshold and half of the interval: of differences of this size about half are told.
    pub(crate) fn least_told(self, ratio: &Ratio) -> Option<f64> {
        let interval = ratio.interval?;
        let half = (interval.high / interval.low).sqrt();
        Some((1.0 + self.0) * half - 1.0)
    }

    /// The verdict in words: `equal within 2%` where it is equal.
    pub(crate) fn words(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Equal => format!("equal within {self}"),
            other => other.name().replace('_', " "),
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
    /// The word used in JSON and CSV.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Equal => "equal",
            Self::CannotTell => "cannot_tell",
            Self::Unknown => "unknown",
        }
    }

    /// Whether there is an interval, and it does not tell the two apart.
    pub(crate) const fn is_tie(self) -> bool {
        matches!(self, Self::Equal | Self::CannotTell)
    }
}

#[cfg(test)]
mod tests {
    use super::{Better, Threshold, Verdict};
    use crate::stats::{Interval, Ratio};

    fn ratio(low: f64, high: f64) -> Ratio {
        Ratio {
            point: f64::midpoint(low, high),
            interval: Some(Interval { low, high }),
            trials: 9,
        }
    }

    #[test]
    fn a_verdict_needs_the_whole_interval_on_one_side_of_the_threshold() {
        use Verdict::{CannotTell, Equal, Faster, Slower};
        let verdict = |low, high, better| Threshold::default().judge(&ratio(low, high), better);
        for (low, high, of_cost) in [
            (1.021, 1.08, Slower),
            (1.019, 1.08, CannotTell),
            (0.99, 1.01, Equal),
            (0.981, 1.019, Equal),
            (0.99, 1.021, CannotTell),
            (0.5, 2.0, CannotTell),
            (0.90, 0.985, CannotTell),
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
    fn a_larger_threshold_needs_a_larger_difference() {
        let (exact, found) = (Threshold::default(), ratio(1.03, 1.05));
        let least = exact.least_told(&ratio(1.0 / 1.03, 1.03));
        assert!(least.is_some_and(|least| (least - (1.02 * 1.03 - 1.0)).abs() < 1e-9));
        assert_eq!(exact.judge(&found, Better::Less), Verdict::Slower);
        let rough = exact.at_least(0.1);
        assert_eq!(rough.judge(&found, Better::Less), Verdict::Equal);
        assert_eq!(rough.words(Verdict::Equal), "equal within 10%");
        assert_eq!(rough.at_least(0.05), rough);
        assert_eq!(rough.words(Verdict::CannotTell), "cannot tell");
    }

    #[test]
    fn without_an_interval_nothing_is_known() {
        let ratio = Ratio {
            interval: None,
            ..ratio(3.0, 3.0)
        };
        let threshold = Threshold::default();
        assert_eq!(threshold.judge(&ratio, Better::Less), Verdict::Unknown);
        assert_eq!(threshold.least_told(&ratio), None);
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
