//! When a client's next call is due: the one place that tells a closed loop from an open one.

use std::time::{Duration, Instant};

use clap::ValueEnum;
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

/// When the calls of an open loop are due.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Constant,
    /// At exponential distances, as those of many people who know nothing of each other are.
    Poisson,
}

impl Arrivals {
    /// The name used in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        }
    }
}

/// The policy that says when a call is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Closed loop: a client's next call is due when its last one is done and this has passed.
    Closed {
        /// Between an answer and the next call.
        think_time: Duration,
    },
    /// Open loop: calls are due at instants planned beforehand, and wait for a client that is free.
    Open {
        /// Calls a second, of all clients and threads together.
        rate_per_s: f64,
        /// How they are spread.
        arrivals: Arrivals,
    },
}

impl Default for Pace {
    /// Closed loop without think time.
    fn default() -> Self {
        Self::Closed {
            think_time: Duration::ZERO,
        }
    }
}

/// Which of the threads of a load this is: each makes its share of the calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Share {
    /// From 0.
    pub(super) index: usize,
    /// How many there are.
    pub(super) of: usize,
}

impl Share {
    /// The only thread.
    pub(super) const ALL: Self = Self { index: 0, of: 1 };

    /// This thread's part of so many things.
    pub(super) fn part(self, things: usize) -> usize {
        things / self.of + usize::from(self.index < things % self.of)
    }
}

/// The instants that the calls of an open loop are due at, one after another. They depend on nothing that happens.
#[derive(Debug)]
pub(super) struct Timetable {
    start: Instant,
    rate_per_s: f64,
    arrivals: Arrivals,
    share: Share,
    generator: Xoshiro256PlusPlus,
    /// Calls taken so far.
    taken: u64,
    /// Seconds from the start to the next call.
    offset_s: f64,
    end: Option<Instant>,
}

impl Timetable {
    /// A timetable that starts now; a thread's seed is its index, so that every run has the same one.
    pub(super) fn new(rate_per_s: f64, arrivals: Arrivals, share: Share, start: Instant) -> Self {
        let mut timetable = Self {
            start,
            rate_per_s,
            arrivals,
            share,
            generator: Xoshiro256PlusPlus::seed_from_u64(share.index as u64),
            taken: 0,
            offset_s: 0.0,
            end: None,
        };
        timetable.offset_s = match arrivals {
            Arrivals::Constant => share.index as f64 / rate_per_s,
            Arrivals::Poisson => timetable.distance_s(),
        };
        timetable
    }

    /// When the next call is due; `None` after the end.
    pub(super) fn next(&self) -> Option<Instant> {
        let due = self.start + Duration::from_secs_f64(self.offset_s);
        self.end.is_none_or(|end| due < end).then_some(due)
    }

    /// The next call is made; the one after it comes up.
    pub(super) fn take(&mut self) {
        self.taken += 1;
        self.offset_s = match self.arrivals {
            // From the number, so that rounding does not add up.
            Arrivals::Constant => {
                (self.taken as f64 * self.share.of as f64 + self.share.index as f64)
                    / self.rate_per_s
            }
            Arrivals::Poisson => self.offset_s + self.distance_s(),
        };
    }

    /// No call is due from this instant on.
    pub(super) fn end(&mut self, at: Instant) {
        self.end = Some(at);
    }

    /// How many calls are left between an instant and the end, which there must be; none are afterwards.
    pub(super) fn leave(&mut self, from: Instant) -> u64 {
        let mut left = 0;
        while let Some(due) = self.next().filter(|_| self.end.is_some()) {
            left += u64::from(due >= from);
            self.take();
        }
        left
    }

    /// An exponentially distributed distance: the logarithm of a number in (0, 1].
    fn distance_s(&mut self) -> f64 {
        let uniform = 1.0 - self.generator.random::<f64>();
        -uniform.ln() * self.share.of as f64 / self.rate_per_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(timetable: &mut Timetable, count: usize) -> Vec<Duration> {
        let start = timetable.start;
        let mut next = || {
            let due = timetable.next()?;
            timetable.take();
            Some(due - start)
        };
        (0..count).map_while(|_| next()).collect()
    }

    #[test]
    fn constant_arrivals_keep_their_distance_and_do_not_drift() {
        let start = Instant::now();
        let mut all = Timetable::new(3.0, Arrivals::Constant, Share::ALL, start);
        let offsets = offsets(&mut all, 30_001);
        assert_eq!(offsets[0], Duration::ZERO);
        assert_eq!(offsets[30_000], Duration::from_secs(10_000));
    }

    #[test]
    fn threads_take_the_arrivals_in_turn() {
        let start = Instant::now();
        let of = |index, of| {
            let share = Share { index, of };
            offsets(
                &mut Timetable::new(1_000.0, Arrivals::Constant, share, start),
                4,
            )
        };
        let ms = |n: u64| Duration::from_millis(n);
        assert_eq!(of(0, 2), [ms(0), ms(2), ms(4), ms(6)]);
        assert_eq!(of(1, 2), [ms(1), ms(3), ms(5), ms(7)]);
        assert_eq!(
            (0..3)
                .map(|n| Share { index: n, of: 3 }.part(8))
                .sum::<usize>(),
            8
        );
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_the_exponential_distribution() {
        let start = Instant::now();
        let mut poisson = Timetable::new(1_000.0, Arrivals::Poisson, Share::ALL, start);
        let offsets = offsets(&mut poisson, 100_000);
        let distances: Vec<f64> = offsets
            .windows(2)
            .map(|pair| (pair[1].as_secs_f64() - pair[0].as_secs_f64()) * 1_000.0)
            .collect();
        let count = distances.len() as f64;
        let mean = distances.iter().sum::<f64>() / count;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
        // Both are 1 in units of the mean distance; the standard errors are 0.003 and 0.009.
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn nothing_is_due_after_the_end_and_what_is_left_is_counted() {
        let start = Instant::now();
        let mut timetable = Timetable::new(100.0, Arrivals::Constant, Share::ALL, start);
        assert_eq!(timetable.leave(start), 0);
        timetable.take();
        timetable.end(start + Duration::from_millis(100));
        assert_eq!(timetable.leave(start + Duration::from_millis(50)), 5);
        assert_eq!(timetable.next(), None);
    }
}
