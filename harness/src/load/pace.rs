//! When a client's next call is due: the one place that tells a closed loop from other loads.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use clap::ValueEnum;
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
        /// Calls a second, of all clients together.
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

impl Pace {
    /// When the next call of a client is due that became free at `free`.
    fn due(self, free: Instant) -> Instant {
        match self {
            Self::Closed { think_time } => free + think_time,
            Self::Open { .. } => free,
        }
    }
}

/// The clients that wait for their next action, by the instant it is due.
#[derive(Debug)]
pub(super) struct Schedule {
    pace: Pace,
    waiting: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Schedule {
    pub(super) fn new(pace: Pace, clients: usize) -> Self {
        Self {
            pace,
            waiting: BinaryHeap::with_capacity(clients),
        }
    }

    /// The client has become free: the pace says when its next call is due.
    pub(super) fn free(&mut self, client: usize, now: Instant) {
        self.at(client, self.pace.due(now));
    }

    /// The client acts at this instant, whatever the pace (a connection to be tried again).
    pub(super) fn at(&mut self, client: usize, due: Instant) {
        self.waiting.push(Reverse((due, client)));
    }

    /// Takes a client whose action is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<usize> {
        let Reverse((due, client)) = *self.waiting.peek()?;
        if due > now {
            return None;
        }
        self.waiting.pop();
        Some(client)
    }

    /// When the next action is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((due, _))| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_up_in_the_order_they_are_due_and_not_before() {
        let start = Instant::now();
        let later = start + Duration::from_millis(5);
        let mut schedule = Schedule::new(Pace::default(), 3);
        schedule.at(0, later);
        schedule.free(1, start);
        assert_eq!(schedule.pop(start), Some(1));
        assert_eq!(schedule.pop(start), None);
        assert_eq!(schedule.next(), Some(later));
        assert_eq!(schedule.pop(later), Some(0));
        assert_eq!(schedule.next(), None);
    }
}
