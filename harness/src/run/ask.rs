//! Puts the load on a subject, from threads of its own on the load cores.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use super::progress::Progress;
use super::row::seconds;
use super::testbed::Testbed;
use super::trial::Job;
use super::usage::UsageWindow;
use crate::config::subject::Subject;
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, LoadError, Moment, Outcome, Plan, Shape, Target};
use crate::machine::cores::{Cores, pin_this_thread};

/// Longer than any trial: what is asked beside the timed calls ends when they do.
const UNTIL_STOPPED: Duration = Duration::from_hours(24);

/// Why there is no thread.
const NO_THREAD: &str = "cannot start a load thread";

/// Asks what the job says, and what is to be asked beside it, until the window is over.
pub(super) fn ask(
    bench: &Testbed,
    job: &Job<'_>,
    target: Target,
    window: &mut UsageWindow,
    progress: &Progress,
    interrupt: &Interrupt,
) -> anyhow::Result<Result<Outcome, LoadError>> {
    let cores = &bench.setup().layout.load;
    let subject = bench.subject(job.subject_name)?;
    let over = AtomicBool::new(false);
    let beside = job.calls.beside.as_ref().and_then(|(exchange, clients)| {
        let target = target.again()?;
        Some((exchange, *clients, target))
    });
    anyhow::ensure!(
        beside.is_some() == job.calls.beside.is_some(),
        "suite {}: [beside] needs a wire over HTTP, {} has stdio",
        job.suite_name,
        job.subject_name
    );
    std::thread::scope(|scope| {
        let beside = beside.map(|(exchange, clients, target)| {
            let asked = (exchange, clients, target);
            spawn(scope, cores, || keep_busy(asked, job, subject, &over))
        });
        let timed = spawn(scope, cores, || {
            let mut observer = |moment| observe(window, moment);
            put_load(target, job, subject, &mut observer, interrupt)
        });
        let timed = timed.context(NO_THREAD)?;
        // The bar is drawn from here, so that it is not in the load thread's time.
        progress.tick_until(|| timed.is_finished());
        let timed = joined(timed);
        over.store(true, Ordering::Relaxed);
        let mut outcome = match timed? {
            Ok(outcome) => outcome,
            Err(error) => return Ok(Err(error)),
        };
        let Some(beside) = beside else {
            return Ok(Ok(outcome));
        };
        Ok(joined(beside.context(NO_THREAD)?)?.map(|beside| {
            let before = "beside the timed calls: ";
            for errors in [&beside.errors, &beside.warmup_errors] {
                outcome.errors.join(errors, before);
            }
            outcome
        }))
    })
}

type Loaded = anyhow::Result<Result<Outcome, LoadError>>;

/// A thread on these cores.
fn spawn<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    cores: &'scope Cores,
    load: impl FnOnce() -> Result<Outcome, LoadError> + Send + 'scope,
) -> std::io::Result<std::thread::ScopedJoinHandle<'scope, Loaded>> {
    std::thread::Builder::new()
        .name("load".to_owned())
        .spawn_scoped(scope, move || {
            pin_this_thread(cores)?;
            Ok(load())
        })
}

fn joined(thread: std::thread::ScopedJoinHandle<'_, Loaded>) -> Loaded {
    let panicked = "the load thread panicked: this is a defect of the harness";
    thread.join().map_err(|_| anyhow::anyhow!(panicked))?
}

/// Lets the window follow the load.
pub(super) fn observe(window: &mut UsageWindow, moment: Moment) {
    match moment {
        Moment::HandshakeDone | Moment::Tick { .. } => {}
        Moment::MeasureStart => window.open(),
        Moment::MeasureEnd => window.close(),
    }
}

/// The timed load of a job.
pub(super) fn put_load(
    target: Target,
    job: &Job<'_>,
    subject: &Subject,
    observer: &mut dyn FnMut(Moment),
    interrupt: &Interrupt,
) -> Result<Outcome, LoadError> {
    let load = &job.suite.load;
    let plan = Plan {
        target,
        exchanges: &job.calls.timed,
        clients: load.clients(),
        warmup: seconds(load.warmup_s()),
        duration: seconds(load.duration_s()),
        call_timeout: seconds(load.call_timeout_s()),
        revision: subject.revision().unwrap_or_default(),
        extra_params: subject.extra_params.clone(),
        shape: load.shape(),
        stop: interrupt.flag(),
        observer,
    };
    load::run_on(load.threads(), plan)
}

/// Calls that are not timed, until the timed ones are over.
fn keep_busy(
    (exchange, clients, target): (&Exchange, usize, Target),
    job: &Job<'_>,
    subject: &Subject,
    over: &AtomicBool,
) -> Result<Outcome, LoadError> {
    load::run(Plan {
        target,
        exchanges: std::slice::from_ref(exchange),
        clients,
        warmup: Duration::ZERO,
        duration: UNTIL_STOPPED,
        call_timeout: seconds(job.suite.load.call_timeout_s()),
        revision: subject.revision().unwrap_or_default(),
        extra_params: subject.extra_params.clone(),
        shape: Shape::default(),
        stop: over,
        observer: &mut |_| {},
    })
}
