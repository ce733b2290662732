//! A server's process: started, waited for until it is ready, and killed at the end in any case.

mod log;

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

pub use self::log::Log;
use crate::eventually;

/// A running server.
pub struct Process {
    child: Child,
    log: Log,
    ready: String,
    program: String,
}

impl Process {
    /// Starts `command` and waits until it is ready.
    #[must_use]
    pub fn start(command: Command) -> Self {
        let mut process = Self::launch(command);
        assert!(process.ready(), "it ended before it was ready");
        process
    }

    /// Starts `command` and does not wait.
    #[must_use]
    pub fn launch(mut command: Command) -> Self {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            log: Log::of(child.stderr.take().unwrap()),
            child,
            ready: String::new(),
            program: command.get_program().to_string_lossy().into_owned(),
        }
    }

    /// Waits for its ready line; false when it ends without one.
    pub fn ready(&mut self) -> bool {
        let line = self.log.wait_for(|line| line.starts_with("ready "));
        let Some(line) = line else { return false };
        self.ready = line.trim_start_matches("ready ").into();
        true
    }

    /// The URL in its ready line.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.ready
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let (address, _) = self.place();
        address.parse().expect("an address")
    }

    /// The path of its endpoint.
    #[must_use]
    pub fn path(&self) -> &str {
        self.place().1
    }

    fn place(&self) -> (&str, &str) {
        let (_, rest) = self.ready.split_once("://").expect("it listens");
        rest.split_at(rest.find('/').expect("a path"))
    }

    /// Its standard input and output, once.
    pub fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        let pipes = (self.child.stdin.take(), self.child.stdout.take());
        (pipes.0.expect("taken once"), pipes.1.expect("taken once"))
    }

    /// Its standard error.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Sends `signal`.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
    }

    /// Sends `signal` and waits for a line of the log with `words` in it.
    pub fn signal_seen(&self, signal: Signal, words: &str) {
        self.signal(signal);
        let seen = self.log.wait_for(|line| line.contains(words));
        assert!(seen.is_some(), "it ended without saying {words:?}");
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the process ends", || self.child.try_wait().unwrap())
    }

    /// Waits until it has ended with exit code 0.
    pub fn ended_well(&mut self) {
        assert_eq!(self.ended().code(), Some(0));
    }

    /// How many descriptors it has open.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.entries("fd").len()
    }

    /// How much of its memory is resident, in KiB.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// How much of its memory was resident at most, in KiB.
    #[must_use]
    pub fn rss_peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// How long its threads have computed, those of the kernel in its name included.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        /// A tick of these counters (proc(5), `USER_HZ`).
        const TICK: Duration = Duration::from_millis(10);
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        // The name in the second column may have spaces.
        let (_, columns) = stat.rsplit_once(") ").unwrap();
        let columns: Vec<_> = columns.split(' ').collect();
        let ticks = [columns[11], columns[12]].map(|ticks| ticks.parse::<u32>().unwrap());
        TICK * ticks.into_iter().sum::<u32>()
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let value = value.unwrap().trim_end_matches("kB").trim();
        value.parse().unwrap()
    }

    /// Open sockets that do not listen: those of connections, and a few that it has for itself.
    /// A listener is left out, because a shard's accept loop may begin after another shard has
    /// served a client.
    #[must_use]
    pub fn connections(&self) -> usize {
        const LISTEN: &str = "0A";
        // Columns: sl, local, remote, st, queues, timer, retransmissions, uid, timeout, inode.
        // Listeners come first; further down a table that changes while it is read may lack an
        // entry.
        let sockets = fs::read_to_string(self.proc("net/tcp")).unwrap();
        let listening: HashSet<_> = sockets
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|columns| columns.get(3) == Some(&LISTEN))
            .filter_map(|columns| Some(format!("socket:[{}]", columns.get(9)?)))
            .collect();
        let targets = self.entries("fd").into_iter();
        let targets = targets.filter_map(|path| fs::read_link(path).ok());
        targets
            .filter_map(|target| target.into_os_string().into_string().ok())
            .filter(|target| target.starts_with("socket:") && !listening.contains(target))
            .count()
    }

    /// How many of its threads have a name that starts with `name`.
    #[must_use]
    pub fn threads(&self, name: &str) -> usize {
        let names = self.entries("task").into_iter();
        names
            .filter_map(|task| fs::read_to_string(task.join("comm")).ok())
            .filter(|comm| comm.starts_with(name))
            .count()
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    fn entries(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.proc(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error here means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- standard error of {}:", self.program);
            for line in self.log.lines() {
                eprintln!("   {line}");
            }
        }
    }
}

/// `program` without flags, untouched by the environment of the person who runs the tests: no
/// `MCP_*` variable, and a cache folder of this test run.
#[must_use]
pub fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MCP_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CACHE_HOME", crate::folder());
    command
}
