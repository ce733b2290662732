//! A file of marks: what the figures of some subjects have to be, alone or against those of others.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::suite::Load;
use super::{FormatError, read_toml};
pub use crate::analysis::metric::Metric as Figure;

/// The whole file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The suites that every mark is held against.
    pub suites: Vec<String>,
    /// How hard they ask here, in place of what they say themselves.
    #[serde(default)]
    pub load: Load,
    /// The marks, in the order of the table.
    pub mark: Vec<Bound>,
}

/// One mark.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "Mark"))]
pub struct Bound {
    /// What is held against what, for the table.
    pub name: String,
    /// The figure.
    pub figure: Figure,
    /// The subject whose figure it is.
    pub of: String,
    /// The subject whose figure it is divided by. Without one the figure itself is the mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

impl Bounds {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the mark for what makes no
    /// sense.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let marks: Self = read_toml(path)?;
        marks
            .check()
            .map_err(|message| FormatError::invalid(path, message))?;
        Ok(marks)
    }

    fn check(&self) -> Result<(), String> {
        if self.suites.is_empty() || self.mark.is_empty() {
            return Err("there is no suite or no [[mark]] in it".to_owned());
        }
        for mark in &self.mark {
            let bounds = [mark.at_most, mark.at_least];
            let mut known = bounds.into_iter().flatten().peekable();
            if known.peek().is_none() {
                return Err(format!(
                    "the mark \"{}\" has neither at_most nor at_least",
                    mark.name
                ));
            }
            if let Some(bad) = known.find(|bound| !(bound.is_finite() && *bound > 0.0)) {
                return Err(format!(
                    "the mark \"{}\" has the bound {bad}, which no figure can be held to",
                    mark.name
                ));
            }
        }
        self.load.check()
    }

    /// The subjects that the marks name.
    #[must_use]
    pub fn subjects(&self) -> BTreeSet<&str> {
        let of = self.mark.iter().map(|mark| mark.of.as_str());
        of.chain(self.mark.iter().filter_map(|mark| mark.against.as_deref()))
            .collect()
    }
}

impl Bound {
    /// Whether a value is within the bounds.
    #[must_use]
    pub fn allows(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most)
            && self.at_least.is_none_or(|least| value >= least)
    }
}
