//! `experiments/NAME.toml`: one experiment each, on what a flag, a size or a layer of a server
//! costs or gains.
//!
//! An experiment is a list of comparisons. A comparison is between variants that it makes of one
//! server, or between subjects as they are, and may have bounds. `matrix::experiments` makes the
//! subjects and suites.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::load::Load;
use super::published::Claims;
use super::subject::{Processes, is_default};
use super::suite::Suite;
use super::{FormatError, check_name, read_toml, repeated};
use crate::analysis::metric::Metric;

/// One experiment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its place in the table.
    pub number: u32,
    /// What it is about, in a few words.
    pub title: String,
    /// What the figures teach, in a sentence.
    pub teaches: String,
    /// What others have published about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// Made only when it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_request: bool,
    /// The suites of comparisons without variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// In place of the usual load of experiments.
    #[serde(default, skip_serializing_if = "Load::is_empty")]
    pub load: Load,
    /// Suites of this experiment alone; the others are those of `suites/`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suite: BTreeMap<String, Suite>,
    /// The rows of the table.
    pub compare: Vec<Comparison>,
}

/// A published claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Its id in the list of published numbers.
    pub id: String,
    /// The claim, with its figures. Empty where it is quoted by id alone, until
    /// [`Experiment::quote`].
    #[serde(default)]
    pub says: String,
}

/// Two variants, or two subjects as they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Part of the names of its subjects.
    pub name: String,
    /// What is compared, for the table.
    pub what: String,
    /// The figure that stands in the table.
    pub figure: Metric,
    /// The variant or subject that the figure of the other one is divided by. Without it the figure
    /// itself has bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The variant or subject whose figure it is.
    pub with: String,
    /// The most that the ratio, or the figure, may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The subject that all variants are made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The suite of all variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Flags of all variants.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// The variants, in the order of the table. Without any, subjects are compared as they are, in
    /// each of [`Experiment::suites`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// One of the variants of a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its name in the tables, and part of the name of its subject.
    pub name: String,
    /// Made from another subject than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// With another suite than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Flags of the server without their dashes, with their values; `true` for a flag that takes
    /// none. One that the subject has already is replaced.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub flags: Map<String, Value>,
    /// Arguments of the calls, in the place of those of the suite.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub arguments: Map<String, Value>,
    /// How many processes serve the clients. Wire `stdio` only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub processes: Processes,
    /// In place of what the experiment says.
    #[serde(default, skip_serializing_if = "Load::is_empty")]
    pub load: Load,
}

impl Experiment {
    /// Reads and checks one experiment.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the comparison for what makes
    /// no sense.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let experiment: Self = read_toml(path)?;
        (experiment.check()).map_err(|message| FormatError::invalid(path, message))?;
        Ok(experiment)
    }

    /// Reads all experiments of a folder, by name (the file name without `.toml`).
    ///
    /// # Errors
    /// As [`Experiment::read`], and when the folder cannot be read, holds none, or two have one
    /// number.
    pub fn read_folder(folder: &Path) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        for (name, path) in super::definitions(folder, "experiment")? {
            let read = Self::read(&path)?;
            if let Some((other, _)) = all.iter().find(|(_, one)| one.number == read.number) {
                return Err(FormatError::invalid(
                    &path,
                    format!("number = {} is that of {other} already", read.number),
                ));
            }
            all.insert(name, read);
        }
        Ok(all)
    }

    /// How hard an experiment asks where it does not say itself: clients enough to queue, times
    /// long enough for a median.
    pub(super) fn usual_load() -> Load {
        let mut load = Load::defaults();
        load.apply(&Load {
            clients: Some(8),
            warmup_s: Some(0.3),
            duration_s: Some(1.5),
            trials: Some(3),
            ..Load::default()
        });
        load
    }

    /// The subjects that comparisons without variants name.
    #[must_use]
    pub fn plain_subjects(&self) -> BTreeSet<&str> {
        (self.compare.iter().filter(|one| one.variants.is_empty()))
            .flat_map(|one| one.base.as_deref().into_iter().chain([one.with.as_str()]))
            .collect()
    }

    /// The name that a suite of comparisons without variants has in a run.
    pub(crate) fn plain_suite(experiment: &str, suite: &str) -> String {
        format!("{experiment}.{suite}")
    }

    /// Suites and subjects of a run that hold the figures of one side of a comparison: one pair for
    /// a variant, and one for each suite otherwise.
    pub(crate) fn places(
        &self,
        experiment: &str,
        comparison: &Comparison,
        side: &str,
    ) -> Vec<(String, String)> {
        if !comparison.variants.is_empty() {
            let member = comparison.member(experiment, side);
            return vec![(member.clone(), member)];
        }
        let place = |suite: &String| (Self::plain_suite(experiment, suite), side.to_owned());
        self.suites.iter().map(place).collect()
    }

    /// The experiment with these settings in the place of those of all its variants.
    pub(super) fn with_load(&self, over: &Load) -> Self {
        let mut experiment = self.clone();
        experiment.load.apply(over);
        let variants = (experiment.compare.iter_mut()).flat_map(|one| &mut one.variants);
        variants.for_each(|variant| {
            if !variant.load.is_empty() {
                variant.load.apply(over);
            }
        });
        experiment
    }

    /// Adds its comparisons to the experiment of this name among those that are to be made. A
    /// comparison that is there already stays as it is, and so do the settings around it.
    pub(super) fn merge_into(mut self, name: &str, all: &mut BTreeMap<String, Self>) {
        let comparisons = std::mem::take(&mut self.compare);
        self.on_request = false;
        let kept = all.entry(name.to_owned()).or_insert(self);
        for comparison in comparisons {
            if !kept.compare.iter().any(|one| one.name == comparison.name) {
                kept.compare.push(comparison);
            }
        }
    }

    /// Puts the texts of claims beside the ids of those that are quoted by id alone.
    ///
    /// # Errors
    /// A sentence with the id when there is no such claim.
    pub fn quote(&mut self, claims: &Claims) -> Result<(), String> {
        for published in self.published.iter_mut().filter(|one| one.says.is_empty()) {
            published.says = claims.quote(&published.id)?;
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.compare.is_empty() {
            return Err("there is no [[compare]] in it".to_owned());
        }
        for (name, suite) in &self.suite {
            check_name(&format!("suite.{name}"), name)?;
            (suite.check()).map_err(|message| format!("suite.{name}: {message}"))?;
        }
        let has_plain = !self.plain_subjects().is_empty();
        if has_plain == self.suites.is_empty() {
            return Err(
                "suites = [...] names the suites of comparisons without variants: give both or neither"
                    .to_owned(),
            );
        }
        if let Some(twice) = repeated(self.compare.iter().map(|one| &one.name)) {
            return Err(format!("[[compare]] \"{twice}\" is there twice"));
        }
        for one in &self.compare {
            one.check()
                .map_err(|message| format!("[[compare]] \"{}\": {message}", one.name))?;
        }
        Ok(())
    }
}

impl Comparison {
    /// The name of a variant's subject, and of its suite.
    pub(crate) fn member(&self, experiment: &str, variant: &str) -> String {
        format!("{experiment}.{}.{variant}", self.name)
    }

    /// The suite of a variant, by its name in the definition.
    pub(crate) fn suite_of<'a>(&'a self, variant: &'a Variant) -> Option<&'a String> {
        variant.suite.as_ref().or(self.suite.as_ref())
    }

    /// The suite of the variant whose figure it is.
    pub(crate) fn suite_of_with(&self) -> Option<&String> {
        let mut variants = self.variants.iter();
        let variant = variants.find(|one| one.name == self.with)?;
        self.suite_of(variant)
    }

    /// Whether it has a bound.
    pub(crate) const fn has_bounds(&self) -> bool {
        self.at_most.is_some() || self.at_least.is_some()
    }

    /// Whether a ratio, or a figure, is within the bounds.
    pub(crate) fn allows(&self, value: f64) -> bool {
        self.at_most.is_none_or(|most| value <= most)
            && self.at_least.is_none_or(|least| value >= least)
    }

    fn check(&self) -> Result<(), String> {
        let mut bounds = self.at_most.into_iter().chain(self.at_least);
        if let Some(bad) = bounds.find(|bound| !(bound.is_finite() && *bound > 0.0)) {
            return Err(format!("the bound {bad} is not a number above 0"));
        }
        if self.base.is_none() && !self.has_bounds() {
            return Err("has no base to compare with, and neither at_most nor at_least".to_owned());
        }
        let is_plain = self.variants.is_empty();
        if is_plain && (self.server.is_some() || self.suite.is_some() || !self.flags.is_empty()) {
            return Err("server, suite and flags need variants".to_owned());
        }
        let names = || self.variants.iter().map(|one| &one.name);
        if let Some(twice) = repeated(names()) {
            return Err(format!("the variant \"{twice}\" is there twice"));
        }
        for (key, wanted) in [("base", self.base.as_ref()), ("with", Some(&self.with))] {
            if let Some(wanted) = wanted
                && !is_plain
                && !names().any(|name| name == wanted)
            {
                return Err(format!(
                    "{key} = \"{wanted}\" is no variant; there are: {}",
                    names().cloned().collect::<Vec<_>>().join(", ")
                ));
            }
        }
        let mut flags = self
            .variants
            .iter()
            .flat_map(|one| &one.flags)
            .chain(&self.flags);
        let is_usable = |value: &Value| {
            matches!(
                value,
                Value::String(_) | Value::Number(_) | Value::Bool(true)
            )
        };
        if let Some((flag, value)) = flags.find(|(_, value)| !is_usable(value)) {
            return Err(format!(
                "the flag {flag} has the value {value}; give a string, a number, or true for a flag without a value"
            ));
        }
        Ok(())
    }
}
