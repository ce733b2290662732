//! What a server says on standard error.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::{Arc, Condvar, Mutex},
};

use super::PATIENCE;

/// The lines so far, and whether there can be more.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
    ended: bool,
}

/// A server's standard error, read by a thread as it comes.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Said>, Condvar)>);

impl Log {
    /// Reads `stderr` until it ends.
    pub(crate) fn of(stderr: ChildStderr) -> Self {
        let log = Self::default();
        let filled = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                filled.change(|said| said.lines.push(line));
            }
            filled.change(|said| said.ended = true);
        });
        log
    }

    /// Waits for a line that `fits`; `None` when the server ended without one.
    pub(crate) fn wait_for(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let (said, changed) = &*self.0;
        let find = |said: &Said| said.lines.iter().find(|line| fits(line)).cloned();
        let (said, timeout) = changed
            .wait_timeout_while(said.lock().unwrap(), PATIENCE, |said| {
                find(said).is_none() && !said.ended
            })
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "waited in vain for a line after {:?}",
            said.lines
        );
        find(&said)
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// All lines, once the server has ended.
    pub(crate) fn whole(&self) -> Vec<String> {
        let (said, changed) = &*self.0;
        let (said, timeout) = changed
            .wait_timeout_while(said.lock().unwrap(), PATIENCE, |said| !said.ended)
            .unwrap();
        assert!(!timeout.timed_out(), "standard error did not end");
        said.lines.clone()
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}
