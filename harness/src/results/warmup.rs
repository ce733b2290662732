//! `warmups/SUITE+SUBJECT+PROCESS.csv`: the rate over time of a warm-up that went on until it
//! settled.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::table_file;
use crate::config::FormatError;

/// One step of a warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmupStep {
    /// Load up to the end of the step, in milliseconds.
    pub at_ms: u64,
    /// Right answers a second in the step.
    pub calls_per_s: u64,
}

/// Writes the steps of a warm-up.
///
/// # Errors
/// [`FormatError`] when they cannot be written.
pub fn write(path: &Path, steps: &[WarmupStep]) -> Result<(), FormatError> {
    table_file::write(path, steps)
}

/// Reads the steps of a warm-up.
///
/// # Errors
/// [`FormatError`] when the file cannot be read or is not of this format.
pub fn read(path: &Path) -> Result<Vec<WarmupStep>, FormatError> {
    table_file::read(path, "file of a warm-up")
}
