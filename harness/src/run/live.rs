//! A live subject, and one window of load on it: a slice, a long trial and a probe of a capacity
//! search all go through [`Live::window`].
//!
//! Over HTTP each window opens its sessions anew; its lead-in covers that. A server on stdio has one
//! session for its life: the first window opens it, and each later one continues it over duplicates
//! of the same pipes. The pipes stay open until [`Live::end`], so no window ends the server.

use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use super::progress::Progress;
use super::row::{Job, seconds};
use super::testbed::{Started, Testbed};
use super::usage::{Cost, UsageWindow, sampled};
use crate::config::subject::{Processes, Subject, Wire};
use crate::host::cores::{Cores, pin_this_thread};
use crate::host::proc::ProcessId;
use crate::interrupt::Interrupt;
use crate::load::{self, Exchange, LoadError, Moment, Outcome, Plan, Shape, Target};
use crate::results::samples::Sample;
use crate::results::trial::{Status, Trial};
use crate::run::process::Server;

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
    pub(super) samples: Vec<Sample>,
    /// When the window opened; none when it did not.
    pub(super) opened: Option<SystemTime>,
}

/// A subject that is ready for load. It is ended when this is dropped.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) subject: &'a Subject,
    servers: Vec<Server>,
    /// One for each process; of a server on stdio the pipes themselves.
    targets: Vec<Target>,
    /// Windows that there were over the pipes.
    windows: u32,
    pub(super) startup: Option<Duration>,
    pub(super) is_remote: bool,
}

impl<'a> Live<'a> {
    /// Starts the subject of a job: one process, or one for each client. The inner error says why it
    /// is not ready.
    pub(super) fn start(
        around: Surroundings<'a>,
        job: &Job<'_>,
    ) -> anyhow::Result<Result<Self, String>> {
        let subject = around.bench.subject(job.subject_name)?;
        let processes = match subject.processes {
            Processes::PerClient => job.suite.load.clients(),
            Processes::Shared | Processes::PerCall => 1,
        };
        let mut live = Self {
            subject,
            servers: Vec::new(),
            targets: Vec::new(),
            windows: 0,
            startup: None,
            is_remote: false,
        };
        let (name, bytes) = (job.subject_name, job.suite.answer_bytes);
        let cores = &around.bench.setup().layout_of(&job.suite.load).server;
        for _ in 0..processes {
            match around.bench.start_on(cores, name, bytes, around.interrupt) {
                Ok(Started {
                    running,
                    target,
                    startup,
                }) => {
                    live.is_remote |= is_remote(&target);
                    live.startup = live.startup.max(startup);
                    live.servers.push(running);
                    live.targets.push(target);
                }
                Err(error) => return Ok(Err(format!("{error:#}"))),
            }
        }
        Ok(Ok(live))
    }

    /// Its processes.
    pub(super) fn ids(&self) -> Vec<ProcessId> {
        self.servers.iter().flat_map(Server::ids).collect()
    }

    /// Where its one process is, for calls besides the load; none for pipes.
    pub(super) fn address(&self) -> Option<Target> {
        self.targets.first()?.again()
    }

    /// Whether one of its processes has ended although nothing ended it.
    pub(super) fn has_died(&self) -> bool {
        self.servers.iter().any(Server::has_ended)
    }

    /// The last lines that it wrote.
    pub(super) fn last_lines(&self) -> String {
        let lines: Vec<String> = self.servers.iter().map(Server::last_lines).collect();
        lines.join("\n")
    }

    /// Targets for the next window.
    fn next_targets(&self) -> anyhow::Result<Vec<Target>> {
        let windows = self.windows;
        let next = |target: &Target| match target {
            Target::Stdio { stdin, stdout, .. } => {
                next_pipes(stdin, stdout, windows).context("cannot duplicate the pipes of a server")
            }
            other => other.again().context("a target there is but once"),
        };
        self.targets.iter().map(next).collect()
    }

    /// Puts the load of the job on it for one window, and reads what that costs. The inner error says
    /// why there was no load.
    pub(super) fn window(
        &mut self,
        around: Surroundings<'_>,
        job: &Job<'_>,
        span: Span,
    ) -> anyhow::Result<Result<Measured, LoadError>> {
        let Surroundings { bench, .. } = around;
        let layout = bench.setup().layout_of(&job.suite.load);
        let beside = self.beside(job)?;
        let targets = self.next_targets()?;
        let mut window = UsageWindow::new(self.ids(), bench.service_ids());
        let samples = window.samples();
        let subject = self.subject;
        let load = || {
            let observer = &mut |moment| match moment {
                Moment::MeasureStart => window.open(),
                Moment::MeasureEnd => window.close(),
                Moment::HandshakeDone | Moment::Tick { .. } => {}
            };
            put_load(targets, job, subject, span, observer, around.interrupt)
        };
        let loaded = if span.has_samples {
            sampled(&samples, &layout.load, || {
                with_beside(around, job, subject, beside, load)
            })??
        } else {
            with_beside(around, job, subject, beside, load)?
        };
        // Without a handshake the next window has to try it again.
        self.windows += u32::from(loaded.is_ok());
        Ok(loaded.map(|outcome| Measured {
            outcome,
            cost: window.cost(layout),
            samples: if span.has_samples {
                samples.rows()
            } else {
                Vec::new()
            },
            opened: window.opened(),
        }))
    }

    /// What other clients ask at the same time, how many they are, and where.
    fn beside<'j>(&self, job: &Job<'j>) -> anyhow::Result<Option<Beside<'j>>> {
        let Some((exchange, clients)) = &job.calls.beside else {
            return Ok(None);
        };
        let target = self.address().with_context(|| {
            format!(
                "suite {}: [beside] needs a wire over HTTP, {} has stdio",
                job.suite_name, job.subject_name
            )
        })?;
        Ok(Some((exchange, *clients, target)))
    }

    /// Ends it, and puts into the row how that went. A server that has died before is not ended by it.
    pub(super) fn end(mut self, trial: &mut Trial) {
        let has_died = self.has_died();
        let last_lines = self.last_lines();
        // The end of its stdin ends a server on stdio; a signal right now would hide how it does.
        self.targets.clear();
        for server in &mut self.servers {
            if self.subject.wire == Wire::Stdio {
                server.await_end();
            }
            let ended = server.stop();
            if has_died && !ended.is_clean {
                trial.status = Status::Died;
                let death = format!("died ({}); its last lines:\n{last_lines}", ended.status);
                trial.failure.push_str(&death);
            } else if !ended.is_clean {
                trial.exit_unclean = 1;
                let how = if ended.killed {
                    "did not end within the grace time after SIGTERM, was killed".to_owned()
                } else {
                    format!("ended with {} instead of exit code 0", ended.status)
                };
                trial.failure.push_str(&how);
            }
        }
        trial.failure.truncate(trial.failure.trim_end().len());
    }
}

/// Duplicates of the pipes of a child: closing these does not close the child's.
fn next_pipes(stdin: &ChildStdin, stdout: &ChildStdout, windows: u32) -> std::io::Result<Target> {
    use std::os::fd::AsFd as _;
    Ok(Target::Stdio {
        stdin: stdin.as_fd().try_clone_to_owned()?.into(),
        stdout: stdout.as_fd().try_clone_to_owned()?.into(),
        earlier_runs: windows,
    })
}

/// Whether the wire leaves this machine.
fn is_remote(target: &Target) -> bool {
    match target {
        Target::Http { address, .. }
        | Target::Sse { address, .. }
        | Target::Floor { address, .. } => !address.socket.ip().is_loopback(),
        Target::Stdio { .. } => false,
    }
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
        let timed = spawn(scope, cores, load).context("cannot start a load thread")?;
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
        Ok(
            joined(beside.context("cannot start a load thread")?)??.map(|beside| {
                for errors in [&beside.errors, &beside.warmup_errors] {
                    outcome.errors.join(errors, "beside the timed calls: ");
                }
                outcome
            }),
        )
    })
}

/// A thread on these cores.
fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    cores: &'scope Cores,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<std::thread::ScopedJoinHandle<'scope, anyhow::Result<T>>> {
    let work = move || {
        pin_this_thread(cores)?;
        Ok(work())
    };
    let named = std::thread::Builder::new().name("load".to_owned());
    named.spawn_scoped(scope, work)
}

/// What a thread brought.
pub(super) fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> anyhow::Result<T> {
    let panicked = "a load thread panicked: this is a defect of the harness";
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
