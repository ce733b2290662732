//! Counts and times calls, each in the part of the run that it belongs to.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::{
    errors::CallError,
    outcome::{Ended, Outcome, StepOutcome},
    transport::Traffic,
};

/// The part of the run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Warmup,
    Window { opened: Instant },
    Drain { opened: Instant, closed: Instant },
}

impl Part {
    /// Whether an instant that is not in the future lies in the window, behind its begin.
    fn contains(self, at: Instant, begin: Duration) -> bool {
        match self {
            Self::Warmup => false,
            Self::Window { opened } => at >= opened + begin,
            Self::Drain { opened, closed } => at >= opened + begin && at < closed,
        }
    }
}

/// What the client itself had used and sent at an edge of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) at: Instant,
    pub(super) cpu: Duration,
    /// The part of the CPU time that was spent waiting awake.
    pub(super) spun: Duration,
    pub(super) traffic: Traffic,
}

/// Records what happens to the calls of a load.
#[derive(Debug)]
pub(super) struct Recorder {
    part: Part,
    /// A latency of an open loop belongs to the part that its call was due in.
    is_open_loop: bool,
    /// How long after its begin the window has latencies.
    latency_after: Duration,
    /// The step of each exchange; empty where there is one step only.
    steps: Vec<usize>,
    outcome: Outcome,
}

impl Recorder {
    /// A recorder of exchanges that are these steps.
    pub(super) fn new(is_open_loop: bool, latency_after: Duration, mut steps: Vec<usize>) -> Self {
        let count = steps.iter().max().map_or(0, |last| last + 1);
        let mut outcome = Outcome::default();
        if count > 1 {
            outcome.steps.resize_with(count, StepOutcome::default);
        } else {
            steps.clear();
        }
        Self {
            part: Part::Warmup,
            is_open_loop,
            latency_after,
            steps,
            outcome,
        }
    }

    /// The window opens; `pausing` is what is left of the pauses of all clients.
    pub(super) fn open(&mut self, at: Instant, pausing: Duration) {
        self.part = Part::Window { opened: at };
        self.outcome.paused = pausing;
    }

    /// The window closes; `outstanding` are the instants that the outstanding calls were due at.
    pub(super) fn close(
        &mut self,
        at: Instant,
        outstanding: impl Iterator<Item = Instant>,
        pausing: Duration,
    ) {
        outstanding.for_each(|due| self.add_flight(due, at));
        self.outcome.paused = self.outcome.paused.saturating_sub(pausing);
        if let Part::Window { opened } = self.part {
            self.part = Part::Drain { opened, closed: at };
        }
    }

    /// Whether the times of a call that was due then belong to the window.
    fn is_timed(&self, due: Instant) -> bool {
        match self.part {
            Part::Window { opened } if !self.is_open_loop => {
                self.latency_after.is_zero() || due >= opened + self.latency_after
            }
            part => self.is_open_loop && part.contains(due, self.latency_after),
        }
    }

    /// A call is sent that was due then.
    pub(super) fn sent(&mut self, due: Instant, at: Instant) {
        if self.is_timed(due) {
            record(&mut self.outcome.late_ns, due, at);
        }
    }

    /// A call was answered rightly; `began` is when the first part of an answer in several came.
    pub(super) fn right(
        &mut self,
        exchange: usize,
        due: Instant,
        began: Option<Instant>,
        at: Instant,
    ) {
        let is_timed = self.is_timed(due);
        let step = self.steps.get(exchange);
        let mut step = step.and_then(|step| self.outcome.steps.get_mut(*step));
        match self.part {
            Part::Warmup => return,
            Part::Window { .. } => {
                self.outcome.calls += 1;
                if let Some(step) = &mut step {
                    step.calls += 1;
                }
            }
            Part::Drain { .. } => self.outcome.drained += 1,
        }
        if let Some(step) = step.filter(|_| is_timed) {
            record(&mut step.latency_ns, due, at);
        }
        self.add_flight(due, at);
        if is_timed {
            record(&mut self.outcome.latency_ns, due, at);
            if let Some(began) = began {
                record(&mut self.outcome.first_ns, due, began);
            }
        }
    }

    /// All calls of an iteration were answered rightly.
    pub(super) fn iteration(&mut self, begun: Instant, at: Instant) {
        if let Part::Window { opened } = self.part
            && (self.latency_after.is_zero() || begun >= opened + self.latency_after)
        {
            record(&mut self.outcome.iteration_ns, begun, at);
        }
    }

    /// A client pauses.
    pub(super) fn paused(&mut self, from: Instant, until: Instant) {
        if let Part::Window { .. } = self.part {
            self.outcome.paused += until - from;
        }
    }

    /// A call failed.
    pub(super) fn wrong(&mut self, error: CallError, due: Instant, at: Instant) {
        self.add_flight(due, at);
        self.error(error);
    }

    /// Something else than a call failed.
    pub(super) fn error(&mut self, error: CallError) {
        match self.part {
            Part::Warmup => self.outcome.warmup_errors.add(error),
            Part::Window { .. } | Part::Drain { .. } => self.outcome.errors.add(error),
        }
    }

    /// The end of a session failed.
    pub(super) fn closing_error(&mut self, error: CallError) {
        self.outcome.closing_errors.add(error);
    }

    /// Right calls and errors of the window so far.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.outcome.calls, self.outcome.errors.total())
    }

    fn add_flight(&mut self, due: Instant, until: Instant) {
        if let Part::Window { opened } = self.part {
            self.outcome.in_flight += until.saturating_duration_since(due.max(opened));
        }
    }

    /// The outcome of a window with these edges; `None` if it never opened.
    pub(super) fn finish(self, edges: Option<(Edge, Edge)>, unsent: u64, ended: Ended) -> Outcome {
        let mut outcome = Outcome {
            unsent,
            ended,
            ..self.outcome
        };
        if let Some((opened, closed)) = edges {
            let (before, after) = (opened.traffic, closed.traffic);
            let cpu = closed.cpu.saturating_sub(opened.cpu);
            outcome.elapsed = closed.at - opened.at;
            outcome.client_spun = closed.spun.saturating_sub(opened.spun).min(cpu);
            outcome.client_cpu = cpu.saturating_sub(outcome.client_spun);
            outcome.bytes_in = after.bytes_in - before.bytes_in;
            outcome.bytes_out = after.bytes_out - before.bytes_out;
            outcome.reconnects = after.connects - before.connects;
            outcome.http_requests = after.http_requests - before.http_requests;
            outcome.json_rpc_requests = after.json_rpc_requests - before.json_rpc_requests;
        }
        outcome
    }
}

fn record(histogram: &mut Histogram<u64>, since: Instant, at: Instant) {
    let time_ns = at.saturating_duration_since(since).as_nanos();
    histogram.saturating_record(u64::try_from(time_ns).unwrap_or(u64::MAX));
}
