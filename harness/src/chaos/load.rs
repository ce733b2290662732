//! The ordinary load on a server, several times on one process.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::config::subject::Subject;
use crate::load::{self, Arrivals, Exchange, Outcome, Pace, Plan, Shape, Target};
use crate::run::live::next;

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Before a window opens.
const WARMUP: Duration = Duration::from_millis(300);

/// The ordinary clients of one server.
pub(super) struct Ordinary<'a> {
    subject: &'a Subject,
    exchanges: &'a [Exchange],
    /// Loads so far.
    windows: u32,
}

/// An open loop of this rate, whose calls are given up when no client is free for so long.
pub(super) fn open_loop(rate_per_s: f64, give_up: Option<Duration>) -> Shape {
    Shape {
        pace: Pace::Open {
            rate_per_s,
            arrivals: Arrivals::Constant,
        },
        give_up,
        ..Shape::default()
    }
}

impl<'a> Ordinary<'a> {
    pub(super) const fn new(subject: &'a Subject, exchanges: &'a [Exchange]) -> Self {
        Self {
            subject,
            exchanges,
            windows: 0,
        }
    }

    /// One load of so many clients of this shape, from the calling thread.
    pub(super) fn load(
        &mut self,
        target: &Target,
        (clients, shape): (usize, Shape),
        duration: Duration,
        stop: &AtomicBool,
    ) -> anyhow::Result<Outcome> {
        let plan = Plan {
            target: next(target, self.windows)?,
            exchanges: self.exchanges,
            clients,
            warmup: WARMUP,
            duration,
            call_timeout: CALL_TIMEOUT,
            revision: self.subject.revision()?,
            extra_params: self.subject.extra_params.clone(),
            shape,
            stop,
        };
        self.windows += 1;
        Ok(load::run(1, plan, &mut |_| {})?)
    }
}

/// What the clients of a load have seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// Calls that were rejected with an error that tells to come again later.
    pub(super) shed: f64,
    /// Calls that failed in another way.
    pub(super) failed: f64,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
}

impl Seen {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let shed = outcome.errors.shed();
        let latencies = &outcome.latency_ns;
        let ms = |quantile| {
            let is_known = !latencies.is_empty();
            is_known.then(|| latencies.value_at_quantile(quantile) as f64 / 1e6)
        };
        Self {
            shed: shed as f64,
            failed: (outcome.errors.total() - shed) as f64,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
        }
    }
}
