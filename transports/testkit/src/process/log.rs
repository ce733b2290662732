//! A process's standard error.

use std::{
    io::{BufRead, BufReader},
    process::ChildStderr,
    sync::{Arc, Condvar, Mutex},
};

use crate::PATIENCE;

/// The lines so far, and whether there can be more.
#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

/// The standard error of a process. A thread reads it as it comes.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Written>, Condvar)>);

impl Log {
    /// Reads `stderr` until it ends.
    pub(super) fn of(stderr: ChildStderr) -> Self {
        let log = Self::default();
        let filled = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                filled.change(|written| written.lines.push(line));
            }
            filled.change(|written| written.ended = true);
        });
        log
    }

    /// Waits for a line that `fits`; `None` when the process ended without one.
    pub fn wait_for(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let find = |written: &Written| written.lines.iter().find(|line| fits(line)).cloned();
        let mut found = None;
        self.wait(|written| {
            found = find(written);
            found.is_some() || written.ended
        });
        found
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.0.lock().unwrap().lines.clone()
    }

    /// All lines, once the process has ended.
    #[must_use]
    pub fn whole(&self) -> Vec<String> {
        self.wait(|written| written.ended);
        self.lines()
    }

    fn wait(&self, mut is_enough: impl FnMut(&Written) -> bool) {
        let (written, changed) = &*self.0;
        let (written, timeout) = changed
            .wait_timeout_while(written.lock().unwrap(), PATIENCE, |written| {
                !is_enough(written)
            })
            .unwrap();
        // A panic with the lock in hand would have all other users panic, also in their destructors.
        let in_vain = timeout.timed_out().then(|| written.lines.clone());
        drop(written);
        if let Some(lines) = in_vain {
            panic!("waited in vain for a line after {lines:?}");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Written)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}
