//! A load from more threads than one: each has its share of the clients, of the connections and of the calls that are
//! due, and an event loop of its own. Their windows open together.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::{Map, Value};

use super::{
    outcome::{LoadError, Outcome},
    pace::Share,
    plan::{Exchange, Moment, Plan, Sessions, Shape, Target},
    revision::Revision,
    run::{run, run_share},
};

/// How often a thread looks whether the others are ready.
const LOOK: Duration = Duration::from_micros(200);

/// Carries out a plan on the calling thread and on as many more as it takes to be `threads`; they run on the cores of the
/// calling thread, which alone has the observer.
///
/// # Errors
/// As [`run()`], of the first thread that fails; and when the target or the numbers cannot be shared out.
pub fn run_on(threads: usize, plan: Plan<'_>) -> Result<Outcome, LoadError> {
    if threads <= 1 {
        return run(plan);
    }
    plan.check()?;
    check(threads, &plan)?;
    let targets = (1..threads).map_while(|_| plan.target.again());
    let others: Vec<Target> = targets.collect();
    run_each(plan, others.into_iter())
}

/// Carries out a plan over its own target on the calling thread, and over each of the others on a
/// thread of its own: each has its share of the clients and of the calls.
///
/// # Errors
/// As [`run()`], of the first thread that fails.
pub fn run_each(
    plan: Plan<'_>,
    others: impl ExactSizeIterator<Item = Target>,
) -> Result<Outcome, LoadError> {
    plan.check()?;
    let threads = others.len() + 1;
    let gate = Gate::new(threads);
    let Plan {
        target,
        exchanges,
        stop,
        observer,
        clients,
        warmup,
        duration,
        call_timeout,
        revision,
        extra_params,
        shape,
    } = plan;
    let part = |(index, mut target)| {
        let share = Share { index, of: threads };
        if let Target::Http { sessions, .. } = &mut target
            && let Sessions::Shared(count) = sessions
        {
            *count = share.part(*count);
        }
        let connections = shape.connections.map(|count| share.part(count));
        Part {
            share,
            target,
            clients: share.part(clients),
            warmup,
            duration,
            call_timeout,
            revision,
            extra_params: extra_params.clone(),
            shape: Shape {
                connections,
                ..shape
            },
        }
    };
    let first = part((0, target));
    let others: Vec<Part> = others
        .enumerate()
        .map(|(at, one)| part((at + 1, one)))
        .collect();
    let make = |part: Part, observer: &mut dyn FnMut(Moment)| {
        let share = part.share;
        let plan = part.plan(exchanges, stop, observer);
        gate.left(run_share(plan, share, || gate.pass(stop)))
    };
    let loads = thread::scope(|scope| {
        let make = &make;
        let others: Vec<_> = (others.into_iter())
            .map(|part| scope.spawn(move || make(part, &mut |_| {})))
            .collect();
        let mut loads = vec![make(first, observer)];
        loads.extend(others.into_iter().map(|other| {
            other.join().unwrap_or_else(|_| {
                let text = "a load thread panicked: this is a defect of the harness";
                Err(LoadError::Plan(text.to_owned()))
            })
        }));
        loads
    });
    joined(loads, threads)
}

/// What the threads brought, as one outcome.
fn joined(loads: Vec<Result<Outcome, LoadError>>, threads: usize) -> Result<Outcome, LoadError> {
    // A thread whose fellow has failed is stopped: that is not why there is no outcome.
    let (stopped, loads): (Vec<_>, Vec<_>) =
        (loads.into_iter()).partition(|load| matches!(load, Err(LoadError::Stopped)));
    let mut all: Option<Outcome> = None;
    for load in loads.into_iter().chain(stopped) {
        let load = load?;
        match &mut all {
            None => all = Some(load),
            Some(all) => all
                .join(&load)
                .map_err(|error| LoadError::Plan(format!("latencies cannot be merged: {error}")))?,
        }
    }
    let mut all = all.unwrap_or_default();
    all.threads = threads;
    Ok(all)
}

/// What cannot be shared out.
fn check(threads: usize, plan: &Plan<'_>) -> Result<(), LoadError> {
    let refuse = |text: String| Err(LoadError::Plan(text));
    if matches!(plan.target, Target::Stdio { .. } | Target::OpenStdio { .. }) {
        return refuse(format!(
            "{threads} threads cannot share the pipes of one process; give 1 over stdio"
        ));
    }
    let shared = match plan.target {
        Target::Http {
            sessions: Sessions::Shared(count),
            ..
        } => Some(count),
        _ => None,
    };
    for (what, count) in [
        ("clients", Some(plan.clients)),
        ("connections", plan.shape.connections),
        ("shared sessions", shared),
    ] {
        if let Some(count) = count.filter(|count| *count < threads) {
            return refuse(format!(
                "{count} {what} cannot be shared out among {threads} threads; give as many or more"
            ));
        }
    }
    Ok(())
}

/// A thread's part of a plan.
struct Part {
    share: Share,
    target: Target,
    clients: usize,
    warmup: Duration,
    duration: Duration,
    call_timeout: Duration,
    revision: Revision,
    extra_params: Map<String, Value>,
    shape: Shape,
}

impl Part {
    fn plan<'a>(
        self,
        exchanges: &'a [Exchange],
        stop: &'a AtomicBool,
        observer: &'a mut dyn FnMut(Moment),
    ) -> Plan<'a> {
        Plan {
            target: self.target,
            exchanges,
            clients: self.clients,
            warmup: self.warmup,
            duration: self.duration,
            call_timeout: self.call_timeout,
            revision: self.revision,
            extra_params: self.extra_params,
            shape: self.shape,
            stop,
            observer,
        }
    }
}

/// Where the threads wait for each other.
struct Gate {
    threads: usize,
    arrived: AtomicUsize,
    has_failed: AtomicBool,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self {
            threads,
            arrived: AtomicUsize::new(0),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Returns when all threads have come here.
    ///
    /// # Errors
    /// [`LoadError::Stopped`] when one of them will not.
    fn pass(&self, stop: &AtomicBool) -> Result<(), LoadError> {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < self.threads {
            if self.has_failed.load(Ordering::Acquire) || stop.load(Ordering::Relaxed) {
                return Err(LoadError::Stopped);
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// A thread is done: if without an outcome, the others must not wait for it.
    fn left(&self, made: Result<Outcome, LoadError>) -> Result<Outcome, LoadError> {
        if made.is_err() {
            self.has_failed.store(true, Ordering::Release);
        }
        made
    }
}
