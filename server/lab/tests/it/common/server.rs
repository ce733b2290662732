//! One process of a subject, over the database and the upstream that all share.

use std::{
    ops::{Deref, DerefMut},
    process::Command,
};

use nix::sys::signal::Signal;
use testkit::process::{Process, bare};

use super::{Subject, fixtures};

/// A running server.
pub(crate) struct Server {
    process: Process,
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
        Self {
            process: Process::start(command),
            subject: *subject,
        }
    }

    /// Starts `command` and does not wait.
    pub(crate) fn launch(subject: &Subject, command: Command) -> Self {
        Self {
            process: Process::launch(command),
            subject: *subject,
        }
    }

    /// Sends `signal` and waits until the server has seen it. The server must log at level debug.
    pub(crate) fn signal_seen(&self, signal: Signal) {
        self.process.signal_seen(signal, "shutting down");
    }
}

impl Deref for Server {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The command line of `subject` with `flags`, over the shared database and upstream.
pub(crate) fn command(subject: &Subject, flags: &[&str]) -> Command {
    let mut command = bare(subject.binary);
    command.args(subject.flags).args(flags);
    if subject.tools.are_the_labs {
        for (flag, value) in [
            ("--database-url", fixtures::database_url()),
            ("--upstream-url", fixtures::upstream_url()),
        ] {
            if !flags.contains(&flag) {
                command.args([flag, value]);
            }
        }
    }
    // At this level the server logs a signal that it has seen.
    command.env("MCP_LOG", "info,rmcp=warn,server=debug");
    command
}
