//! One server process: started, waited for until it is ready, and killed at the end whatever happens.

use std::{
    collections::HashSet,
    ffi::OsStr,
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{Subject, eventually, fixtures, log::Log};

/// A running server.
pub(crate) struct Server {
    child: Child,
    log: Log,
    ready: String,
    pub(crate) subject: Subject,
}

impl Server {
    /// Starts `subject` with `flags` beside its own, over the shared database and upstream, and
    /// waits until it is ready. Flags given here win.
    pub(crate) fn start(subject: &Subject, flags: &[&str]) -> Self {
        Self::spawn(subject, command(subject, flags))
    }

    /// Starts `command` and waits until it is ready.
    pub(crate) fn spawn(subject: &Subject, command: Command) -> Self {
        let mut server = Self::launch(subject, command);
        assert!(server.ready(), "it ended before it was ready");
        server
    }

    /// Starts `command` and does not wait.
    pub(crate) fn launch(subject: &Subject, mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let log = Log::of(child.stderr.take().unwrap());
        Self {
            child,
            log,
            ready: String::new(),
            subject: *subject,
        }
    }

    /// Waits until it is ready; false when it ends without having been.
    pub(crate) fn ready(&mut self) -> bool {
        let line = self.log.wait_for(|line| line.starts_with("ready "));
        let Some(line) = line else { return false };
        self.ready = line.trim_start_matches("ready ").into();
        true
    }

    /// Where it is, as its ready line says.
    pub(crate) fn url(&self) -> &str {
        &self.ready
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        let rest = self.ready.strip_prefix("http://").expect("it listens");
        rest.split('/').next().unwrap().parse().expect("an address")
    }

    /// The path of its endpoint.
    pub(crate) fn path(&self) -> &str {
        let rest = self.ready.strip_prefix("http://").expect("it listens");
        &rest[rest.find('/').expect("a path")..]
    }

    /// Its standard input and output, once.
    pub(crate) fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        let pipes = (self.child.stdin.take(), self.child.stdout.take());
        (pipes.0.expect("taken once"), pipes.1.expect("taken once"))
    }

    /// What it says on standard error.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `signal` and waits until it has been seen. The server must log at level debug.
    pub(crate) fn signal_seen(&self, signal: Signal) {
        self.signal(signal);
        let seen = self.log.wait_for(|line| line.contains("shutting down"));
        assert!(seen.is_some(), "it ended without a word");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Waits until the process has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().unwrap())
    }

    /// Waits until the process has ended with exit code 0.
    pub(crate) fn ended_well(&mut self) {
        assert_eq!(self.ended().code(), Some(0));
    }

    /// Open sockets that do not listen: those of connections, and a few that it has for itself. What
    /// listens is left out, for a shard's accept loop may begin after another shard has served somebody.
    pub(crate) fn connections(&self) -> usize {
        const LISTEN: &str = "0A";
        // Columns: sl, local, remote, st, queues, timer, retransmissions, uid, timeout, inode. Listeners
        // come first; further down a table that changes while it is read may lack an entry.
        let sockets = std::fs::read_to_string(format!("/proc/{}/net/tcp", self.pid())).unwrap();
        let listening: HashSet<_> = sockets
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|columns| columns.get(3) == Some(&LISTEN))
            .filter_map(|columns| Some(format!("socket:[{}]", columns.get(9)?)))
            .collect();
        std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .filter_map(|descriptor| std::fs::read_link(descriptor.unwrap().path()).ok())
            .filter_map(|target| target.into_os_string().into_string().ok())
            .filter(|target| target.starts_with("socket:") && !listening.contains(target))
            .count()
    }

    /// How many of its threads have a name that starts with `name`.
    pub(crate) fn threads(&self, name: &str) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid()))
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
            .filter(|comm| comm.starts_with(name))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error here says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- standard error of {}:", self.subject.name);
            for line in self.log.lines() {
                eprintln!("   {line}");
            }
        }
    }
}

/// The command line of `subject` with `flags`, over the shared database and upstream.
pub(crate) fn command(subject: &Subject, flags: &[&str]) -> Command {
    let mut command = bare(subject.binary);
    command.args(subject.flags).args(flags);
    for (flag, value) in [
        ("--database-url", fixtures::database_url()),
        ("--upstream-url", fixtures::upstream_url()),
    ] {
        if !flags.contains(&flag) {
            command.args([flag, value]);
        }
    }
    // How it is told that a signal has been seen.
    command.env("MCP_LOG", "info,rmcp=warn,server=debug");
    command
}

/// `binary` without flags, untouched by the environment of whoever runs the tests.
pub(crate) fn bare(binary: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MCP_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CACHE_HOME", fixtures::folder());
    command
}
