//! Servers and services as child processes: each in a process group of its own, pinned, watched,
//! and ended whatever happens.
//!
//! A child that is dropped is ended, so an error or a panic leaves nothing running. Nothing reaps a
//! child before its end is complete: until then its number (and its group's) cannot pass to another
//! process, which would get its signals.

mod port;
mod stderr;

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::config::subject::Launch;
use crate::host::cores::{Cores, pinned};
use crate::host::proc::ProcessId;
use crate::interrupt::Interrupt;
pub(crate) use port::Port;
use stderr::StderrLog;

/// The variables that children inherit. No others, so that nothing left in a shell (a log level, a
/// server's setting) changes what is measured without being recorded.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
];

/// How long a child may take to end after SIGTERM before SIGKILL ends it.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait for the last lines of a child that has ended.
const LAST_LINES: Duration = Duration::from_millis(500);

/// How long a stdio server may take to end after its stdin is closed before it gets a signal.
const END_BY_ITSELF: Duration = Duration::from_secs(1);

/// The exit code of a program that handles SIGTERM and says so, as a JVM does: 128 + 15.
const ENDED_BY_SIGTERM: i32 = 128 + Signal::SIGTERM as i32;

/// Where a child is ready.
#[derive(Debug)]
pub(crate) struct Ready {
    /// A URL, or `stdio`.
    pub(crate) place: String,
    /// From the start of the process until it was ready, if that could be seen.
    pub(crate) after: Option<Duration>,
}

/// A child that has been started.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    /// Whether it has pipes, and ends when they are closed.
    is_piped: bool,
    started: Instant,
    log: Arc<StderrLog>,
    ended: Option<Ended>,
}

/// How a child ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    /// Exit code or signal, in words.
    pub(crate) status: String,
    /// Whether SIGTERM and the grace time were not enough.
    pub(crate) killed: bool,
    /// Whether it ended as a server should: with exit code 0, or after the harness's SIGTERM by
    /// that signal or with the exit code that stands for it.
    pub(crate) is_clean: bool,
}

impl Running {
    /// Starts a child on these cores. `piped` gives it pipes for stdin and stdout, otherwise both
    /// are `/dev/null`.
    pub(crate) fn start(
        name: &str,
        launch: &Launch,
        cores: &Cores,
        piped: bool,
    ) -> anyhow::Result<Self> {
        let (program, arguments) = launch.command.split_first().context("an empty command")?;
        let pipe = || if piped { Stdio::piped() } else { Stdio::null() };
        let inherited = std::env::vars_os();
        let inherited = inherited.filter(|(name, _)| PASSED_ON.iter().any(|passed| name == passed));
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(inherited)
            .envs(&launch.environment)
            .stdin(pipe())
            .stdout(pipe())
            .stderr(Stdio::piped())
            .process_group(0);
        let (started, child) = pinned(cores, || (Instant::now(), command.spawn()))?;
        let child = child.map_err(|error| {
            anyhow::anyhow!("cannot start {name} ({program}): {error}; is it built?")
        })?;
        let mut running = Self {
            name: name.to_owned(),
            child,
            is_piped: piped,
            started,
            log: Arc::default(),
            ended: None,
        };
        if let Some(stderr) = running.child.stderr.take() {
            StderrLog::drain(&running.log, stderr)
                .with_context(|| format!("cannot read what {name} writes on stderr"))?;
        }
        Ok(running)
    }

    /// Waits for the ready line, or until the port of a child that prints none answers. An error
    /// says that the child has ended, that it was silent for too long, or that a signal came.
    pub(crate) fn wait_ready(
        &mut self,
        port: Option<&Port>,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Ready> {
        let look = |this: &Self| match port {
            None => this.log.ready(),
            Some(port) => port
                .answers()
                .then(|| (port.url().to_owned(), Instant::now())),
        };
        let found = interrupt.wait(limit, || match look(self) {
            None if self.has_ended() && self.log.is_closed() => Some(None),
            None => None,
            ready => Some(ready),
        });
        let name = self.name.clone();
        match (found, port) {
            (Some(Some((place, at))), _) => Ok(Ready {
                place,
                after: Some(at.duration_since(self.started)),
            }),
            (Some(None), _) => {
                let (last_lines, status) = (self.last_lines(), self.stop().status);
                bail!("{name} ended ({status}) before it was ready; its last lines:\n{last_lines}")
            }
            (None, _) if interrupt.is_set() => {
                bail!("interrupted while {name} was getting ready")
            }
            (None, None) => bail!(
                "{name} did not print a line `ready URL` (or `ready stdio`) on stderr within {limit:?}; its last lines:\n{}",
                self.last_lines()
            ),
            (None, Some(port)) => bail!(
                "nothing answered at {} within {limit:?} after the start of {name}; give it more time (ready_within_s), or \
                 mend the URL; its last lines:\n{}",
                port.url(),
                self.last_lines()
            ),
        }
    }

    /// Name of the subject or service.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> ProcessId {
        self.child.id()
    }

    /// The pipes of a child that was started with them; once.
    pub(crate) fn take_pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        Some((self.child.stdin.take()?, self.child.stdout.take()?))
    }

    /// Whether the process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.is_some() || has_ended(self.id())
    }

    /// The last lines of its stderr, each indented; a placeholder when there are none.
    pub(crate) fn last_lines(&self) -> String {
        if self.has_ended() {
            let begin = Instant::now();
            while !self.log.is_closed() && begin.elapsed() < LAST_LINES {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        self.log.last_lines()
    }

    /// Sends a signal to the child alone, and does not wait.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let name = &self.name;
        kill(pid(self.id()), signal).with_context(|| format!("cannot send {signal} to {name}"))
    }

    /// Ends the child and all of its process group, and says how it ended. A child with pipes,
    /// which must be closed by now, may end by itself; then SIGTERM, after the grace time SIGKILL.
    pub(crate) fn stop(&mut self) -> Ended {
        // Once reaped, the number may belong to another process and must not be signalled again.
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        drop(self.take_pipes());
        if self.is_piped {
            await_end(self.id(), END_BY_ITSELF);
        }
        let (is_told, killed) = end_group(self.id());
        let (status, is_clean) = match self.child.wait() {
            Ok(status) => {
                let by_sigterm = status.signal() == Some(Signal::SIGTERM as i32)
                    || status.code() == Some(ENDED_BY_SIGTERM);
                let is_clean = status.success() || (is_told && by_sigterm);
                (in_words(status), is_clean)
            }
            Err(error) => (format!("its end cannot be seen: {error}"), false),
        };
        let ended = Ended {
            status,
            killed,
            is_clean,
        };
        self.ended = Some(ended.clone());
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("signal {signal}"),
            Err(_) => format!("signal {number}"),
        },
        (None, None) => status.to_string(),
    }
}

/// The server of a subject.
#[derive(Debug)]
pub enum Server {
    /// A child of the harness.
    Ours(Running),
    /// Others have started it, and it goes on after the trial; its process, where that is known.
    Theirs(Option<ProcessId>),
}

impl Server {
    /// The process whose cost (with its descendants') can be read; none where it is not known.
    pub(crate) fn id(&self) -> Option<ProcessId> {
        match self {
            Self::Ours(running) => Some(running.id()),
            Self::Theirs(pid) => *pid,
        }
    }

    /// Whether it is known to have ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.id().is_some_and(has_ended)
    }

    /// For how long it has been running, if the harness started it.
    pub(crate) fn age(&self) -> Option<Duration> {
        match self {
            Self::Ours(running) => Some(running.started.elapsed()),
            Self::Theirs(_) => None,
        }
    }

    /// The last lines of its stderr.
    pub(crate) fn last_lines(&self) -> String {
        match self {
            Self::Ours(running) => running.last_lines(),
            Self::Theirs(_) => "  (not seen: the harness did not start it)".to_owned(),
        }
    }

    /// Ends a child, and says how it ended. A server that others have started goes on.
    pub(crate) fn stop(&mut self) -> Ended {
        match self {
            Self::Ours(running) => running.stop(),
            Self::Theirs(_) => Ended {
                status: "not ended: the harness did not start it".to_owned(),
                killed: false,
                is_clean: true,
            },
        }
    }
}

fn pid(child: ProcessId) -> Pid {
    Pid::from_raw(i32::try_from(child).unwrap_or(i32::MAX))
}

/// Whether a process has ended. A child is not reaped.
pub(crate) fn has_ended(process: ProcessId) -> bool {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    match waitid(Id::Pid(pid(process)), look) {
        Ok(WaitStatus::StillAlive) => false,
        // It is no child of the harness.
        Err(Errno::ECHILD) => !Path::new("/proc").join(process.to_string()).exists(),
        _ => true,
    }
}

/// Waits until a child has ended by itself, no longer than this.
fn await_end(child: ProcessId, limit: Duration) {
    let begin = Instant::now();
    while !has_ended(child) && begin.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ends a child that leads its process group, and all of the group: SIGTERM, after the grace time
/// SIGKILL. The child must not be reaped yet, and is there to be waited for afterwards. Says
/// whether it was sent SIGTERM, and whether that was not enough.
fn end_group(child: ProcessId) -> (bool, bool) {
    let is_told = !has_ended(child);
    if is_told {
        // The group may be gone between the look and the signal: then there is nothing to end.
        let _ = killpg(pid(child), Signal::SIGTERM);
        await_end(child, GRACE);
    }
    let is_killed = is_told && !has_ended(child);
    // Also for children of the child that it left behind.
    let _ = killpg(pid(child), Signal::SIGKILL);
    (is_told, is_killed)
}

/// Runs a command to its end, in a process group of its own: what it printed into pipes, which has
/// to be little. `None` when the limit or a signal came first, which ends it.
pub(crate) fn output(
    command: &mut Command,
    limit: Duration,
    interrupt: &Interrupt,
) -> std::io::Result<Option<Output>> {
    let mut child = command.stdin(Stdio::null()).process_group(0).spawn()?;
    let ended = interrupt.wait(limit, || has_ended(child.id()).then_some(()));
    if ended.is_none() {
        end_group(child.id());
        child.wait()?;
        return Ok(None);
    }
    child.wait_with_output().map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{END_BY_ITSELF, Ended, Running, await_end};
    use crate::config::subject::Launch;
    use crate::host::cores::Cores;
    use crate::interrupt::Interrupt;

    fn shell(script: &str) -> Running {
        let launch = Launch {
            command: ["sh", "-c", script].map(ToOwned::to_owned).to_vec(),
            environment: BTreeMap::new(),
            ready_within: Duration::from_secs(20),
        };
        let cores = Cores::usable().unwrap();
        let mut shell = Running::start("shell", &launch, &cores, false).unwrap();
        let ready = shell.wait_ready(None, launch.ready_within, &Interrupt::default());
        assert_eq!(ready.unwrap().place, "x");
        shell
    }

    fn ended_on_sigterm(code: u8) -> Ended {
        let waits = "echo ready x >&2; while :; do sleep 0.05; done";
        shell(&format!("trap 'exit {code}' TERM; {waits}")).stop()
    }

    #[test]
    fn the_end_by_sigterm_is_clean_by_the_signal_or_by_exit_code_143() {
        assert!(ended_on_sigterm(0).is_clean);
        let ended = ended_on_sigterm(143);
        assert!(ended.is_clean, "{ended:?}");
        assert!(!ended_on_sigterm(4).is_clean);
        let by_the_signal = shell("echo ready x >&2; exec sleep 600").stop();
        assert!(by_the_signal.is_clean, "{by_the_signal:?}");
        let mut unasked = shell("echo ready x >&2; exit 143");
        await_end(unasked.id(), 20 * END_BY_ITSELF);
        assert!(!unasked.stop().is_clean, "nobody has asked it to end");
    }
}
