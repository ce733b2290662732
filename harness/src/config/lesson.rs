//! `lessons/NAME.toml`: one lesson of `docs/lessons` each, with what it measures.
//!
//! A lesson names published claims by their ids and comparisons of experiments and replays by their
//! names. It never copies them. Comparisons that only it needs are an experiment of its own, in the
//! same format.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::experiment::{Comparison, Experiment};
use super::load::Load;
use super::published::Claims;
use super::replay::{Plan, Replay, Replayed, members};
use super::{FormatError, read_toml, repeated};
use crate::analysis::metric::Metric;

/// One file: a question and what answers it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Its place in the course.
    pub number: u32,
    /// What it is about, in a few words.
    pub title: String,
    /// The question.
    pub question: String,
    /// Ids of the published claims about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// What is said about it without a published number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub often_said: Option<String>,
    /// What the reader predicts before the measurement.
    pub predict: String,
    /// Put in the place of all loads of the comparisons in [`Lesson::show`].
    #[serde(default, skip_serializing_if = "Load::is_empty")]
    pub load: Load,
    /// Comparisons of experiments and replays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<Show>,
    /// What is measured for this lesson alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
}

/// A comparison of an experiment or a replay, as a lesson shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The comparison, written EXPERIMENT.COMPARISON; a replay's experiment has the replay's name.
    pub comparison: String,
    /// In the place of the comparison's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// In the place of the comparison's figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Metric>,
    /// Only these of its variants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// In the place of its base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// In the place of its `with`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// What lessons refer to.
#[derive(Debug, Clone)]
pub struct Material {
    /// The published claims.
    pub claims: Claims,
    /// The experiments, by name.
    pub experiments: BTreeMap<String, Experiment>,
    /// The replays, by name.
    pub replays: BTreeMap<String, Replay>,
}

impl Material {
    /// All experiments with their names: those of replays have the name of the replay.
    fn experiments(&self) -> impl Iterator<Item = (&String, &Experiment)> {
        let of_replays = (self.replays.iter())
            .filter_map(|(name, replay)| Some((name, replay.experiment.as_ref()?)));
        self.experiments.iter().chain(of_replays)
    }

    /// The comparison of this name, in an experiment that has no other one.
    fn comparison(&self, name: &str) -> Option<(&String, Experiment)> {
        let (of, comparison) = name.split_once('.')?;
        let (of, experiment) = self.experiments().find(|(one, _)| *one == of)?;
        let mut experiment = experiment.clone();
        experiment.compare.retain(|one| one.name == comparison);
        (!experiment.compare.is_empty()).then_some((of, experiment))
    }
}

impl Lesson {
    /// Reads all lessons of a folder, by name, and checks them against what they refer to.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the reason for what makes no
    /// sense.
    pub fn read_folder(
        folder: &Path,
        material: &Material,
    ) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, String> = (material.experiments())
            .map(|(name, one)| (one.number, name.clone()))
            .collect();
        for (name, path) in super::definitions(folder, "lesson")? {
            let lesson: Self = read_toml(&path)?;
            let invalid = |message| FormatError::invalid(&path, message);
            lesson.check(&name, material).map_err(invalid)?;
            if let Some((other, _)) = all.iter().find(|(_, one)| one.number == lesson.number) {
                let number = lesson.number;
                return Err(invalid(format!(
                    "number = {number} is that of {other} already"
                )));
            }
            if let Some(experiment) = &lesson.experiment
                && let Some(other) = numbers.insert(experiment.number, name.clone())
            {
                let number = experiment.number;
                return Err(invalid(format!(
                    "[experiment] number = {number} is that of {other} already"
                )));
            }
            all.insert(name, lesson);
        }
        Ok(all)
    }

    fn check(&self, name: &str, material: &Material) -> Result<(), String> {
        if self.claims.is_empty() && self.often_said.is_none() {
            return Err("has neither claims nor often_said: say what it is about".to_owned());
        }
        if let Some(twice) = repeated(self.show.iter().map(|one| &one.comparison)) {
            return Err(format!("[[show]] \"{twice}\" is there twice"));
        }
        self.plan(name, material).map(drop)
    }

    /// The name of its own experiment. No experiment and no replay has such a name.
    fn own_name(name: &str) -> String {
        format!("lesson-{name}")
    }

    /// The ids of its claims, with the parts of each in its place.
    ///
    /// # Errors
    /// A sentence for an id that no claim has.
    pub fn ids<'c>(&self, claims: &'c Claims) -> Result<Vec<&'c str>, String> {
        let meant = self.claims.iter().map(|id| claims.resolve(id));
        Ok(meant.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// What it measures, and which of its claims that answers.
    ///
    /// # Errors
    /// A sentence for a claim, a comparison or a variant that does not exist, or when it measures
    /// nothing.
    pub fn plan(&self, name: &str, material: &Material) -> Result<Plan, String> {
        let mut experiments = BTreeMap::new();
        for show in &self.show {
            let (of, shown) = show.shown(material)?;
            shown.with_load(&self.load).merge_into(of, &mut experiments);
        }
        if let Some(own) = &self.experiment {
            own.clone()
                .merge_into(&Self::own_name(name), &mut experiments);
        }
        if experiments.is_empty() {
            return Err("has neither [[show]] nor [experiment]: it measures nothing".to_owned());
        }
        for (name, experiment) in &experiments {
            let checked = experiment.check();
            checked.map_err(|message| format!("experiment {name}: {message}"))?;
        }
        let replayed = self.replayed(material, &experiments)?;
        Ok(Plan {
            experiments,
            replayed,
        })
    }

    /// The replays that say what the figures mean for its claims, as far as they are measured. A
    /// claim whose deciding figure is not measured has no answer.
    fn replayed(
        &self,
        material: &Material,
        experiments: &BTreeMap<String, Experiment>,
    ) -> Result<Replayed, String> {
        let ids: BTreeSet<&str> = self.ids(&material.claims)?.into_iter().collect();
        let measured = experiments.iter();
        let measured: BTreeSet<String> = measured
            .flat_map(|(name, experiment)| members(name, experiment))
            .collect();
        let mut replayed = Replayed {
            replay: BTreeMap::new(),
            claims: material.claims.only(&ids),
        };
        for (name, replay) in &material.replays {
            let mut replay = replay.clone();
            replay.keep_measured(&ids, &measured);
            if replay.ids().next().is_some() {
                replayed.replay.insert(name.clone(), replay);
            }
        }
        Ok(replayed)
    }
}

impl Show {
    /// The experiment with this comparison alone, and its name.
    fn shown<'m>(&self, material: &'m Material) -> Result<(&'m String, Experiment), String> {
        let name = &self.comparison;
        let (of, mut experiment) = material.comparison(name).ok_or_else(|| {
            format!("[[show]] there is no comparison \"{name}\"; write EXPERIMENT.COMPARISON")
        })?;
        for one in &mut experiment.compare {
            self.change(one)
                .map_err(|message| format!("[[show]] {name}: {message}"))?;
            if !one.variants.is_empty() {
                experiment.suites.clear();
            }
        }
        Ok((of, experiment))
    }

    /// Makes the comparison what the lesson shows of it.
    fn change(&self, one: &mut Comparison) -> Result<(), String> {
        let is_known = |name: &&String| one.variants.iter().any(|variant| variant.name == **name);
        if let Some(unknown) = self.variants.iter().find(|name| !is_known(name)) {
            return Err(format!("it has no variant \"{unknown}\""));
        }
        if !self.variants.is_empty() {
            (one.variants).retain(|variant| self.variants.contains(&variant.name));
        }
        if self.figure.is_some() || self.base.is_some() || self.with.is_some() {
            // The bounds are those of the other figure.
            (one.at_least, one.at_most) = (None, None);
        }
        one.figure = self.figure.unwrap_or(one.figure);
        one.base = self.base.clone().or_else(|| one.base.take());
        if let Some(with) = &self.with {
            one.with.clone_from(with);
        }
        if let Some(what) = &self.what {
            one.what.clone_from(what);
        }
        Ok(())
    }
}
