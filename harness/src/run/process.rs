//! Children: servers and services, each in a process group of its own, pinned, watched, and ended
//! whatever happens.
//!
//! A child that is dropped is ended, so an error or a panic on the way leaves nothing running.

mod end;
mod port;
mod server;
mod stderr;
mod wait;

use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::config::launch::Launch;
use crate::interrupt::Interrupt;
use crate::machine::cores::{Cores, CoresError, pinned};
use crate::machine::proc::ProcessId;
use end::await_end;
pub(crate) use end::end_group;
pub use end::has_ended;
pub use port::Port;
pub use server::Server;
use stderr::StderrLog;

/// The variables that children inherit. No others, so that nothing left in a shell (a log level, a
/// server's setting) changes what is measured without being recorded.
pub const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
];

/// How long to wait for the last lines of a child that has ended.
const LAST_LINES: Duration = Duration::from_millis(500);

/// How long a stdio server may take to end after its stdin is closed before it gets a signal.
const END_BY_ITSELF: Duration = Duration::from_secs(1);

/// Why a child is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("cannot start {name} ({program}): {source}; is it built?")]
    Start {
        /// Subject or service.
        name: String,
        /// The file that was to be run.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be pinned.
    #[error(transparent)]
    Pin(#[from] CoresError),
    /// It ended before it was ready.
    #[error("{name} ended ({status}) before it was ready; its last lines:\n{last_lines}")]
    EndedEarly {
        /// Subject or service.
        name: String,
        /// How it ended.
        status: String,
        /// What it wrote on stderr at last.
        last_lines: String,
    },
    /// It said nothing in time.
    #[error(
        "{name} did not print a line `ready URL` (or `ready stdio`) on stderr within {limit:?}; its last lines:\n{last_lines}"
    )]
    NotReady {
        /// Subject or service.
        name: String,
        /// The time it had.
        limit: Duration,
        /// What it wrote on stderr at last.
        last_lines: String,
    },
    /// Its port did not answer in time.
    #[error(
        "nothing answered at {place} within {limit:?} after the start of {name}; give it more time (ready_within_s), or mend the \
         URL; its last lines:\n{last_lines}"
    )]
    NoAnswer {
        /// Subject.
        name: String,
        /// Its URL.
        place: String,
        /// The time it had.
        limit: Duration,
        /// What it wrote on stderr at last.
        last_lines: String,
    },
    /// Something listens where the server is to listen.
    #[error(
        "something listens at {place} before {name} is started: end it, or measure it as it is, by its URL without a command"
    )]
    Taken {
        /// Subject.
        name: String,
        /// Its URL.
        place: String,
    },
    /// A signal came while waiting.
    #[error("interrupted while {name} was getting ready")]
    Interrupted {
        /// Subject or service.
        name: String,
    },
}

/// What a child said when it was ready.
#[derive(Debug, Clone)]
pub struct Ready {
    /// What followed the word `ready`: a URL, or `stdio`.
    pub place: String,
    /// From the start of the process to the line.
    pub after: Duration,
}

/// A child that has been started.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    started: Instant,
    log: Arc<StderrLog>,
    ended: Option<Ended>,
}

/// How a child ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Exit code or signal, in words.
    pub status: String,
    /// Whether SIGTERM and the grace time were not enough.
    pub killed: bool,
    /// Whether it ended as a server should: with exit code 0, or by the SIGTERM of the harness.
    pub is_clean: bool,
}

impl Running {
    /// Starts a child on these cores. `piped` gives it pipes for stdin and stdout, otherwise both
    /// are `/dev/null`.
    ///
    /// # Errors
    /// [`ProcessError::Start`] and [`ProcessError::Pin`].
    pub fn start(
        name: &str,
        launch: &Launch,
        cores: &Cores,
        piped: bool,
    ) -> Result<Self, ProcessError> {
        let (program, arguments) = launch
            .command
            .split_first()
            .map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
        let pipe = || if piped { Stdio::piped() } else { Stdio::null() };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(
                std::env::vars_os()
                    .filter(|(name, _)| PASSED_ON.iter().any(|passed| name == passed)),
            )
            .envs(&launch.environment)
            .stdin(pipe())
            .stdout(pipe())
            .stderr(Stdio::piped())
            .process_group(0);
        let (started, child) = pinned(cores, || (Instant::now(), command.spawn()))?;
        let failed = |source| ProcessError::Start {
            name: name.to_owned(),
            program: program.to_owned(),
            source,
        };
        let mut running = Self {
            name: name.to_owned(),
            child: child.map_err(failed)?,
            started,
            log: Arc::default(),
            ended: None,
        };
        if let Some(stderr) = running.child.stderr.take() {
            StderrLog::drain(&running.log, stderr).map_err(failed)?;
        }
        Ok(running)
    }

    /// Waits for the ready line.
    ///
    /// # Errors
    /// [`ProcessError`] when the child ends, says nothing in time, or a signal comes.
    pub fn wait_ready(
        &mut self,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Ready, ProcessError> {
        let log = Arc::clone(&self.log);
        let started = self.started;
        let ready = || {
            log.ready().map(|(place, at)| Ready {
                place,
                after: at.duration_since(started),
            })
        };
        match self.wait_until(limit, interrupt, ready)? {
            Some(ready) => Ok(ready),
            None => Err(ProcessError::NotReady {
                name: self.name.clone(),
                limit,
                last_lines: self.last_lines(),
            }),
        }
    }

    /// Subject or service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of the process.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.child.id()
    }

    /// The pipes of a child that was started with them; once.
    pub fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        Some((self.child.stdin.take()?, self.child.stdout.take()?))
    }

    /// Whether the process has ended. It is not reaped, so that its number (and its group's) cannot
    /// pass to another.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.is_some() || has_ended(self.id())
    }

    /// The last lines of its stderr, each indented; a placeholder when there are none.
    #[must_use]
    pub fn last_lines(&self) -> String {
        if self.has_ended() {
            let begin = Instant::now();
            while !self.log.is_closed() && begin.elapsed() < LAST_LINES {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.log.last_lines()
    }

    /// Waits a while until the child has ended by itself, as a server on stdio does whose stdin is closed.
    pub fn await_end(&self) {
        await_end(self.id(), END_BY_ITSELF);
    }

    /// Ends the child and all of its process group: SIGTERM, after the grace time SIGKILL. Says how
    /// it ended.
    pub fn stop(&mut self) -> Ended {
        // Once reaped, the number may belong to another process and must not be signalled again.
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let end = end_group(self.id());
        let (status, is_clean) = match self.child.wait() {
            Ok(status) => {
                let by_us = end.is_told && status.signal() == Some(Signal::SIGTERM as i32);
                (in_words(status), status.success() || by_us)
            }
            Err(error) => (format!("its end cannot be seen: {error}"), false),
        };
        let ended = Ended {
            status,
            killed: end.is_killed,
            is_clean,
        };
        self.ended = Some(ended.clone());
        ended
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!(
            "signal {}",
            Signal::try_from(signal)
                .map_or_else(|_| signal.to_string(), |signal| signal.to_string())
        ),
        (None, None) => status.to_string(),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
