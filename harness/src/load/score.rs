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
    Drain { opened: Instant, closed: Instant },
}

impl Part {
    /// Whether an instant that is not in the future lies in the window.
    fn holds(self, at: Instant) -> bool {
        match self {
            Self::Warmup => false,
            Self::Window { opened } => at >= opened,
            Self::Drain { opened, closed } => at >= opened && at < closed,
        }
    }
}

/// Counts.
#[derive(Debug)]
pub(super) struct Score {
    part: Part,
    /// Open loop: a latency belongs to the window when its call was due in it, whenever the answer comes. Otherwise the
    /// calls that a server held up at the window's end would be missing from the percentiles.
    is_open_loop: bool,
    calls: u64,
    errors: Errors,
    warmup_errors: Errors,
    drained: u64,
    latency_ns: Histogram<u64>,
    first_ns: Histogram<u64>,
    iteration_ns: Histogram<u64>,
    late_ns: Histogram<u64>,
    in_flight: Duration,
}

/// What the client itself had used and sent at an edge of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) at: Instant,
    pub(super) cpu: Duration,
    /// The part of it that was spent waiting awake.
    pub(super) spun: Duration,
    pub(super) traffic: Traffic,
}

impl Score {
    pub(super) fn new(is_open_loop: bool) -> Self {
        Self {
            part: Part::Warmup,
            is_open_loop,
            calls: 0,
            errors: Errors::default(),
            warmup_errors: Errors::default(),
            drained: 0,
            latency_ns: histogram(),
            first_ns: histogram(),
            iteration_ns: histogram(),
            late_ns: histogram(),
            in_flight: Duration::ZERO,
        }
    }

    /// The window opens.
    pub(super) fn open(&mut self, at: Instant) {
        self.part = Part::Window { opened: at };
    }

    /// The window closes; `outstanding` are the instants that the calls under way were due at.
    pub(super) fn close(&mut self, at: Instant, outstanding: impl Iterator<Item = Instant>) {
        outstanding.for_each(|due| self.add_flight(due, at));
        if let Part::Window { opened } = self.part {
            self.part = Part::Drain { opened, closed: at };
        }
    }

    /// A call is sent that was due then.
    pub(super) fn sent(&mut self, due: Instant, at: Instant) {
        let belongs = match self.part {
            Part::Window { .. } if !self.is_open_loop => true,
            part => self.is_open_loop && part.holds(due),
        };
        if belongs {
            record(&mut self.late_ns, due, at);
        }
    }

    /// A call was answered rightly; `began` is when the first part of an answer in several came.
    pub(super) fn right(&mut self, due: Instant, began: Option<Instant>, at: Instant) {
        let is_window = matches!(self.part, Part::Window { .. });
        match self.part {
            Part::Warmup => return,
            Part::Window { .. } => {
                self.calls += 1;
                self.add_flight(due, at);
            }
            Part::Drain { .. } => self.drained += 1,
        }
        let belongs = if self.is_open_loop {
            self.part.holds(due)
        } else {
            is_window
        };
        if belongs {
            record(&mut self.latency_ns, due, at);
            if let Some(began) = began {
                record(&mut self.first_ns, due, began);
            }
        }
    }

    /// All calls of a session were answered rightly, from its begin on.
    pub(super) fn iteration(&mut self, begun: Instant, at: Instant) {
        if let Part::Window { .. } = self.part {
            record(&mut self.iteration_ns, begun, at);
        }
    }

    /// A call went wrong.
    pub(super) fn wrong(&mut self, error: CallError, due: Instant, at: Instant) {
        self.add_flight(due, at);
        self.error(error);
    }

    /// Something went wrong that was no call.
    pub(super) fn error(&mut self, error: CallError) {
        match self.part {
            Part::Warmup => self.warmup_errors.add(error),
            Part::Window { .. } | Part::Drain { .. } => self.errors.add(error),
        }
    }

    /// Right calls and errors of the window so far.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.calls, self.errors.total())
    }

    fn add_flight(&mut self, due: Instant, until: Instant) {
        if let Part::Window { opened } = self.part {
            self.in_flight += until.saturating_duration_since(due.max(opened));
        }
    }

    /// The outcome of a window with these edges; none if it was never opened.
    pub(super) fn outcome(
        self,
        edges: Option<(Edge, Edge)>,
        unsent: u64,
        closing_errors: Errors,
        ended: Ended,
    ) -> Outcome {
        let (elapsed, client_cpu, client_spun, traffic) =
            edges.map_or_else(Default::default, |(opened, closed)| {
                let traffic = Traffic {
                    bytes_in: closed.traffic.bytes_in - opened.traffic.bytes_in,
                    bytes_out: closed.traffic.bytes_out - opened.traffic.bytes_out,
                    connects: closed.traffic.connects - opened.traffic.connects,
                    http_requests: closed.traffic.http_requests - opened.traffic.http_requests,
                    json_rpc_requests: closed.traffic.json_rpc_requests
                        - opened.traffic.json_rpc_requests,
                };
                let cpu = closed.cpu.saturating_sub(opened.cpu);
                let spun = (closed.spun - opened.spun).min(cpu);
                (closed.at - opened.at, cpu - spun, spun, traffic)
            });
        Outcome {
            calls: self.calls,
            errors: self.errors,
            warmup_errors: self.warmup_errors,
            closing_errors,
            drained: self.drained,
            latency_ns: self.latency_ns,
            first_ns: self.first_ns,
            iteration_ns: self.iteration_ns,
            late_ns: self.late_ns,
            unsent,
            json_rpc_requests: traffic.json_rpc_requests,
            http_requests: traffic.http_requests,
            elapsed,
            in_flight: self.in_flight,
            bytes_in: traffic.bytes_in,
            bytes_out: traffic.bytes_out,
            reconnects: traffic.connects,
            client_cpu,
            client_spun,
            threads: 1,
            ended,
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
        let mut score = Score::new(false);
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
            cpu: at - start,
            spun: (at - start) / 2,
            traffic: Traffic::default(),
        };
        let outcome = score.outcome(
            Some((edge(at(10)), edge(at(30)))),
            0,
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
        let ten = Duration::from_millis(10);
        assert_eq!((outcome.client_cpu, outcome.client_spun), (ten, ten));
    }

    #[test]
    fn a_latency_of_an_open_loop_belongs_to_the_part_that_its_call_was_due_in() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut score = Score::new(true);
        score.open(at(10));
        // Due in the warm-up, answered in the window.
        score.sent(at(8), at(9));
        score.right(at(8), None, at(14));
        score.sent(at(20), at(21));
        score.close(at(30), [at(20)].into_iter());
        // Due in the window, sent and answered after it.
        score.sent(at(29), at(40));
        score.right(at(20), None, at(33));
        score.right(at(29), None, at(49));
        score.sent(at(30), at(50));
        score.right(at(30), None, at(51));
        let outcome = score.outcome(None, 7, Errors::default(), Ended::Completed);
        assert_eq!((outcome.calls, outcome.drained), (1, 3));
        assert_eq!((outcome.latency_ns.len(), outcome.late_ns.len()), (2, 2));
        assert!(
            outcome
                .latency_ns
                .equivalent(outcome.latency_ns.max(), 20_000_000)
        );
        assert!(
            outcome
                .late_ns
                .equivalent(outcome.late_ns.max(), 11_000_000)
        );
        assert_eq!(outcome.unsent, 7);
    }
}
