//! The result of a load: right calls, errors by kind, latencies, and what the client itself used.

use std::{fmt, time::Duration};

use hdrhistogram::{Histogram, errors::AdditionError};
use serde::{Deserialize, Serialize};

use super::errors::Errors;

/// The longest latency that a histogram tells apart: an hour, in nanoseconds.
const MAX_LATENCY_NS: u64 = 3_600_000_000_000;

/// Why a load ended.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The window was measured in full.
    #[default]
    Completed,
    /// The stop flag was set; the window is shorter, or never opened.
    Stopped,
    /// The subject cannot be reached again (a stdio child that has ended); the window is shorter.
    SubjectGone,
}

/// The result of one load.
///
/// The window opens at the end of the warm-up and closes `Plan::duration` later. **A call belongs
/// to the window when it is completed in it**, whenever it began. In an open loop that holds for
/// the counts; a **latency** belongs to the window when its call was **due** in it, whenever it is
/// sent and answered: the calls that a server held up when the window closed would be missing
/// otherwise. The client awaits the calls that are outstanding when the window closes: a right
/// answer is one of [`Outcome::drained`] and no more, a wrong one is one of the
/// [`Outcome::errors`] (otherwise a server that never answers would show none).
#[derive(Clone)]
pub struct Outcome {
    /// Right answers in the window.
    pub calls: u64,
    /// Errors of the window, and of the calls that were outstanding at its end.
    pub errors: Errors,
    /// Errors during the warm-up; they are not part of [`Outcome::errors`].
    pub warmup_errors: Errors,
    /// Errors when the sessions were ended; no call was concerned.
    pub closing_errors: Errors,
    /// Right answers that came after the window had closed.
    pub drained: u64,
    /// Latencies of [`Outcome::calls`], in nanoseconds, with 3 significant digits: from the instant
    /// before the request is handed to the kernel (stdio: is queued for the pipe) to the instant
    /// after the read that completed the answer's message. The message of an event stream is
    /// complete when its event is; the rest of the response is read before the connection is used
    /// again. In an open loop, and where clients wait for a connection, a latency counts from the
    /// instant that the call was due.
    pub latency_ns: Histogram<u64>,
    /// Of the [`Outcome::calls`] whose message took more than one read: from the same instant to
    /// the first of them, in nanoseconds. Streamable HTTP only.
    pub first_ns: Histogram<u64>,
    /// How long the iterations took that ended in the window, in nanoseconds: from the opening of
    /// the connection (or the first call, in a session that lasts) to the last answer. Empty unless
    /// sessions end after so many calls, or an iteration has several steps.
    pub iteration_ns: Histogram<u64>,
    /// Of each step its part of [`Outcome::calls`] and [`Outcome::latency_ns`]. Empty where there
    /// is one step only.
    pub steps: Vec<StepOutcome>,
    /// How long after it was due each call of the window was sent, in nanoseconds. In a closed loop
    /// that is the client's own delay; in an open loop also the wait for a free client.
    pub late_ns: Histogram<u64>,
    /// Open loop: calls that were due in the window and were never sent.
    pub unsent: u64,
    /// JSON-RPC requests sent in the window: tool calls, and those of handshakes.
    pub json_rpc_requests: u64,
    /// HTTP requests sent in the window, with or without a JSON-RPC request. 0 on stdio.
    pub http_requests: u64,
    /// How long the window was open, by the clock.
    pub elapsed: Duration,
    /// Time that the clients had a call outstanding within the window, summed over the clients,
    /// whatever the answer was. In a closed loop at most `clients * elapsed`. A call that waits to
    /// be sent is outstanding when its latency counts from the instant that it was due.
    pub in_flight: Duration,
    /// Time within the window that the clients paused for (think time, and pauses between
    /// iterations), summed over the clients.
    pub paused: Duration,
    /// Bytes read in the window, HTTP included.
    pub bytes_in: u64,
    /// Bytes written in the window, HTTP included.
    pub bytes_out: u64,
    /// Connections replaced in the window.
    pub reconnects: u64,
    /// CPU time of the load threads in the window (`CLOCK_THREAD_CPUTIME_ID`), without
    /// [`Outcome::client_spun`].
    pub client_cpu: Duration,
    /// CPU time in the window that the load threads had nothing to do in: they wait awake for an
    /// instant that is less than 20 us away. A thread is not saturated because of it.
    pub client_spun: Duration,
    /// The number of threads that made the load.
    pub threads: usize,
    /// Why the load ended.
    pub ended: Ended,
}

/// The right answers to one step of an iteration.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// How many there were in the window.
    pub calls: u64,
    /// Their latencies, as [`Outcome::latency_ns`].
    pub latency_ns: Histogram<u64>,
}

impl Default for StepOutcome {
    fn default() -> Self {
        Self {
            calls: 0,
            latency_ns: histogram(),
        }
    }
}

/// Without the counts of the histograms, which would fill screens.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |quantile| self.latency_ns.value_at_quantile(quantile) as f64 / 1e6;
        let errors = [&self.errors, &self.warmup_errors, &self.closing_errors];
        let counts = [self.calls, self.latency_ns.len(), self.drained, self.unsent];
        let what = "calls, latencies, drained, unsent";
        let (p50, max, after, ended) = (ms(0.5), ms(1.0), self.elapsed, self.ended);
        write!(f, "{ended:?} after {after:?}: {what} {counts:?}, ")?;
        write!(f, "p50 {p50} ms, max {max} ms, errors {errors:?}")
    }
}

impl Default for Outcome {
    /// The outcome of a load whose window never opened.
    fn default() -> Self {
        Self {
            calls: 0,
            errors: Errors::default(),
            warmup_errors: Errors::default(),
            closing_errors: Errors::default(),
            drained: 0,
            latency_ns: histogram(),
            first_ns: histogram(),
            iteration_ns: histogram(),
            steps: Vec::new(),
            late_ns: histogram(),
            unsent: 0,
            json_rpc_requests: 0,
            http_requests: 0,
            elapsed: Duration::ZERO,
            in_flight: Duration::ZERO,
            paused: Duration::ZERO,
            bytes_in: 0,
            bytes_out: 0,
            reconnects: 0,
            client_cpu: Duration::ZERO,
            client_spun: Duration::ZERO,
            threads: 1,
            ended: Ended::Completed,
        }
    }
}

/// An empty histogram of times in nanoseconds, which never has to grow.
fn histogram() -> Histogram<u64> {
    #[expect(
        clippy::expect_used,
        reason = "constant bounds, and every test makes one"
    )]
    Histogram::new_with_bounds(1, MAX_LATENCY_NS, 3).expect("bounds of a histogram")
}

impl Outcome {
    /// Adds the result of other clients, which ran at the same time over connections of their own.
    ///
    /// # Errors
    /// When a latency does not fit the histogram, which grows by itself.
    pub fn join(&mut self, other: &Self) -> Result<(), AdditionError> {
        self.latency_ns.add(&other.latency_ns)?;
        self.first_ns.add(&other.first_ns)?;
        self.iteration_ns.add(&other.iteration_ns)?;
        self.late_ns.add(&other.late_ns)?;
        self.unsent += other.unsent;
        self.json_rpc_requests += other.json_rpc_requests;
        self.http_requests += other.http_requests;
        self.calls += other.calls;
        self.drained += other.drained;
        self.errors.join(&other.errors, "");
        self.warmup_errors.join(&other.warmup_errors, "");
        self.closing_errors.join(&other.closing_errors, "");
        self.elapsed = self.elapsed.max(other.elapsed);
        self.in_flight += other.in_flight;
        self.paused += other.paused;
        let steps = self.steps.len().max(other.steps.len());
        self.steps.resize_with(steps, StepOutcome::default);
        for (step, other) in self.steps.iter_mut().zip(&other.steps) {
            step.calls += other.calls;
            step.latency_ns.add(&other.latency_ns)?;
        }
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.reconnects += other.reconnects;
        self.client_cpu += other.client_cpu;
        self.client_spun += other.client_spun;
        if self.ended == Ended::Completed {
            self.ended = other.ended;
        }
        Ok(())
    }

    /// Right calls a second; 0 for a window that never opened.
    #[must_use]
    pub fn calls_per_s(&self) -> f64 {
        self.per_elapsed(self.calls as f64)
    }

    /// Mean number of calls in flight, from the time that they were.
    #[must_use]
    pub fn mean_in_flight(&self) -> f64 {
        self.per_elapsed(self.in_flight.as_secs_f64())
    }

    /// Mean number of calls in flight by Little's law: rate times mean latency of the right calls.
    ///
    /// Without errors it equals [`Outcome::mean_in_flight`] but for the calls at the window's
    /// edges, which are at most `clients` of [`Outcome::calls`]; otherwise latencies or rate are
    /// wrong.
    #[must_use]
    pub fn littles_law_in_flight(&self) -> f64 {
        self.calls_per_s() * self.latency_ns.mean() / 1e9
    }

    /// The share of a core that each load thread used in the window, 0 to 1, mean of the threads.
    #[must_use]
    pub fn client_busy_share(&self) -> f64 {
        self.per_elapsed(self.client_cpu.as_secs_f64()) / self.threads as f64
    }

    /// The share of a core that each load thread waited awake for, 0 to 1, mean of the threads.
    #[must_use]
    pub fn client_spun_share(&self) -> f64 {
        self.per_elapsed(self.client_spun.as_secs_f64()) / self.threads as f64
    }

    fn per_elapsed(&self, amount: f64) -> f64 {
        if self.elapsed.is_zero() {
            0.0
        } else {
            amount / self.elapsed.as_secs_f64()
        }
    }
}
