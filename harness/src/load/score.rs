//! What is counted, and in which part of the run.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::{
    outcome::{CallError, Ended, Errors, Outcome, histogram},
    wire::Traffic,
};

/// The part of the run that what happens belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Warmup,
    Window { opened: Instant },
    Drain,
}

/// Counts.
#[derive(Debug)]
pub(super) struct Score {
    part: Part,
    calls: u64,
    errors: Errors,
    warmup_errors: Errors,
    drained: u64,
    latency_ns: Histogram<u64>,
    first_ns: Histogram<u64>,
    in_flight: Duration,
}

/// What the client itself had used and sent at an edge of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) at: Instant,
    pub(super) cpu: Duration,
    pub(super) traffic: Traffic,
}

impl Score {
    pub(super) fn new() -> Self {
        Self {
            part: Part::Warmup,
            calls: 0,
            errors: Errors::default(),
            warmup_errors: Errors::default(),
            drained: 0,
            latency_ns: histogram(),
            first_ns: histogram(),
            in_flight: Duration::ZERO,
        }
    }

    /// The window opens.
    pub(super) fn open(&mut self, at: Instant) {
        self.part = Part::Window { opened: at };
    }

    /// The window closes; `outstanding` are the instants that the calls under way were begun at.
    pub(super) fn close(&mut self, at: Instant, outstanding: impl Iterator<Item = Instant>) {
        outstanding.for_each(|since| self.add_flight(since, at));
        self.part = Part::Drain;
    }

    /// A call was answered rightly; `began` is when the first part of an answer in several came.
    pub(super) fn right(&mut self, since: Instant, began: Option<Instant>, at: Instant) {
        match self.part {
            Part::Warmup => {}
            Part::Window { .. } => {
                self.calls += 1;
                record(&mut self.latency_ns, since, at);
                if let Some(began) = began {
                    record(&mut self.first_ns, since, began);
                }
                self.add_flight(since, at);
            }
            Part::Drain => self.drained += 1,
        }
    }

    /// A call went wrong.
    pub(super) fn wrong(&mut self, error: CallError, since: Instant, at: Instant) {
        self.add_flight(since, at);
        self.error(error);
    }

    /// Something went wrong that was no call.
    pub(super) fn error(&mut self, error: CallError) {
        match self.part {
            Part::Warmup => self.warmup_errors.add(error),
            Part::Window { .. } | Part::Drain => self.errors.add(error),
        }
    }

    /// Right calls and errors of the window so far.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.calls, self.errors.total())
    }

    fn add_flight(&mut self, since: Instant, until: Instant) {
        if let Part::Window { opened } = self.part {
            self.in_flight += until.saturating_duration_since(since.max(opened));
        }
    }

    /// The outcome of a window with these edges; none if it was never opened.
    pub(super) fn outcome(
        self,
        edges: Option<(Edge, Edge)>,
        closing_errors: Errors,
        ended: Ended,
    ) -> Outcome {
        let (elapsed, client_cpu, traffic) =
            edges.map_or_else(Default::default, |(opened, closed)| {
                let traffic = Traffic {
                    bytes_in: closed.traffic.bytes_in - opened.traffic.bytes_in,
                    bytes_out: closed.traffic.bytes_out - opened.traffic.bytes_out,
                    connects: closed.traffic.connects - opened.traffic.connects,
                };
                (
                    closed.at - opened.at,
                    closed.cpu.saturating_sub(opened.cpu),
                    traffic,
                )
            });
        Outcome {
            calls: self.calls,
            errors: self.errors,
            warmup_errors: self.warmup_errors,
            closing_errors,
            drained: self.drained,
            latency_ns: self.latency_ns,
            first_ns: self.first_ns,
            elapsed,
            in_flight: self.in_flight,
            bytes_in: traffic.bytes_in,
            bytes_out: traffic.bytes_out,
            reconnects: traffic.connects,
            client_cpu,
            ended,
            ..Outcome::default()
        }
    }
}

fn record(histogram: &mut Histogram<u64>, since: Instant, at: Instant) {
    let latency = at.saturating_duration_since(since).as_nanos();
    histogram.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::outcome::ErrorKind;

    #[test]
    fn a_call_belongs_to_the_part_of_the_run_that_it_ends_in() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let error = || CallError::new(ErrorKind::Tool, "no");
        let mut score = Score::new();
        score.right(at(0), None, at(5));
        score.wrong(error(), at(0), at(9));
        score.open(at(10));
        score.right(at(8), Some(at(11)), at(14));
        score.wrong(error(), at(14), at(17));
        score.close(at(30), [at(20)].into_iter());
        score.right(at(20), Some(at(21)), at(33));
        score.wrong(error(), at(20), at(34));
        let edge = |at| Edge {
            at,
            cpu: Duration::ZERO,
            traffic: Traffic::default(),
        };
        let outcome = score.outcome(
            Some((edge(at(10)), edge(at(30)))),
            Errors::default(),
            Ended::Completed,
        );
        assert_eq!((outcome.calls, outcome.drained), (1, 1));
        assert_eq!(
            (outcome.errors.total(), outcome.warmup_errors.total()),
            (2, 1)
        );
        assert_eq!(outcome.latency_ns.len(), 1);
        assert!(
            outcome
                .latency_ns
                .equivalent(outcome.latency_ns.max(), 6_000_000)
        );
        assert_eq!(outcome.first_ns.len(), 1);
        assert!(
            outcome
                .first_ns
                .equivalent(outcome.first_ns.max(), 3_000_000)
        );
        assert_eq!(outcome.in_flight, Duration::from_millis(4 + 3 + 10));
        assert_eq!(outcome.elapsed, Duration::from_millis(20));
    }
}
