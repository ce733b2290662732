//! A live subject, and one window of load on it: slices, long trials, their warm-ups and the probes
//! of a capacity search all go through [`Live::window`].
//!
//! Over HTTP each window opens its sessions anew; its lead-in covers that. A server on stdio has
//! one session for its life: the first window opens it, and each later one continues it over
//! duplicates of the same pipes. The pipes stay open until [`Live::end`], so no window ends the
//! server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use anyhow::Context as _;

use super::progress::Progress;
use super::row::{Job, seconds, us};
use super::testbed::{Started, Testbed};
use super::usage::{Cost, Readings, UsageWindow};
use crate::config::subject::{Processes, Subject};
use crate::host::cores::{Cores, pin_this_thread};
use crate::host::proc::ProcessId;
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, LoadError, Moment, Outcome, Plan, Shape, Target};
use crate::results::trial::{Status, Trial};

/// Longer than any window: the calls beside the timed ones end when these do.
const UNTIL_STOPPED: Duration = Duration::from_hours(24);

/// What every part of a run needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) bench: &'a Testbed,
    pub(super) progress: &'a Progress,
    pub(super) interrupt: &'a Interrupt,
}

/// How long load is put on a subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Load before the window.
    pub(super) lead_in: Duration,
    /// Length of the window.
    pub(super) length: Duration,
    /// Whether samples are taken in the window, and not at its edges only.
    pub(super) has_samples: bool,
}

/// What one window found.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) outcome: Outcome,
    pub(super) cost: Cost,
    pub(super) readings: Readings,
}

/// A subject that is ready for load. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) subject: &'a Subject,
    /// Its processes; of a server on stdio the target is the pipes themselves.
    started: Vec<Started>,
    /// Windows that there were over the pipes.
    windows: u32,
}

impl<'a> Live<'a> {
    /// Starts the subject of a job: one process, or one for each client. The inner error says why
    /// it is not ready.
    pub(super) fn start(
        around: Surroundings<'a>,
        job: &Job<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let subject = around.bench.subject(&job.planned.subject)?;
        let processes = match subject.processes {
            Processes::PerClient => job.suite.load.clients(),
            Processes::Shared | Processes::PerCall => 1,
        };
        let cores = &around.bench.setup().layout_of(&job.suite.load).server;
        let start = |_| {
            let (name, bytes) = (&job.planned.subject, job.suite.answer_bytes);
            (around.bench).start_on(cores, name, bytes, around.interrupt)
        };
        let started: anyhow::Result<Vec<Started>> = (0..processes).map(start).collect();
        Ok(match started {
            Ok(started) => Ok(Self {
                subject,
                started,
                windows: 0,
            }),
            Err(error) => Err(format!("{error:#}")),
        })
    }

    /// Its processes.
    pub(super) fn ids(&self) -> Vec<ProcessId> {
        let ids = self.started.iter().filter_map(|one| one.running.id());
        ids.collect()
    }

    /// Where its one process is, for calls besides the load; none for pipes.
    pub(super) fn address(&self) -> Option<Target> {
        self.started.first()?.target.again()
    }

    /// How long its slowest process took until it was ready, in microseconds.
    pub(super) fn startup_us(&self) -> Option<u64> {
        let startups = self.started.iter().filter_map(|one| one.startup);
        startups.max().map(us)
    }

    /// Whether its wire leaves this machine.
    pub(super) fn is_remote(&self) -> bool {
        self.started.iter().any(|one| match &one.target {
            Target::Http { address, .. }
            | Target::Sse { address, .. }
            | Target::Floor { address, .. } => !address.socket.ip().is_loopback(),
            Target::Stdio { .. } => false,
        })
    }

    /// Whether one of its processes has ended although nothing ended it.
    pub(super) fn has_died(&self) -> bool {
        self.started.iter().any(|one| one.running.has_ended())
    }

    /// The last lines that it wrote.
    pub(super) fn last_lines(&self) -> String {
        let lines = self.started.iter().map(|one| one.running.last_lines());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Puts the load of the job on it for one window, and reads what that costs. The inner error
    /// says why there was no load.
    pub(super) fn window(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'_>,
        span: Span,
    ) -> anyhow::Result<Result<Measured, LoadError>> {
        let layout = around.bench.setup().layout_of(&job.suite.load);
        let beside = self.beside(job)?;
        let targets = self
            .started
            .iter()
            .map(|one| next(&one.target, self.windows));
        let targets = targets.collect::<anyhow::Result<Vec<Target>>>()?;
        let window = UsageWindow::new(self.ids(), around.bench.service_ids());
        let subject = self.subject;
        let load = || {
            let observer = &mut |moment| match moment {
                Moment::MeasureStart | Moment::MeasureEnd => window.edge(),
                Moment::HandshakeDone | Moment::Tick { .. } => {}
            };
            put_load(targets, job, subject, span, observer, around.interrupt)
        };
        let load = || with_beside(around, job, subject, beside, load);
        let loaded = if span.has_samples {
            window.sampled(&layout.load, load)??
        } else {
            load()?
        };
        // Without a handshake the next window has to try it again.
        self.windows += u32::from(loaded.is_ok());
        let readings = window.finish();
        Ok(loaded.map(|outcome| Measured {
            outcome,
            cost: readings.cost(layout),
            readings,
        }))
    }

    /// What other clients ask at the same time, how many they are, and where.
    fn beside<'j>(&self, job: &'j Job<'_>) -> anyhow::Result<Option<Beside<'j>>> {
        let Some((exchange, clients)) = &job.calls.beside else {
            return Ok(None);
        };
        let target = self.address().with_context(|| {
            format!(
                "suite {}: [beside] needs a wire over HTTP, {} has stdio",
                job.planned.suite, job.planned.subject
            )
        })?;
        Ok(Some((exchange, *clients, target)))
    }

    /// Ends it, and puts into the row how that went. A server that has died before is not ended by
    /// it.
    pub(super) fn end(self, trial: &mut Trial) {
        let (has_died, last_lines) = (self.has_died(), self.last_lines());
        // The end of its stdin ends a server on stdio; a signal right now would hide how it does.
        let close_pipes = |one: Started| one.running;
        let servers: Vec<_> = self.started.into_iter().map(close_pipes).collect();
        for mut server in servers {
            let ended = server.stop();
            let how = match ended.status {
                _ if ended.is_clean => continue,
                status if has_died => {
                    trial.status = Status::Died;
                    format!("died ({status}); its last lines:\n{last_lines}")
                }
                _ if ended.killed => {
                    "did not end within the grace time after SIGTERM, was killed".to_owned()
                }
                status => format!("ended with {status} instead of exit code 0"),
            };
            trial.exit_unclean = u64::from(!has_died);
            trial.failure.push_str(&how);
        }
        trial.failure.truncate(trial.failure.trim_end().len());
    }
}

/// The target of the next window. Of pipes it is duplicates: closing them does not close the
/// child's.
pub(crate) fn next(target: &Target, windows: u32) -> anyhow::Result<Target> {
    use std::os::fd::AsFd as _;
    let Target::Stdio { stdin, stdout, .. } = target else {
        return target.again().context("a target there is but once");
    };
    let again = || -> std::io::Result<Target> {
        Ok(Target::Stdio {
            stdin: stdin.as_fd().try_clone_to_owned()?.into(),
            stdout: stdout.as_fd().try_clone_to_owned()?.into(),
            earlier_runs: windows,
        })
    };
    again().context("cannot duplicate the pipes of a server")
}

/// The timed load of a job, from the calling thread.
pub(super) fn put_load(
    targets: Vec<Target>,
    job: &Job<'_>,
    subject: &Subject,
    span: Span,
    observer: &mut dyn FnMut(Moment),
    interrupt: &Interrupt,
) -> Result<Outcome, LoadError> {
    let load = &job.suite.load;
    let mut others = targets;
    if others.is_empty() {
        return Err(LoadError::Plan("there is no server".to_owned()));
    }
    let target = others.remove(0);
    let plan = Plan {
        target,
        exchanges: &job.calls.timed,
        clients: load.clients(),
        warmup: span.lead_in,
        duration: span.length,
        call_timeout: seconds(load.call_timeout_s()),
        revision: job.suite.revision(subject).unwrap_or_default(),
        extra_params: subject.extra_params.clone(),
        shape: job.suite.shape(),
        stop: interrupt.flag(),
    };
    if others.is_empty() {
        load::run(load.threads(), plan, observer)
    } else {
        load::run_each(plan, others, observer)
    }
}

type Beside<'a> = (&'a Exchange, usize, Target);
type Loaded = anyhow::Result<Result<Outcome, LoadError>>;

/// Runs the timed load on a thread of the load cores, and the calls beside it on another.
fn with_beside(
    around: Surroundings<'_>,
    job: &Job<'_>,
    subject: &Subject,
    beside: Option<Beside<'_>>,
    load: impl FnOnce() -> Result<Outcome, LoadError> + Send,
) -> Loaded {
    let cores = &around.bench.setup().layout_of(&job.suite.load).load;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let beside =
            beside.map(|beside| spawn(scope, cores, || keep_busy(beside, job, subject, &over)));
        let timed = spawn(scope, cores, load)?;
        // The bar is drawn from here, so that it is not in the load thread's time.
        around.progress.tick_until(|| timed.is_finished());
        let timed = joined(timed);
        over.store(true, Ordering::Relaxed);
        let mut outcome = match timed?? {
            Ok(outcome) => outcome,
            Err(error) => return Ok(Err(error)),
        };
        let Some(beside) = beside else {
            return Ok(Ok(outcome));
        };
        Ok(joined(beside?)??.map(|beside| {
            for errors in [&beside.errors, &beside.warmup_errors] {
                outcome.errors.join(errors, "beside the timed calls: ");
            }
            outcome
        }))
    })
}

/// A load thread on these cores.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    cores: &'scope Cores,
    work: impl FnOnce() -> T + Send + 'scope,
) -> anyhow::Result<ScopedJoinHandle<'scope, anyhow::Result<T>>> {
    let work = move || {
        pin_this_thread(cores)?;
        Ok(work())
    };
    let named = std::thread::Builder::new().name("load".to_owned());
    let spawned = named.spawn_scoped(scope, work);
    spawned.context("cannot start a load thread")
}

/// What a thread brought.
pub(super) fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> anyhow::Result<T> {
    let panicked = "a thread of the measurement panicked: this is a defect of the harness";
    thread.join().map_err(|_| anyhow::anyhow!(panicked))
}

/// Calls that are not timed, until the timed ones are over.
fn keep_busy(
    (exchange, clients, target): Beside<'_>,
    job: &Job<'_>,
    subject: &Subject,
    over: &AtomicBool,
) -> Result<Outcome, LoadError> {
    let plan = Plan {
        target,
        exchanges: std::slice::from_ref(exchange),
        clients,
        warmup: Duration::ZERO,
        duration: UNTIL_STOPPED,
        call_timeout: seconds(job.suite.load.call_timeout_s()),
        revision: job.suite.revision(subject).unwrap_or_default(),
        extra_params: subject.extra_params.clone(),
        shape: Shape::default(),
        stop: over,
    };
    load::run(1, plan, &mut |_| {})
}
