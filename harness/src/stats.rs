//! What trials say and how surely: medians, intervals of ratios, verdicts, outliers.
//!
//! Pure functions over figures: no file, no clock. The bootstrap's generator has a fixed seed, so the same trials give the
//! same interval for ever. Which trials a figure may be taken from is decided by whoever asks.

mod bootstrap;
mod middle;
mod outliers;
mod verdict;

pub use bootstrap::{Design, Interval, LEAST_TRIALS, Ratio, Resampled, Sample};
pub use middle::{geometric_mean, median, median_of};
pub use outliers::outliers;
pub use verdict::{Better, Threshold, Verdict};
