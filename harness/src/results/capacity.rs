//! `capacities.csv`: what the search for the capacity of each subject confirmed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::table_file;
use crate::config::FormatError;
use crate::config::capacity::Miss;

/// The result of one search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FoundCapacity {
    /// Name of the suite.
    pub(crate) suite: String,
    /// Name of the subject.
    pub(crate) subject: String,
    /// The highest rate that was confirmed, in thousandths of a call a second; absent when none
    /// was.
    pub(crate) rate_per_s_milli: Option<u64>,
    /// Trials at that rate.
    pub(crate) trials: u32,
    /// Those of them that held.
    pub(crate) trials_held: u32,
    /// The lowest rate that was missed again and again; absent when none was.
    pub(crate) missed_rate_per_s_milli: Option<u64>,
    /// Why that rate was missed.
    pub(crate) missed: Option<Miss>,
    /// Trials of the whole search.
    pub(crate) probes: u32,
    /// Those of them that said nothing about the server.
    pub(crate) probes_void: u32,
}

/// Writes what searches have found.
pub(crate) fn write(path: &Path, found: &[FoundCapacity]) -> Result<(), FormatError> {
    table_file::write(path, found)
}

/// Reads what searches have found; nothing where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Vec<FoundCapacity>, FormatError> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    table_file::read(path, "table of capacities")
}
