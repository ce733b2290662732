//! `order.csv`: the trials of a run, in the order in which they are made. A run that is continued goes by it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{FormatError, read_text, write_atomically};

/// A trial in the order of the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Name of the suite.
    pub suite: String,
    /// Name of the subject.
    pub subject: String,
    /// Number of the trial, from 1.
    pub trial: u32,
}

/// Writes the order of a run.
///
/// # Errors
/// [`FormatError`] when it cannot be written.
pub fn write(path: &Path, slots: &[Slot]) -> Result<(), FormatError> {
    let encode = || -> Result<Vec<u8>, String> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        for slot in slots {
            rows.serialize(slot).map_err(|error| error.to_string())?;
        }
        rows.into_inner().map_err(|error| error.to_string())
    };
    let text = encode().map_err(|message| {
        FormatError::invalid(path, format!("cannot be written as CSV: {message}"))
    })?;
    write_atomically(path, &text)
}

/// Reads the order of a run.
///
/// # Errors
/// [`FormatError`] when the file cannot be read or is not of this format.
pub fn read(path: &Path) -> Result<Vec<Slot>, FormatError> {
    let text = read_text(path)?;
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>()
        .map_err(|error| FormatError::invalid(path, format!("is no order of trials: {error}")))
}
