//! `order.csv`: the trials of a run, in the order in which they are made. A run that is continued
//! goes by it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::table_file;
use super::trial::Trial;
use crate::config::FormatError;

/// A trial in the order of the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTrial {
    /// Name of the suite.
    pub suite: String,
    /// Name of the subject.
    pub subject: String,
    /// Number of the trial, from 1: the round that all subjects of the suite share.
    pub trial: u32,
    /// Number of the start of the subject, from 1.
    #[serde(default)]
    pub process: u32,
    /// Number of the slice within the process, from 1; 0 for a long trial.
    #[serde(default)]
    pub slice: u32,
}

impl PlannedTrial {
    /// The numbers of a trial that was made. Runs of older harnesses have no `process`.
    pub(crate) fn of(trial: &Trial) -> Self {
        Self {
            suite: trial.suite.clone(),
            subject: trial.subject.clone(),
            trial: trial.trial,
            process: trial.process,
            slice: trial.slice,
        }
    }
}

/// Writes the order of a run.
pub(crate) fn write(path: &Path, slots: &[PlannedTrial]) -> Result<(), FormatError> {
    table_file::write(path, slots)
}

/// Reads the order of a run.
///
/// # Errors
/// [`FormatError`] when the file cannot be read or is not of this format.
pub fn read(path: &Path) -> Result<Vec<PlannedTrial>, FormatError> {
    table_file::read(path, "order of trials")
}
