//! Files of rows, as CSV with a header, that are written and read as a whole.

use std::path::Path;

use serde::{Serialize, de::DeserializeOwned};

use super::write_atomically;
use crate::config::{FormatError, read_text};

/// Writes the rows of a file.
pub(super) fn write<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), FormatError> {
    let encode = || -> Result<Vec<u8>, String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in rows {
            writer.serialize(row).map_err(|error| error.to_string())?;
        }
        writer.into_inner().map_err(|error| error.to_string())
    };
    let text = encode().map_err(|message| {
        FormatError::invalid(path, format!("cannot be written as CSV: {message}"))
    })?;
    write_atomically(path, &text)
}

/// Reads the rows of a file, which is called this where it is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path, called: &str) -> Result<Vec<T>, FormatError> {
    let text = read_text(path)?;
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>()
        .map_err(|error| FormatError::invalid(path, format!("is no {called}: {error}")))
}
