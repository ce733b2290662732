//! `levers/NAME.toml`: one experiment each, on what a switch or a size of a server is worth.
//!
//! An experiment compares variants of one server: the same program with other flags, or asked in
//! another way. What comes of it, subjects and suites like all others, is made in `expand`.

mod expand;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use expand::{Made, expand};

use super::bounds::Figure;
use super::load::LoadChange;
use super::subject::{Processes, check_name};
use super::suite::Suite;
use super::{FormatError, read_toml};

/// One experiment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its place in the table.
    pub number: u32,
    /// The lever, in a few words.
    pub title: String,
    /// What the figures teach, in a sentence.
    pub teaches: String,
    /// What others have published about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// In place of the usual load of experiments.
    #[serde(default, skip_serializing_if = "LoadChange::is_empty")]
    pub load: LoadChange,
    /// Suites that only this experiment asks; the others are those of `suites/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suite: BTreeMap<String, Suite>,
    /// What is held against what: a row of the table each.
    pub compare: Vec<Comparison>,
}

/// A published claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its id in the list of published numbers.
    pub id: String,
    /// The claim, with its figures.
    pub says: String,
}

/// Variants of one thing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Part of the names of its subjects.
    pub name: String,
    /// What is compared, for the table.
    pub what: String,
    /// The subject that all variants are made from.
    pub server: String,
    /// The suite that all variants are asked.
    pub suite: String,
    /// The figure that stands in the table.
    pub figure: Figure,
    /// The variant without the lever.
    pub off: String,
    /// The variant with it.
    pub on: String,
    /// Flags of all variants.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// In place of what the experiment says.
    #[serde(default, skip_serializing_if = "LoadChange::is_empty")]
    pub load: LoadChange,
    /// The variants, in the order of the table.
    pub variants: Vec<Variant>,
}

/// One of the things compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name in the tables, and part of the name of its subject.
    pub name: String,
    /// Made from another subject than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Asked another suite than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Flags of the server without their dashes, with their values; `true` for a flag that takes
    /// none. One that the subject has already is replaced.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// Arguments of the calls, in the place of those of the suite.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// Members of `params._meta` of the calls, besides those of the suite.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub meta: Map<String, Value>,
    /// How many processes serve the clients. Wire `stdio` only.
    #[serde(default)]
    pub processes: Processes,
    /// In place of what the comparison says.
    #[serde(default, skip_serializing_if = "LoadChange::is_empty")]
    pub load: LoadChange,
}

impl Experiment {
    /// Reads and checks one experiment.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the comparison for what makes
    /// no sense.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let lever: Self = read_toml(path)?;
        lever
            .check()
            .map_err(|message| FormatError::invalid(path, message))?;
        Ok(lever)
    }

    /// Reads all experiments of a folder, by name (the file name without `.toml`).
    ///
    /// # Errors
    /// As [`Experiment::read`], and when the folder cannot be read, holds none, or two have one number.
    pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut levers: BTreeMap<String, Self> = BTreeMap::new();
        for (name, path) in super::definitions(folder, "experiment")? {
            let lever = Self::read(&path)?;
            if let Some((other, _)) = levers.iter().find(|(_, one)| one.number == lever.number) {
                return Err(FormatError::invalid(
                    &path,
                    format!("number = {} is that of {other} already", lever.number),
                ));
            }
            levers.insert(name, lever);
        }
        Ok(levers)
    }

    fn check(&self) -> Result<(), String> {
        if self.compare.is_empty() {
            return Err("there is no [[compare]] in it".to_owned());
        }
        for (name, suite) in &self.suite {
            check_name(&format!("suite.{name}"), name)?;
            suite
                .check()
                .map_err(|message| format!("suite.{name}: {message}"))?;
        }
        for (index, one) in self.compare.iter().enumerate() {
            if self.compare[..index]
                .iter()
                .any(|other| other.name == one.name)
            {
                return Err(format!("[[compare]] \"{}\" is there twice", one.name));
            }
            one.check()
                .map_err(|message| format!("[[compare]] \"{}\": {message}", one.name))?;
        }
        Ok(())
    }
}

impl Comparison {
    fn check(&self) -> Result<(), String> {
        let names: Vec<&str> = self.variants.iter().map(|one| one.name.as_str()).collect();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                return Err(format!("the variant \"{name}\" is there twice"));
            }
        }
        for (key, wanted) in [("off", &self.off), ("on", &self.on)] {
            if !names.contains(&wanted.as_str()) {
                return Err(format!(
                    "{key} = \"{wanted}\" is no variant; there are: {}",
                    names.join(", ")
                ));
            }
        }
        let flags = self.variants.iter().flat_map(|one| &one.flags);
        for (flag, value) in flags.chain(&self.flags) {
            if !matches!(
                value,
                Value::String(_) | Value::Number(_) | Value::Bool(true)
            ) {
                return Err(format!(
                    "the flag {flag} has the value {value}; give a string, a number, or true for a flag without a value"
                ));
            }
        }
        Ok(())
    }

    /// The name of a variant's subject, and of its suite.
    #[must_use]
    pub fn subject(&self, lever: &str, variant: &str) -> String {
        format!("{lever}.{}.{variant}", self.name)
    }
}
