//! The rule of ranking, one for each table.
//!
//! A subject is ranked when all its trials were measured, every answer was right, also in the
//! warm-up, and its server ended well. Subjects are ranked by calls a second. If one of them has no
//! trial whose rate holds (the client was saturated in all, say) the rates cannot be compared, and
//! all are ranked by the server's CPU time per call.

use std::collections::BTreeMap;

use serde::Serialize;

use super::requests::Requests;
use super::sweep::Iteration;
use crate::run::warnings::permille;
use crate::stats::{Better, Design, Resampled, Sample, Threshold, Verdict};

/// What ranks go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "RankingFigure"))]
pub enum Figure {
    /// Median calls a second.
    CallsPerS,
    /// Median CPU time of the server per call.
    ServerCpuPerCall,
}

/// One subject in one suite. Each figure is over the measured trials in which it holds; if there
/// are none, over all that were measured, and then [`Row::rate_holds`] or [`Row::cpu_holds`] is
/// false. A figure that no trial has is absent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Row {
    /// The subject.
    pub subject: String,
    /// Its fast path: on, off, or empty where there is none.
    pub fast_path: String,
    /// The wire that it speaks.
    pub wire: String,
    /// Its place, from 1; absent when it is not ranked.
    pub rank: Option<usize>,
    /// Trials that were measured.
    pub trials_measured: usize,
    /// Trials that were to be made.
    pub trials_made: usize,
    /// Of which not made, because the server had not got ready twice in a row.
    pub trials_skipped: usize,
    /// Measured trials whose rate and latencies hold.
    pub trials_rate_holds: usize,
    /// Measured trials whose CPU time holds.
    pub trials_cpu_holds: usize,
    /// Whether it ties with the row above in the figure that ranks; with fewer than three trials, whether the ranges of the
    /// two overlap.
    pub is_tied: bool,
    /// Numbers of the trials whose rate or CPU time lies far from that of the others. They count all the same.
    pub outliers: Vec<u32>,
    /// Right answers in the windows of all its trials.
    pub calls: u64,
    /// Median calls a second.
    pub calls_per_s: Option<u64>,
    /// Fewest calls a second of these trials.
    pub calls_per_s_min: Option<u64>,
    /// Most calls a second of these trials.
    pub calls_per_s_max: Option<u64>,
    /// From the merged histograms.
    pub p50_us: Option<u64>,
    /// From the merged histograms.
    pub p99_us: Option<u64>,
    /// From the merged histograms.
    pub p99_9_us: Option<u64>,
    /// Median CPU time of the server per call.
    pub server_cpu_ns_per_call: Option<u64>,
    /// Least of these trials.
    pub server_cpu_ns_per_call_min: Option<u64>,
    /// Most of these trials.
    pub server_cpu_ns_per_call_max: Option<u64>,
    /// How many times worse than the best in the figure that ranks, in thousandths; absent when not
    /// ranked.
    pub ratio_to_best_milli: Option<u64>,
    /// Median.
    pub calls_per_s_per_cpu_percent_milli: Option<u64>,
    /// Median.
    pub calls_per_s_per_mb_milli: Option<u64>,
    /// Highest of any trial.
    pub rss_peak_bytes: Option<u64>,
    /// Median.
    pub startup_us: Option<u64>,
    /// What else was sent in a second, and how late.
    pub requests: Requests,
    /// What a whole session takes, where sessions end.
    pub iteration: Option<Iteration>,
    /// Of the windows of all its trials together.
    pub errors: u64,
    /// In the warm-ups and at the ends of the sessions of all its trials.
    pub errors_around: u64,
    /// Trials whose server did not end well.
    pub exits_unclean: u64,
    /// Whether there is a trial whose rate and latencies hold.
    pub rate_holds: bool,
    /// Whether there is a trial whose CPU time holds.
    pub cpu_holds: bool,
    /// Calls a second of the trials that they are taken from.
    #[serde(skip)]
    pub rates: Vec<Sample>,
    /// CPU time of the trials that it is taken from, in nanoseconds.
    #[serde(skip)]
    pub cpu_times: Vec<Sample>,
}

impl Row {
    /// Least and most of the figure over the trials that it is taken from.
    #[must_use]
    pub fn range(&self, figure: Figure) -> Option<(u64, u64)> {
        match figure {
            Figure::CallsPerS => self.calls_per_s_min.zip(self.calls_per_s_max),
            Figure::ServerCpuPerCall => self
                .server_cpu_ns_per_call_min
                .zip(self.server_cpu_ns_per_call_max),
        }
    }

    /// Whether the trials do not tell it from the row above. Fewer than give an interval say it by their ranges.
    fn ties(&self, above: &Self, figure: Figure) -> bool {
        let (of, against, better) = match figure {
            Figure::CallsPerS => (&self.rates, &above.rates, Better::More),
            Figure::ServerCpuPerCall => (&self.cpu_times, &above.cpu_times, Better::Less),
        };
        let found = Resampled::new(of, against, Design::SameRounds);
        let judge = |found: Resampled| Threshold::default().judge(&found.ratio(), better);
        match found.map_or(Verdict::Unknown, judge) {
            Verdict::Equal | Verdict::CannotTell => true,
            Verdict::Unknown => self.overlaps(above, figure),
            Verdict::Faster | Verdict::Slower => false,
        }
    }

    fn overlaps(&self, other: &Self, figure: Figure) -> bool {
        match (self.range(figure), other.range(figure)) {
            (Some((min, max)), Some((other_min, other_max))) => {
                min <= other_max && other_min <= max
            }
            _ => false,
        }
    }

    fn can_be_ranked(&self) -> bool {
        self.errors == 0
            && self.errors_around == 0
            && self.exits_unclean == 0
            && self.trials_measured == self.trials_made
            && self.trials_made > 0
    }
}

/// Ranks the rows and puts them in order; says by which figure.
///
/// In an open loop all have the rate that was planned, so they are ranked by CPU time per call if all have one.
pub(super) fn rank(rows: &mut [Row], is_open_loop: bool) -> Figure {
    let mut ranked: Vec<&Row> = rows.iter().filter(|row| row.can_be_ranked()).collect();
    let has_cpu = ranked
        .iter()
        .all(|row| row.server_cpu_ns_per_call.is_some());
    let is_by_rate = !is_open_loop && ranked.iter().all(|row| row.rate_holds);
    let figure = if is_by_rate || !has_cpu {
        Figure::CallsPerS
    } else {
        Figure::ServerCpuPerCall
    };
    // Smaller is better for both: the rate as the time between calls.
    let cost = |row: &Row| match figure {
        Figure::CallsPerS => 1.0 / row.calls_per_s.unwrap_or(0).max(1) as f64,
        Figure::ServerCpuPerCall => row.server_cpu_ns_per_call.unwrap_or(u64::MAX).max(1) as f64,
    };
    ranked.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let best = ranked.first().map_or(1.0, |row| cost(row));
    let mut above: Option<&Row> = None;
    let mut places: BTreeMap<String, (usize, u64, bool)> = BTreeMap::new();
    for (index, row) in ranked.into_iter().enumerate() {
        let is_tied = above.is_some_and(|above| row.ties(above, figure));
        let place = (index + 1, permille(cost(row) / best), is_tied);
        places.insert(row.subject.clone(), place);
        above = Some(row);
    }
    for row in rows.iter_mut() {
        if let Some((rank, ratio, is_tied)) = places.get(&row.subject) {
            row.rank = Some(*rank);
            row.ratio_to_best_milli = Some(*ratio);
            row.is_tied = *is_tied;
        }
    }
    rows.sort_by_key(|row| row.rank.unwrap_or(usize::MAX));
    figure
}

/// A subject of three measured trials, without ranges.
#[cfg(test)]
pub(super) fn row_for_tests(
    subject: &str,
    rate: u64,
    cpu: u64,
    rate_holds: bool,
    errors: u64,
) -> Row {
    Row {
        subject: subject.to_owned(),
        fast_path: String::new(),
        wire: "http".to_owned(),
        rank: None,
        trials_measured: 3,
        trials_made: 3,
        trials_skipped: 0,
        trials_rate_holds: if rate_holds { 3 } else { 0 },
        trials_cpu_holds: 3,
        is_tied: false,
        outliers: Vec::new(),
        calls: 3,
        calls_per_s: Some(rate),
        calls_per_s_min: None,
        calls_per_s_max: None,
        p50_us: None,
        p99_us: None,
        p99_9_us: None,
        server_cpu_ns_per_call: Some(cpu),
        server_cpu_ns_per_call_min: None,
        server_cpu_ns_per_call_max: None,
        ratio_to_best_milli: None,
        calls_per_s_per_cpu_percent_milli: None,
        calls_per_s_per_mb_milli: None,
        rss_peak_bytes: None,
        startup_us: None,
        requests: Requests::default(),
        iteration: None,
        errors,
        errors_around: 0,
        exits_unclean: 0,
        rate_holds,
        cpu_holds: true,
        rates: Vec::new(),
        cpu_times: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
