//! `samples/SUITE+SUBJECT+TRIAL.csv`: usage of server and client ten times a second, and of
//! services once a second, in the window of a trial.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::table_file;
use crate::config::FormatError;

/// Whose the figures of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// All processes of the server together, with their descendants.
    Server,
    /// All services and backends together, with their children.
    Services,
    /// The harness itself.
    Client,
}

/// A row. CPU times and context switches are counted from the start of the processes, so that the
/// difference of two rows is what happened between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Since the window opened, in milliseconds.
    pub at_ms: u64,
    /// Whose.
    pub who: Who,
    /// CPU time in user mode, in milliseconds (of a server and services ticks of 10 ms).
    pub cpu_user_ms: u64,
    /// CPU time in the kernel, in milliseconds.
    pub cpu_system_ms: u64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_files: u64,
    /// How often threads gave up their core to wait for something.
    pub context_switches_voluntary: u64,
    /// How often threads lost their core to others.
    pub context_switches_involuntary: u64,
}

/// Writes the samples of a trial.
pub(crate) fn write(path: &Path, samples: &[Sample]) -> Result<(), FormatError> {
    table_file::write(path, samples)
}

/// Reads the samples of a trial.
///
/// # Errors
/// [`FormatError`] when the file cannot be read or is not of this format.
pub fn read(path: &Path) -> Result<Vec<Sample>, FormatError> {
    table_file::read(path, "file of samples")
}
