//! One load: handshake, warm-up, window, outstanding calls, end; on one thread or on several.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    driver::Driver,
    errors::{LoadError, LoadResult},
    outcome::{Ended, Outcome},
    plan::{Moment, Plan, Sessions, Target},
    schedule::Share,
};

/// How often the observer gets a [`Moment::Tick`].
const TICK: Duration = Duration::from_millis(100);
/// How often a thread looks whether the others are ready.
const LOOK: Duration = Duration::from_micros(200);

/// Carries out a plan on the calling thread and on more, `threads` in all, and returns when the
/// last connection is closed. The threads run on the cores of the calling thread, and each has its
/// share of the clients, the connections and the planned calls. Their windows open together.
/// `observer` is told each [`Moment`] on the calling thread.
///
/// # Errors
/// Only when there was nothing to measure: a plan that cannot be carried out, a handshake that
/// failed, an event loop that does not work. Later failures are counted in the [`Outcome`].
pub fn run(
    threads: usize,
    plan: Plan<'_>,
    observer: &mut dyn FnMut(Moment),
) -> Result<Outcome, LoadError> {
    let others = (1..threads).map_while(|_| plan.target.again());
    let others: Vec<_> = others.collect();
    if others.len() + 1 < threads {
        return LoadError::plan(format!(
            "{threads} threads cannot share the pipes of one process; give 1 over stdio"
        ));
    }
    run_each(plan, others, observer)
}

/// Carries out a plan over its own target on the calling thread, and over each of the others on a
/// thread of its own; as [`run()`] otherwise.
///
/// # Errors
/// As [`run()`].
pub fn run_each(
    mut plan: Plan<'_>,
    others: Vec<Target>,
    observer: &mut dyn FnMut(Moment),
) -> Result<Outcome, LoadError> {
    let of = others.len() + 1;
    plan.check(of)?;
    let gate = &Gate::default();
    let run = |plan, index, observer: &mut dyn FnMut(Moment)| {
        let outcome = run_share(plan, Share { index, of }, observer, gate);
        // The others must not wait for a thread that has failed.
        gate.has_failed.fetch_or(outcome.is_err(), Ordering::AcqRel);
        outcome
    };
    let others = others.into_iter().zip(1..);
    let others = others.map(|(target, index)| {
        let extra_params = plan.extra_params.clone();
        let mut part = Plan {
            target,
            extra_params,
            ..plan
        };
        part.share_out(Share { index, of });
        (part, index)
    });
    let others: Vec<_> = others.collect();
    plan.share_out(Share { index: 0, of });
    let outcomes = thread::scope(|scope| {
        let spawn = |(plan, index)| scope.spawn(move || run(plan, index, &mut |_| {}));
        let others: Vec<_> = others.into_iter().map(spawn).collect();
        let first = run(plan, 0, observer);
        let others = others.into_iter().map(|other| {
            let panicked = "a load thread panicked: this is a defect of the harness";
            other.join().unwrap_or_else(|_| LoadError::plan(panicked))
        });
        std::iter::once(first).chain(others).collect()
    });
    join(outcomes, of)
}

/// Adds up the outcomes of the threads.
fn join(outcomes: Vec<LoadResult<Outcome>>, threads: usize) -> LoadResult<Outcome> {
    // When a thread fails the others are stopped, which is not the reason.
    let is_stopped = |outcome: &LoadResult<_>| matches!(outcome, Err(LoadError::Stopped));
    let (stopped, outcomes): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_stopped);
    let mut all = Outcome::default();
    for outcome in outcomes.into_iter().chain(stopped) {
        all.join(&outcome?)
            .map_err(|error| LoadError::Plan(format!("latencies cannot be merged: {error}")))?;
    }
    all.threads = threads;
    Ok(all)
}

impl Plan<'_> {
    /// Reduces the clients, the connections and the shared sessions to those of one thread.
    fn share_out(&mut self, share: Share) {
        self.target
            .share_sessions(|count| Sessions::Shared(share.part(count)));
        self.clients = share.part(self.clients);
        let connections = &mut self.shape.connections;
        *connections = connections.map(|count| share.part(count));
    }
}

/// Where the threads wait for each other.
#[derive(Default)]
struct Gate {
    arrived: AtomicUsize,
    has_failed: AtomicBool,
}

impl Gate {
    /// Returns when so many threads have come here, or an error when one of them will not.
    fn pass(&self, threads: usize, stop: &AtomicBool) -> LoadResult {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < threads {
            if self.has_failed.load(Ordering::Acquire) || stop.load(Ordering::Relaxed) {
                return Err(LoadError::Stopped);
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// Carries out a thread's share; the windows open when all threads have passed the gate.
fn run_share(
    plan: Plan<'_>,
    share: Share,
    observer: &mut dyn FnMut(Moment),
    gate: &Gate,
) -> LoadResult<Outcome> {
    let Plan {
        warmup,
        duration,
        call_timeout,
        stop,
        ..
    } = plan;
    let mut driver = Driver::new(plan, share)?;
    driver.open_sessions()?;
    gate.pass(share.of, stop)?;
    observer(Moment::HandshakeDone);
    driver.begin_load();
    let mut ended = spend(&mut driver, Instant::now() + warmup, observer)?;
    let (mut edges, mut unsent) = (None, 0);
    if ended == Ended::Completed {
        observer(Moment::MeasureStart);
        let opened = driver.edge()?;
        let pausing = driver.clients.pausing(opened.at);
        driver.clients.recorder.open(opened.at, pausing);
        driver
            .clients
            .schedule
            .window(opened.at, opened.at + duration);
        ended = spend(&mut driver, opened.at + duration, observer)?;
        let closed = driver.edge()?;
        let outstanding = driver.clients.outstanding();
        let pausing = driver.clients.pausing(closed.at);
        let recorder = &mut driver.clients.recorder;
        recorder.close(closed.at, outstanding.into_iter(), pausing);
        observer(Moment::MeasureEnd);
        edges = Some((opened, closed));
        unsent = driver.catch_up((opened.at, closed.at), duration.min(call_timeout))?;
    }
    driver.drain()?;
    driver.end_sessions()?;
    Ok(driver.clients.recorder.finish(edges, unsent as u64, ended))
}

/// Lets the clients call until then, if nothing ends it before.
fn spend(
    driver: &mut Driver<'_>,
    until: Instant,
    observer: &mut dyn FnMut(Moment),
) -> LoadResult<Ended> {
    let mut tick = Instant::now() + TICK;
    loop {
        let now = Instant::now();
        if driver.is_stopped() {
            return Ok(Ended::Stopped);
        }
        if driver.is_gone() {
            return Ok(Ended::SubjectGone);
        }
        if now >= until {
            return Ok(Ended::Completed);
        }
        if now >= tick {
            tick = now + TICK;
            let (calls, errors) = driver.clients.recorder.so_far();
            observer(Moment::Tick { calls, errors });
        }
        driver.turn(until.min(tick))?;
    }
}
