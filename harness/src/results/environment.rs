//! `environment.json`: on what, with what, and how a run was made, and whether it came to its end.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::write_atomically;
use crate::config::capacity::CapacityBound;
use crate::config::{FormatError, read_text};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Under way; or the harness was killed and could not say so.
    Running,
    /// It came to its end. Trials of a subject that could not be started are `skipped`.
    Complete,
    /// Ended early by a signal.
    Interrupted,
    /// Ended early by an error of the harness or its environment.
    Failed,
}

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// How far the run has come.
    pub state: State,
    /// Why it failed, when it did.
    pub failure: String,
    /// Trials that the run was to make.
    pub trials_planned: u64,
    /// Trials that it made.
    pub trials_done: u64,
    /// Begin, RFC 3339 in UTC.
    pub started: String,
    /// End, RFC 3339 in UTC; empty while it runs.
    pub ended: String,
    /// When the run was continued after it had been cut short, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<String>,
    /// The command line.
    pub command: Vec<String>,
    /// The database of the subjects that use one, without its password.
    #[serde(default)]
    pub database_url: String,
    /// The store of the subjects that use one, without its password.
    #[serde(default)]
    pub store_url: String,
    /// Version of the harness.
    pub harness_version: String,
    /// The bound of a search for capacity, where the run was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityBound>,
    /// Seed of the order of the subjects.
    pub seed: u64,
    /// Subjects, in the order of their names.
    pub subjects: Vec<String>,
    /// Suites, in the order of the run.
    pub suites: Vec<String>,
    /// Cores of the servers.
    pub server_cores: Vec<usize>,
    /// Cores of the load thread and the services.
    pub load_cores: Vec<usize>,
    /// Cores in the suites that say how many cores the server has, by that number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wider: BTreeMap<usize, SharedOut>,
    /// What the servers alone were limited to; absent when they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_limits: Option<ServerLimits>,
    /// Profile that the programs were built with.
    pub profile: String,
    /// Whether this run built the programs; otherwise they were taken as they were.
    #[serde(default)]
    pub built: bool,
    /// Variables that change what cargo builds, as far as they were set.
    #[serde(default)]
    pub build_variables: BTreeMap<String, String>,
    /// The machine.
    pub machine: Machine,
    /// The sources.
    pub source: Source,
    /// Programs by subject or service name, and the harness itself as `mcp-harness`.
    pub programs: BTreeMap<String, Program>,
}

/// The machine. Empty strings and absent numbers where the system does not say.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Machine {
    /// Host name.
    pub host: String,
    /// Processor model.
    pub cpu_model: String,
    /// Cores that this process may use.
    pub cores_usable: usize,
    /// Kernel name, release and version.
    pub kernel: String,
    /// Operating system.
    pub os: String,
    /// Frequency governor of the first core.
    pub governor: String,
    /// Whether the processor may boost its frequency.
    pub boost: Option<bool>,
    /// Clock source of the kernel.
    pub clock_source: String,
    /// Whether the kernel measures the time of interrupts apart from that of processes
    /// (`CONFIG_IRQ_TIME_ACCOUNTING`).
    #[serde(default)]
    pub irq_time_accounting: Option<bool>,
    /// Memory of the machine.
    pub memory_bytes: u64,
    /// Load average over one minute at the start, in thousandths.
    pub load_average_milli: u64,
    /// Processor quota of the control group in thousandths of a core; absent without one.
    pub cgroup_cpu_milli: Option<u64>,
    /// Memory limit of the control group; absent without one.
    pub cgroup_memory_bytes: Option<u64>,
    /// Most open files of a process.
    pub open_files: u64,
}

/// Who had which cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SharedOut {
    /// Cores of the servers.
    pub server_cores: Vec<usize>,
    /// Cores of the load threads.
    pub load_cores: Vec<usize>,
}

/// Limits of the servers alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServerLimits {
    /// Processor quota, in thousandths of a core; absent without one.
    pub cpu_milli: Option<u64>,
    /// Memory, in bytes; absent without a limit.
    pub memory_bytes: Option<u64>,
    /// What held the servers to it.
    pub by: String,
}

/// The sources that the programs were built from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Source {
    /// Commit, 12 digits; empty outside of a repository.
    pub commit: String,
    /// Whether there were changes that the commit does not hold.
    pub dirty: bool,
    /// Version of the compiler that is installed.
    pub rustc: String,
}

/// A program that was run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Program {
    /// Its file.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Environment {
    /// Reads the file.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be read or is not of this format.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        serde_json::from_str(&read_text(path)?).map_err(|error| FormatError::Parse {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            message: error.to_string(),
        })
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// [`FormatError`] when it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| {
            FormatError::invalid(path, format!("cannot be written as JSON: {error}"))
        })?;
        text.push(b'\n');
        write_atomically(path, &text)
    }
}
