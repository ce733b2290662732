//! stdio with more processes than one: one for each client, or one for each call.
//!
//! What a call of a process of its own takes is counted from the start of the process to its answer: that is what
//! whoever made the call waits for. How the process ends is awaited and not counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

use super::ask::{observe, put_load};
use super::row::seconds;
use super::testbed::{Started, Testbed};
use super::trial::Job;
use super::usage::{Cost, UsageWindow, sampled};
use crate::config::subject::Processes;
use crate::interrupt::Interrupt;
use crate::load::{self, CallError, ErrorKind, Exchange, Options, Outcome, Shape};
use crate::machine::cores::pin_this_thread;
use crate::results::samples::Sample;
use crate::run::process::Server;

/// What was found, or why nothing was.
type Measured = Result<(Outcome, Cost, Vec<Sample>), String>;

/// Measures a subject with a process for each client or call.
///
/// # Errors
/// Only when the harness itself cannot go on.
pub(super) fn run(
    bench: &Testbed,
    job: &Job<'_>,
    interrupt: &Interrupt,
) -> anyhow::Result<Measured> {
    let subject = bench.subject(job.subject_name)?;
    match subject.processes {
        Processes::PerCall => per_call(bench, job, interrupt),
        Processes::PerClient | Processes::Shared => per_client(bench, job, interrupt),
    }
}

/// A process and a load thread for each client.
fn per_client(bench: &Testbed, job: &Job<'_>, interrupt: &Interrupt) -> anyhow::Result<Measured> {
    let subject = bench.subject(job.subject_name)?;
    let mut suite = job.suite.clone();
    let clients = suite.load.clients();
    suite.load.clients = Some(1);
    // Of an open loop each has its share, and they are due together.
    if let Some(rate) = &mut suite.load.rate_per_s {
        *rate /= clients as f64;
    }
    suite.load.threads = Some(1);
    let job = &Job {
        suite: &suite,
        ..*job
    };
    let (mut processes, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..clients {
        match bench.start(job.subject_name, None, interrupt) {
            Ok(Started {
                running, target, ..
            }) => {
                processes.push(running);
                targets.push(target);
            }
            Err(error) => return Ok(Err(format!("{error:#}"))),
        }
    }
    let ids = processes.iter().flat_map(Server::ids).collect();
    let mut window = UsageWindow::new(ids, bench.service_ids());
    let samples = window.samples();
    // All windows open within the time that it takes to start the threads; the first one is looked at.
    let mut windows = vec![Some(&mut window)];
    windows.resize_with(clients, || None);
    let all_loads = || {
        std::thread::scope(|scope| {
            let pairs = targets.into_iter().zip(windows);
            let threads: Vec<_> = pairs
                .map(|(target, mut window)| {
                    scope.spawn(move || {
                        pin_this_thread(&bench.setup().layout.load)?;
                        let mut observer = |moment| {
                            if let Some(window) = &mut window {
                                observe(window, moment);
                            }
                        };
                        anyhow::Ok(put_load(target, job, subject, &mut observer, interrupt))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(joined)
                .collect::<Result<Vec<_>, _>>()
        })
    };
    let loads = sampled(&samples, &bench.setup().layout.load, all_loads)??;
    let mut all: Option<Outcome> = None;
    for load in loads {
        match (load, &mut all) {
            (Err(error), _) => return Ok(Err(error.to_string())),
            (Ok(outcome), None) => all = Some(outcome),
            (Ok(outcome), Some(all)) => all.join(&outcome).context("cannot merge latencies")?,
        }
    }
    for mut process in processes {
        process.await_end();
        process.stop();
    }
    let cost = window.cost(&bench.setup().layout);
    Ok(all
        .map(|all| (all, cost, samples.rows()))
        .ok_or_else(|| "there was no client".to_owned()))
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    let panicked = "a load thread panicked: this is a defect of the harness";
    thread.join().map_err(|_| anyhow::anyhow!(panicked))?
}

/// Each client starts a process, asks it once, and ends it, over and over.
fn per_call(bench: &Testbed, job: &Job<'_>, interrupt: &Interrupt) -> anyhow::Result<Measured> {
    let load = &job.suite.load;
    anyhow::ensure!(
        load.shape() == Shape::default(),
        "suite {}: {} starts a process for each call, which knows a closed loop without think time only",
        job.suite_name,
        job.subject_name
    );
    let (is_open, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    // The servers come and go: what they use is that of the children that have ended.
    let mut window = UsageWindow::new(Vec::new(), bench.service_ids());
    let samples = window.samples();
    let calling = || {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..load.clients())
                .map(|client| {
                    let edges = (&is_open, &is_over);
                    scope.spawn(move || caller(bench, job, client, edges, interrupt))
                })
                .collect();
            interrupt.wait(seconds(load.warmup_s()), || None::<()>);
            window.open();
            let (begun, cpu) = (Instant::now(), children_cpu_ns());
            is_open.store(true, Ordering::Relaxed);
            interrupt.wait(seconds(load.duration_s()), || None::<()>);
            is_over.store(true, Ordering::Relaxed);
            let clients = threads
                .into_iter()
                .map(joined)
                .collect::<Result<Vec<_>, _>>();
            (begun, cpu, clients)
        })
    };
    let (begun, cpu, clients) = sampled(&samples, &bench.setup().layout.load, calling)?;
    let mut all = Outcome::default();
    for client in clients? {
        all.join(&client).context("cannot merge latencies")?;
    }
    // The last calls are awaited, and counted: so is the time that they take.
    all.elapsed = begun.elapsed();
    let server_cpu_ns = children_cpu_ns()
        .zip(cpu)
        .map(|(now, then)| now.saturating_sub(then));
    window.close();
    let beside = window.cost(&bench.setup().layout);
    let cost = Cost {
        server_cpu_ns,
        services_cpu_ns: beside.services_cpu_ns,
        services_busy_permille: beside.services_busy_permille,
        services: beside.services,
        client_cpu_ns: beside.client_cpu_ns,
        client: beside.client,
        ..Cost::default()
    };
    Ok(Ok((all, cost, samples.rows())))
}

/// One client of [`per_call`]. Calls that begin before the window is open are not counted.
fn caller(
    bench: &Testbed,
    job: &Job<'_>,
    client: usize,
    (is_open, is_over): (&AtomicBool, &AtomicBool),
    interrupt: &Interrupt,
) -> anyhow::Result<Outcome> {
    pin_this_thread(&bench.setup().layout.load)?;
    let mut found = Outcome::default();
    let mut calls = job.calls.timed.iter().cycle().skip(client);
    while !is_over.load(Ordering::Relaxed) && !interrupt.is_set() {
        let counts = is_open.load(Ordering::Relaxed);
        let exchange = calls.next().context("a suite without a call")?;
        match (call(bench, job, exchange, interrupt)?, counts) {
            (Ok(took), true) => {
                found.calls += 1;
                let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                found
                    .latency_ns
                    .record(ns)
                    .context("cannot record a latency")?;
            }
            (Ok(_), false) => {}
            (Err(error), true) => found.errors.add(error),
            (Err(error), false) => found.warmup_errors.add(error),
        }
    }
    Ok(found)
}

/// One call of a process of its own; how long it took from the start of the process to the answer.
fn call(
    bench: &Testbed,
    job: &Job<'_>,
    exchange: &Exchange,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Duration, CallError>> {
    let failed = |error: String| CallError::new(ErrorKind::Connect, error);
    let Started {
        mut running,
        target,
        startup,
    } = match bench.start(job.subject_name, None, interrupt) {
        Ok(started) => started,
        Err(error) => return Ok(Err(failed(format!("{error:#}")))),
    };
    let subject = bench.subject(job.subject_name)?;
    let options = Options {
        call_timeout: seconds(job.suite.load.call_timeout_s()),
        revision: subject.revision()?,
        extra_params: subject.extra_params.clone(),
        lists_tools: false,
        stop: interrupt.flag(),
    };
    // From the ready line on, which the harness may have seen a little later.
    let begun = Instant::now();
    let answered = load::verify(target, std::slice::from_ref(exchange), options);
    let since_ready = begun.elapsed();
    let whole = startup.map_or_else(|| running.age(), |startup| Some(startup + since_ready));
    let took = whole.unwrap_or(since_ready);
    running.await_end();
    running.stop();
    Ok(match answered {
        Err(error) => Err(failed(error.to_string())),
        Ok(found) => match found.answers.into_iter().next() {
            Some(answer) => answer.map(|_| took),
            None => Err(failed("there was no answer".to_owned())),
        },
    })
}

/// CPU time of all children that have ended, in nanoseconds.
fn children_cpu_ns() -> Option<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    let ns = usage.user_time().num_nanoseconds() + usage.system_time().num_nanoseconds();
    u64::try_from(ns).ok()
}
