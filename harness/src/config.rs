//! The definitions on disk: subjects, suites with their load, and experiments.
//!
//! Nothing in this module starts a process, opens a socket or looks at a clock.

pub mod capacity;
pub mod chaos;
pub mod expect;
pub mod experiment;
pub mod lesson;
pub mod load;
pub mod matrix;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub mod published;
pub mod replay;
pub mod scenario;
pub mod step;
pub mod subject;
pub mod suite;
pub mod template;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a file of definitions or results cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not what this format allows: a syntax error, an unknown key, a value of the
    /// wrong type.
    #[error("{path}:{line}:{column}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
        /// What is wrong, and which keys are known.
        message: String,
    },
    /// The text is well formed but does not make sense.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with which value, and what would be right.
        message: String,
    },
}

impl FormatError {
    /// A file that can be read and makes no sense.
    pub(crate) fn invalid(path: &Path, message: impl Into<String>) -> Self {
        Self::Invalid {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// Reads a file as text.
pub(crate) fn read_text(path: &Path) -> Result<String, FormatError> {
    std::fs::read_to_string(path).map_err(|source| FormatError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Reads a TOML file into a definition. Unknown keys are errors with their place.
pub(crate) fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, FormatError> {
    parse_toml(path, &read_text(path)?)
}

/// Parses the text of a TOML file. JSON, which calls are made of, has no `nan` and no `inf`.
fn parse_toml<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, FormatError> {
    let parsed = toml::from_str(text).and_then(|read| {
        let values: toml::Table = toml::from_str(text)?;
        Ok((read, values.values().all(is_finite)))
    });
    let (read, is_finite) = parsed.map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        FormatError::Parse {
            path: path.to_owned(),
            line,
            column,
            message: error.message().to_owned(),
        }
    })?;
    if !is_finite {
        return Err(FormatError::invalid(path, "nan and inf are no values here"));
    }
    Ok(read)
}

/// Whether all numbers in a value are finite.
fn is_finite(value: &toml::Value) -> bool {
    match value {
        toml::Value::Float(number) => number.is_finite(),
        toml::Value::Array(values) => values.iter().all(is_finite),
        toml::Value::Table(values) => values.values().all(is_finite),
        _ => true,
    }
}

/// Names become file names and table cells: letters, digits, `-`, `_` and `.` only.
fn check_name(at: &str, name: &str) -> Result<(), String> {
    let right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && !name.starts_with('.') && name.len() <= 64 && name.chars().all(right) {
        return Ok(());
    }
    Err(format!(
        "[{at}] is not a usable name: 1 to 64 letters, digits, '-', '_' or '.', and no '.' in front"
    ))
}

/// The first name that is there twice.
fn repeated<'n>(mut names: impl Iterator<Item = &'n String>) -> Option<&'n String> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}

/// The definitions of a folder, one file `NAME.toml` each: their names and paths. A folder without
/// any is an error.
fn definitions(folder: &Path, noun: &str) -> Result<Vec<(String, PathBuf)>, FormatError> {
    let failed = |source| FormatError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default();
        let name = stem.to_string_lossy().into_owned();
        check_name(&name, &name).map_err(|message| FormatError::invalid(&path, message))?;
        found.push((name, path));
    }
    if found.is_empty() {
        let text = format!("there is no {noun} (a file NAME.toml) in it");
        return Err(FormatError::invalid(folder, text));
    }
    found.sort();
    Ok(found)
}

/// Line and column (both from 1, columns in characters) of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    (line, column)
}
