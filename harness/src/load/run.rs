//! One load: handshake, warm-up, window, outstanding calls, end; on one thread or on several.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    driver::Driver,
    errors::LoadError,
    outcome::{Ended, Outcome},
    plan::{Moment, Plan, Sessions, Shape},
    schedule::Share,
};

/// How often the observer gets a [`Moment::Tick`].
const TICK: Duration = Duration::from_millis(100);
/// How often a thread looks whether the others are ready.
const LOOK: Duration = Duration::from_micros(200);

/// Carries out a plan on the calling thread and returns when its last connection is closed.
/// `observer` is told each [`Moment`] on that thread.
///
/// # Errors
/// Only when there was nothing to measure: a plan that cannot be carried out, a handshake that
/// failed, an event loop that does not work. Later failures are counted in the [`Outcome`].
pub fn run(plan: Plan<'_>, observer: &mut dyn FnMut(Moment)) -> Result<Outcome, LoadError> {
    run_on(1, plan, observer)
}

/// Carries out a plan on the calling thread and on more, `threads` in all. They run on the cores of
/// the calling thread, and each has its share of the clients, the connections and the planned
/// calls. Their windows open together. `observer` is told each [`Moment`] on the calling thread.
///
/// # Errors
/// As [`run()`], of the first thread that fails; and when the plan cannot be shared.
pub fn run_on(
    threads: usize,
    plan: Plan<'_>,
    observer: &mut dyn FnMut(Moment),
) -> Result<Outcome, LoadError> {
    plan.check(threads)?;
    let gate = Gate::default();
    let others: Option<Vec<_>> = (1..threads)
        .map(|index| part(&plan, Share { index, of: threads }))
        .collect();
    let first = if threads > 1 {
        part(
            &plan,
            Share {
                index: 0,
                of: threads,
            },
        )
    } else {
        None
    };
    let first = first.unwrap_or(plan);
    let run = |plan, index, observer: &mut dyn FnMut(Moment)| {
        let of = threads.max(1);
        let outcome = run_share(plan, Share { index, of }, observer, |stop| {
            gate.pass(of, stop)
        });
        if outcome.is_err() {
            // The others must not wait for this thread.
            gate.has_failed.store(true, Ordering::Release);
        }
        outcome
    };
    let outcomes = thread::scope(|scope| {
        let spawn = |(index, plan)| scope.spawn(move || run(plan, index + 1, &mut |_| {}));
        let others: Vec<_> = others
            .into_iter()
            .flatten()
            .enumerate()
            .map(spawn)
            .collect();
        let first = run(first, 0, observer);
        let others = others.into_iter().map(|other| {
            let panicked = "a load thread panicked: this is a defect of the harness";
            other.join().unwrap_or_else(|_| LoadError::plan(panicked))
        });
        std::iter::once(first).chain(others).collect()
    });
    join(outcomes, threads.max(1))
}

/// Adds up the outcomes of the threads.
fn join(outcomes: Vec<Result<Outcome, LoadError>>, threads: usize) -> Result<Outcome, LoadError> {
    // When a thread fails the others are stopped, which is not the reason.
    let is_stopped = |outcome: &Result<_, _>| matches!(outcome, Err(LoadError::Stopped));
    let (stopped, outcomes): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_stopped);
    let mut outcomes = outcomes.into_iter().chain(stopped);
    let mut all = outcomes.next().unwrap_or_else(|| Ok(Outcome::default()))?;
    for outcome in outcomes {
        all.join(&outcome?)
            .map_err(|error| LoadError::Plan(format!("latencies cannot be merged: {error}")))?;
    }
    all.threads = threads;
    Ok(all)
}

/// A thread's part of a plan; `None` for a target that cannot be shared.
fn part<'a>(plan: &Plan<'a>, share: Share) -> Option<Plan<'a>> {
    let mut target = plan.target.again()?;
    target.share_sessions(|count| Sessions::Shared(share.part(count)));
    let connections = plan.shape.connections.map(|count| share.part(count));
    Some(Plan {
        target,
        clients: share.part(plan.clients),
        extra_params: plan.extra_params.clone(),
        shape: Shape {
            connections,
            ..plan.shape
        },
        ..*plan
    })
}

/// Where the threads wait for each other.
#[derive(Default)]
struct Gate {
    arrived: AtomicUsize,
    has_failed: AtomicBool,
}

impl Gate {
    /// Returns when so many threads have come here, or an error when one of them will not.
    fn pass(&self, threads: usize, stop: &AtomicBool) -> Result<(), LoadError> {
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

/// Carries out a thread's share; `rendezvous` returns when all threads have opened their sessions.
fn run_share(
    plan: Plan<'_>,
    share: Share,
    observer: &mut dyn FnMut(Moment),
    rendezvous: impl FnOnce(&AtomicBool) -> Result<(), LoadError>,
) -> Result<Outcome, LoadError> {
    let Plan {
        warmup,
        duration,
        call_timeout,
        stop,
        ..
    } = plan;
    let mut driver = Driver::new(plan, share)?;
    driver.open_sessions()?;
    rendezvous(stop)?;
    observer(Moment::HandshakeDone);
    driver.begin_load();
    let mut ended = spend(&mut driver, Instant::now() + warmup, observer)?;
    let (mut edges, mut unsent) = (None, 0);
    if ended == Ended::Completed {
        observer(Moment::MeasureStart);
        let opened = driver.edge()?;
        driver.clients.recorder.open(opened.at);
        ended = spend(&mut driver, opened.at + duration, observer)?;
        let closed = driver.edge()?;
        let outstanding = driver.clients.outstanding();
        driver
            .clients
            .recorder
            .close(closed.at, outstanding.into_iter());
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
) -> Result<Ended, LoadError> {
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
