//! What a run brought: right calls, errors by kind, latencies, and what the client itself spent.

mod errors;

use std::{fmt, io, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

pub use errors::{CallError, EXAMPLE_CHARS, ErrorKind, Errors, Tally};

/// Why a run ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The window was measured in full.
    Completed,
    /// The stop flag was set; the figures are of a shorter window, or of none.
    Stopped,
    /// The subject cannot be reached again (a stdio child that has ended); the figures are of a shorter window.
    SubjectGone,
}

/// What one run brought.
///
/// The window opens at the end of the warm-up and closes `Plan::duration` later. **A call belongs to the window when
/// it is completed in it**, whenever it was begun. In an open loop that holds for the counts; a **latency** belongs to the
/// window when its call was **due** in it, whenever it is sent and answered: calls that a server held up when the window
/// closed would be missing otherwise. A call that was outstanding when the window closed is awaited: if
/// its answer is right it is one of [`Outcome::drained`] and no more, if it is not it is one of the [`Outcome::errors`]
/// (otherwise a server that never answers would show none).
#[derive(Clone)]
pub struct Outcome {
    /// Right answers in the window.
    pub calls: u64,
    /// Errors of the window, and of the calls that were outstanding at its end.
    pub errors: Errors,
    /// Errors during the warm-up; they are not part of [`Outcome::errors`].
    pub warmup_errors: Errors,
    /// What went wrong when the sessions were ended; no call was concerned.
    pub closing_errors: Errors,
    /// Right answers that came after the window had closed.
    pub drained: u64,
    /// Latencies of [`Outcome::calls`], in **nanoseconds**, 3 significant digits. From the instant before the request
    /// is handed to the kernel (stdio: is queued for the pipe) to the instant after the read that made the answer whole.
    /// In an open loop, and where clients wait for a connection, from the instant that the call was due.
    pub latency_ns: Histogram<u64>,
    /// Of those of [`Outcome::calls`] whose answer took more than one read: from the same instant to the first of
    /// them, in nanoseconds. Streamable HTTP only.
    pub first_ns: Histogram<u64>,
    /// How long whole iterations took that ended in the window, in nanoseconds: from the opening of the connection to
    /// the last answer of the session. Empty unless sessions end after so many calls.
    pub iteration_ns: Histogram<u64>,
    /// How long after it was due each call of the window was sent, in nanoseconds. In a closed loop that is the harness's
    /// own delay; in an open loop also the wait for a client that is free.
    pub late_ns: Histogram<u64>,
    /// Open loop: calls that were due in the window, and were not sent when it closed.
    pub unsent: u64,
    /// JSON-RPC requests sent in the window: tool calls, and those of handshakes.
    pub json_rpc_requests: u64,
    /// HTTP requests sent in the window, those without a JSON-RPC request in them too. 0 on stdio.
    pub http_requests: u64,
    /// How long the window was open, by the clock.
    pub elapsed: Duration,
    /// Time that the clients had a call outstanding within the window, summed over the clients, whatever became of
    /// the call. In a closed loop at most `clients * elapsed`; the rest is time without a call (reconnects, back-off, think
    /// time). A call that waits to be sent is outstanding when its latency counts from the instant that it was due.
    pub in_flight: Duration,
    /// Bytes read in the window, HTTP and all.
    pub bytes_in: u64,
    /// Bytes written in the window, HTTP and all.
    pub bytes_out: u64,
    /// Connections replaced in the window.
    pub reconnects: u64,
    /// CPU time of the load threads in the window (`CLOCK_THREAD_CPUTIME_ID`), without [`Outcome::client_spun`].
    pub client_cpu: Duration,
    /// CPU time of the load threads in the window that they had nothing to do in: they wait awake for a call that is due
    /// in less than 20 us. They were not full because of it.
    pub client_spun: Duration,
    /// Threads that the load was made by.
    pub threads: usize,
    /// Why the run ended.
    pub ended: Ended,
}

/// With the histogram in figures: its counts would fill screens.
impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = &self.latency_ns;
        let (p50, max) = (latency.value_at_quantile(0.5), latency.max());
        f.debug_struct("Outcome")
            .field("calls", &self.calls)
            .field("errors", &self.errors)
            .field("warmup_errors", &self.warmup_errors)
            .field("closing_errors", &self.closing_errors)
            .field("drained", &self.drained)
            .field(
                "latency_ns",
                &format_args!("{} values, p50 {p50}, max {max}", latency.len()),
            )
            .field("first_ns", &format_args!("{} values", self.first_ns.len()))
            .field(
                "iteration_ns",
                &format_args!("{} values", self.iteration_ns.len()),
            )
            .field(
                "late_ns",
                &format_args!("{} values, max {}", self.late_ns.len(), self.late_ns.max()),
            )
            .field("unsent", &self.unsent)
            .field("json_rpc_requests", &self.json_rpc_requests)
            .field("http_requests", &self.http_requests)
            .field("elapsed", &self.elapsed)
            .field("in_flight", &self.in_flight)
            .field("bytes_in", &self.bytes_in)
            .field("bytes_out", &self.bytes_out)
            .field("reconnects", &self.reconnects)
            .field("client_cpu", &self.client_cpu)
            .field("client_spun", &self.client_spun)
            .field("threads", &self.threads)
            .field("ended", &self.ended)
            .finish()
    }
}

impl Default for Outcome {
    /// Of a run without a window.
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
            late_ns: histogram(),
            unsent: 0,
            json_rpc_requests: 0,
            http_requests: 0,
            elapsed: Duration::ZERO,
            in_flight: Duration::ZERO,
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

/// The longest latency that a histogram tells apart: an hour, in nanoseconds.
const MAX_LATENCY_NS: u64 = 3_600_000_000_000;

/// An empty histogram of times in nanoseconds, which never has to grow.
pub(super) fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "constant bounds, and a test makes one")]
    Histogram::new_with_bounds(1, MAX_LATENCY_NS, 3).expect("bounds of a histogram")
}

impl Outcome {
    /// Takes in what other clients brought at the same time, over wires of their own.
    ///
    /// # Errors
    /// When a latency does not fit the histogram, which grows by itself.
    pub fn join(&mut self, other: &Self) -> Result<(), hdrhistogram::errors::AdditionError> {
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
        if self.elapsed.is_zero() {
            0.0
        } else {
            self.calls as f64 / self.elapsed.as_secs_f64()
        }
    }

    /// Calls in flight on average, from the time that they were.
    #[must_use]
    pub fn mean_in_flight(&self) -> f64 {
        if self.elapsed.is_zero() {
            0.0
        } else {
            self.in_flight.as_secs_f64() / self.elapsed.as_secs_f64()
        }
    }

    /// Calls in flight on average by Little's law: throughput times mean latency of the right calls.
    ///
    /// Without errors it equals [`Outcome::mean_in_flight`] but for the calls at the window's edges, which are at most
    /// `clients` of [`Outcome::calls`]; where it does not, latencies or rate are wrong.
    #[must_use]
    pub fn littles_law_in_flight(&self) -> f64 {
        self.calls_per_s() * self.latency_ns.mean() / 1e9
    }

    /// The share of a core that each load thread used in the window, a mean of all of them, 0 to 1.
    #[must_use]
    pub fn client_busy_share(&self) -> f64 {
        self.share(self.client_cpu)
    }

    /// The share of a core that each load thread waited awake for, a mean of all of them, 0 to 1.
    #[must_use]
    pub fn client_spun_share(&self) -> f64 {
        self.share(self.client_spun)
    }

    fn share(&self, cpu: Duration) -> f64 {
        if self.elapsed.is_zero() {
            0.0
        } else {
            cpu.as_secs_f64() / (self.elapsed.as_secs_f64() * self.threads as f64)
        }
    }
}

/// Why there was no run at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan cannot be carried out as it is.
    #[error("the load plan cannot be run: {0}")]
    Plan(String),
    /// A session could not be opened, so there is nothing to measure.
    #[error(
        "the MCP handshake of client {client} failed ({error}); is the subject ready, and is its transport the declared one?"
    )]
    Handshake {
        /// Which of the plan's clients, from 0.
        client: usize,
        /// What went wrong.
        error: CallError,
    },
    /// The session is open, but the server does not tell its tools.
    #[error("tools/list failed ({error})")]
    ToolsList {
        /// What went wrong.
        error: CallError,
    },
    /// The stop flag was set before there was anything to report.
    #[error("stopped before there was a result")]
    Stopped,
    /// The event loop itself does not work.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}
