//! A process for each call, on stdio.
//!
//! What such a call takes is counted from the start of its process to its answer: that is what
//! whoever made the call waits for. How the process ends is awaited and not counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

use super::live::{Measured, Surroundings, joined};
use super::row::{Job, seconds};
use super::target::verification;
use super::testbed::Started;
use super::usage::UsageWindow;
use super::warnings::permille;
use crate::host::cores::pin_this_thread;
use crate::load::{self, CallError, ErrorKind, Exchange, Options, Outcome, Shape};

/// Measures a subject that has a process for each call: each client starts one, asks it once, and
/// ends it, over and over.
pub(super) fn per_call(around: Surroundings<'_>, job: &Job<'_>) -> anyhow::Result<Measured> {
    let Surroundings {
        bench, interrupt, ..
    } = around;
    let load = &job.suite.load;
    let layout = bench.setup().layout_of(load);
    anyhow::ensure!(
        job.suite.shape() == Shape::default(),
        "suite {}: {} starts a process for each call, which knows one tool and a closed loop without think time only",
        job.planned.suite,
        job.planned.subject
    );
    let (is_open, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    // The servers come and go: what they use is that of the children that have ended.
    let window = UsageWindow::new(Vec::new(), bench.service_ids());
    let calling = || {
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..load.clients())
                .map(|client| {
                    let edges = (&is_open, &is_over);
                    scope.spawn(move || caller(around, job, client, edges))
                })
                .collect();
            interrupt.wait(seconds(load.warmup_s()), || None::<()>);
            window.edge();
            let (begun, cpu) = (Instant::now(), children_cpu());
            is_open.store(true, Ordering::Relaxed);
            interrupt.wait(seconds(load.duration_s()), || None::<()>);
            is_over.store(true, Ordering::Relaxed);
            let callers: Result<Vec<_>, _> = callers.into_iter().map(joined).collect();
            (begun, cpu, callers)
        })
    };
    let (begun, cpu, callers) = window.sampled(&layout.load, calling)?;
    let mut all = Outcome::default();
    for caller in callers? {
        all.join(&caller?).context("cannot merge latencies")?;
    }
    all.threads = load.clients();
    // The last calls are awaited, and counted: so is the time that they take.
    all.elapsed = begun.elapsed();
    window.edge();
    let readings = window.finish();
    let mut cost = readings.cost(layout);
    let used = children_cpu()?.saturating_sub(cpu?);
    cost.server_cpu_ns = u64::try_from(used.as_nanos()).ok();
    let cores = layout.server.numbers().len().max(1) as f64;
    let share = used.as_secs_f64() / all.elapsed.as_secs_f64().max(1e-9) / cores;
    cost.server_share_permille = Some(permille(share));
    Ok(Measured {
        outcome: all,
        cost,
        readings,
    })
}

/// One client. Calls that begin before the window is open are not counted.
fn caller(
    around: Surroundings<'_>,
    job: &Job<'_>,
    client: usize,
    (is_open, is_over): (&AtomicBool, &AtomicBool),
) -> anyhow::Result<Outcome> {
    pin_this_thread(&around.bench.setup().layout_of(&job.suite.load).load)?;
    let mut found = Outcome::default();
    let mut calls = job.calls.timed.iter().cycle().skip(client);
    let mut used_before = None;
    while !is_over.load(Ordering::Relaxed) && !around.interrupt.is_set() {
        let counts = is_open.load(Ordering::Relaxed);
        if counts && used_before.is_none() {
            used_before = Some(thread_cpu()?);
        }
        let exchange = calls.next().context("a suite without a call")?;
        match (call(around, job, exchange)?, counts) {
            (Ok(took), true) => {
                found.calls += 1;
                let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                let recorded = found.latency_ns.record(ns);
                recorded.context("cannot record a latency")?;
            }
            (Ok(_), false) => {}
            (Err(error), true) => found.errors.add(error),
            (Err(error), false) => found.warmup_errors.add(error),
        }
    }
    if let Some(before) = used_before {
        found.client_cpu = thread_cpu()?.saturating_sub(before);
    }
    Ok(found)
}

/// CPU time of the calling thread.
fn thread_cpu() -> anyhow::Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    Ok(time.context("cannot read the CPU time of a thread")?.into())
}

/// One call of a process of its own; how long it took from the start of the process to the answer.
fn call(
    around: Surroundings<'_>,
    job: &Job<'_>,
    exchange: &Exchange,
) -> anyhow::Result<Result<Duration, CallError>> {
    let failed = |error: String| CallError::new(ErrorKind::Connect, error);
    let cores = &around.bench.setup().layout_of(&job.suite.load).server;
    let Started {
        mut running,
        target,
        startup,
    } = match (around.bench).start_on(cores, &job.planned.subject, None, around.interrupt) {
        Ok(started) => started,
        Err(error) => return Ok(Err(failed(format!("{error:#}")))),
    };
    let subject = around.bench.subject(&job.planned.subject)?;
    let call_timeout = seconds(job.suite.load.call_timeout_s());
    let options = Options {
        lists_tools: false,
        revision: job.suite.revision(subject)?,
        ..verification(subject, call_timeout, around.interrupt)?
    };
    // From the ready line on, which the harness may have seen a little later.
    let begun = Instant::now();
    let answered = load::verify(target, std::slice::from_ref(exchange), options);
    let since_ready = begun.elapsed();
    let whole = startup.map_or_else(|| running.age(), |startup| Some(startup + since_ready));
    let took = whole.unwrap_or(since_ready);
    running.stop();
    Ok(match answered {
        Err(error) => Err(failed(error.to_string())),
        Ok(found) => match found.answers.into_iter().next() {
            Some(answer) => answer.map(|_| took),
            None => Err(failed("there was no answer".to_owned())),
        },
    })
}

/// CPU time of all children that have ended and were waited for.
pub(super) fn children_cpu() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN);
    let usage = usage.context("cannot read the CPU time of children")?;
    let us = (usage.user_time() + usage.system_time()).num_microseconds();
    Ok(Duration::from_micros(u64::try_from(us)?))
}
