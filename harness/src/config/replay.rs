//! `replays/NAME.toml`: what is measured to answer published claims, and which figure answers
//! which.
//!
//! A replay measures variants in the format of experiments: those of experiments that there are
//! already, and those of its own. Which figure means what is a list of rules, so that neither a
//! claim nor a bound is in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::experiment::{Comparison, Experiment, Variant};
use super::load::Load;
use super::published::{Claims, Measure, Value};
use super::{FormatError, read_toml};

/// One file: the claims of one load shape, or of one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// What it is about, in a few words.
    pub title: String,
    /// Experiments whose figures answer claims, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<String>,
    /// What is measured for this replay alone. Its name is that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<Experiment>,
    /// Put in the place of all loads by `--quick`.
    #[serde(default, skip_serializing_if = "Load::is_empty")]
    pub quick: Load,
    /// Put in the place of all loads by `--full`.
    #[serde(default, skip_serializing_if = "Load::is_empty")]
    pub full: Load,
    /// Claims about other implementations, which are shown and never answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// The claims that it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claim: Vec<Answer>,
}

/// What answers a claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Its id.
    pub id: String,
    /// Why nothing here can answer it, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_testable: Option<String>,
    /// The figures that are shown beside the published ones. The first one decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row: Vec<Row>,
    /// What the first row means. The first rule that allows the figure counts; the last one allows
    /// every figure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdict: Vec<Rule>,
}

/// One figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it is, for the table.
    pub what: String,
    /// The measure.
    pub figure: Measure,
    /// The variant whose figure it is, written EXPERIMENT.COMPARISON.VARIANT.
    pub with: String,
    /// The variant that it is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// A number that the figure is divided by, such as the calls of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<f64>,
    /// The implementation or case whose published figures stand beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
}

/// What a figure means for the claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The least that the figure may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// The verdict.
    pub is: Outcome,
    /// The verdict in a sentence; `{found}` is the figure.
    pub says: String,
}

/// What a rule can say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds here.
    Reproduced,
    /// It does not hold here.
    NotReproduced,
    /// The published figure comes about, and from something else than the claim says.
    Explained,
}

impl Replay {
    /// Reads all replays of a folder, by name, and checks them against claims and experiments.
    ///
    /// # Errors
    /// [`FormatError`] with the place for what does not parse, with the claim for what makes no
    /// sense.
    pub fn read_folder(
        folder: &Path,
        claims: &Claims,
        experiments: &BTreeMap<String, Experiment>,
    ) -> Result<BTreeMap<String, Self>, FormatError> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        let mut numbers: BTreeMap<u32, String> = (experiments.iter())
            .map(|(name, one)| (one.number, name.clone()))
            .collect();
        for (name, path) in super::definitions(folder, "replay")? {
            let replay: Self = read_toml(&path)?;
            let invalid = |message| FormatError::invalid(&path, message);
            (replay.check(&name, claims, experiments)).map_err(invalid)?;
            if let Some(experiment) = &replay.experiment
                && let Some(other) = numbers.insert(experiment.number, name.clone())
            {
                let number = experiment.number;
                return Err(invalid(format!(
                    "[experiment] number = {number} is that of {other} already"
                )));
            }
            let twice = (all.iter())
                .find_map(|(other, one)| Some((other, one.ids().find(|id| replay.names(id))?)));
            if let Some((other, id)) = twice {
                return Err(invalid(format!(
                    "claim {id} is in the replay {other} already"
                )));
            }
            all.insert(name, replay);
        }
        Ok(all)
    }

    /// The ids of all claims that it names.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let answered = self.claim.iter().map(|one| one.id.as_str());
        answered.chain(self.references.iter().map(String::as_str))
    }

    fn names(&self, id: &str) -> bool {
        self.ids().any(|one| one == id)
    }

    fn check(
        &self,
        name: &str,
        claims: &Claims,
        experiments: &BTreeMap<String, Experiment>,
    ) -> Result<(), String> {
        if experiments.contains_key(name) {
            return Err(format!("an experiment is called \"{name}\" already"));
        }
        if let Some(experiment) = &self.experiment {
            (experiment.check()).map_err(|message| format!("[experiment] {message}"))?;
        }
        if let Some(unknown) =
            (self.experiments.iter()).find(|name| !experiments.contains_key(*name))
        {
            return Err(format!("experiments: there is no \"{unknown}\""));
        }
        for id in &self.references {
            match claims.get(id) {
                Some(claim) if claim.is_reference() => {}
                Some(_) => return Err(format!("references: {id} can be answered")),
                None => return Err(format!("references: there is no claim \"{id}\"")),
            }
        }
        let reused = (self.experiments.iter()).filter_map(|name| experiments.get_key_value(name));
        let own = name.to_owned();
        let all = reused.chain(self.experiment.as_ref().map(|one| (&own, one)));
        let variants: BTreeSet<String> = all
            .flat_map(|(name, experiment)| members(name, experiment))
            .collect();
        let mut seen = BTreeSet::new();
        for answer in &self.claim {
            let at = |message: String| format!("claim {}: {message}", answer.id);
            if !seen.insert(&answer.id) {
                return Err(at("is there twice".to_owned()));
            }
            let values = (claims.get(&answer.id))
                .map(|claim| claim.values.as_slice())
                .ok_or_else(|| at("there is no such claim".to_owned()))?;
            answer.check(values, &variants).map_err(at)?;
        }
        Ok(())
    }

    /// The variants that its figures are of.
    fn places(&self) -> impl Iterator<Item = &str> {
        let rows = self.claim.iter().flat_map(|answer| &answer.row);
        rows.flat_map(Row::places)
    }

    /// Leaves it these claims, and their figures of these variants. A claim whose deciding figure is
    /// of others goes too.
    pub(super) fn keep_measured(&mut self, ids: &BTreeSet<&str>, measured: &BTreeSet<String>) {
        let is_measured = |row: &Row| row.places().all(|place| measured.contains(place));
        self.experiment = None;
        self.experiments.clear();
        (self.references).retain(|id| ids.contains(id.as_str()));
        (self.claim).retain(|answer| {
            let decides = answer.row.first().is_none_or(is_measured);
            ids.contains(answer.id.as_str()) && (answer.not_testable.is_some() || decides)
        });
        for answer in &mut self.claim {
            answer.row.retain(is_measured);
        }
    }
}

/// The variants of an experiment, as rows name them.
pub(super) fn members<'e>(
    name: &'e str,
    experiment: &'e Experiment,
) -> impl Iterator<Item = String> + 'e {
    let of =
        |one: &'e Comparison| (one.variants.iter()).map(|variant| one.member(name, &variant.name));
    experiment.compare.iter().flat_map(of)
}

impl Row {
    /// The variants that its figure is of.
    fn places(&self) -> impl Iterator<Item = &str> {
        self.base.iter().chain([&self.with]).map(String::as_str)
    }
}

impl Answer {
    fn check(&self, values: &[Value], variants: &BTreeSet<String>) -> Result<(), String> {
        for row in &self.row {
            for place in row.places() {
                if !variants.contains(place) {
                    return Err(format!(
                        "\"{place}\" is no variant; write EXPERIMENT.COMPARISON.VARIANT, and name the experiment in experiments"
                    ));
                }
            }
            if !row.figure.is_measured() {
                return Err(format!("no run here has {}", row.figure.key()));
            }
            if row.per.is_some_and(|per| !(per.is_finite() && per > 0.0)) {
                return Err(format!("\"{}\": per is not above 0", row.what));
            }
            if let Some(of) = &row.published
                && !values.iter().any(|value| value.of == *of)
            {
                let known: BTreeSet<&str> = values.iter().map(|value| value.of.as_str()).collect();
                return Err(format!(
                    "published = \"{of}\" has no figure in the claim; there are: {}",
                    known.into_iter().collect::<Vec<_>>().join(", ")
                ));
            }
        }
        match (&self.not_testable, self.verdict.split_last()) {
            (Some(_), None) => Ok(()),
            (Some(_), Some(_)) => Err("has both not_testable and rules".to_owned()),
            (None, None) => Err("has neither a [[claim.verdict]] nor not_testable".to_owned()),
            (None, Some(_)) if self.row.is_empty() => {
                Err("has rules and no [[claim.row]] that they are about".to_owned())
            }
            (None, Some((last, before))) => {
                if last.at_least.is_some() || last.at_most.is_some() {
                    return Err("the last rule has to allow every figure: no bounds".to_owned());
                }
                if (before.iter()).any(|rule| rule.at_least.is_none() && rule.at_most.is_none()) {
                    return Err("only the last rule may be without bounds".to_owned());
                }
                Ok(())
            }
        }
    }

    /// The first rule that allows a figure, with its place.
    #[must_use]
    pub fn rule(&self, value: f64) -> Option<(usize, &Rule)> {
        let mut rules = self.verdict.iter().enumerate();
        rules.find(|(_, rule)| {
            rule.at_least.is_none_or(|least| value >= least)
                && rule.at_most.is_none_or(|most| value <= most)
        })
    }
}

/// How long the measurements of a replay are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Length {
    /// As the definitions say.
    #[default]
    Usual,
    /// As short as a first look may be.
    Quick,
    /// As long as the published ones.
    Full,
}

/// The claims and replays of a run, as they are kept with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replayed {
    /// The replays, without what they measure.
    pub replay: BTreeMap<String, Replay>,
    /// The claims that they name.
    pub claims: Claims,
}

/// What a run of replays measures.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Experiments, with the comparisons that answer a claim.
    pub experiments: BTreeMap<String, Experiment>,
    /// The claims, and what answers them.
    pub replayed: Replayed,
}

/// Chooses what answers these claims; all of them when none is named.
///
/// # Errors
/// A sentence for an id that no claim has, or that no replay names.
pub fn plan(
    mut replays: BTreeMap<String, Replay>,
    claims: &Claims,
    experiments: &BTreeMap<String, Experiment>,
    ids: &[String],
    length: Length,
) -> Result<Plan, String> {
    if !ids.is_empty() {
        keep(&mut replays, claims, ids)?;
    }
    let mut made = BTreeMap::new();
    for (name, replay) in &mut replays {
        let own = replay.experiment.take().map(|one| (name.clone(), one));
        let reused = (replay.experiments.iter())
            .filter_map(|name| experiments.get_key_value(name))
            .map(|(name, one)| (name.clone(), one.clone()));
        for (name, experiment) in reused.chain(own) {
            let one = match replay.load(length) {
                Some(load) => experiment.with_load(load),
                None => experiment,
            };
            replay.add_needed(&name, one, &mut made);
        }
    }
    made.retain(|_, experiment| !experiment.compare.is_empty());
    let named: BTreeSet<&str> = replays.values().flat_map(Replay::ids).collect();
    let claims = claims.only(&named);
    Ok(Plan {
        experiments: made,
        replayed: Replayed {
            replay: replays,
            claims,
        },
    })
}

/// Leaves the replays these claims, and their parts.
fn keep(
    replays: &mut BTreeMap<String, Replay>,
    claims: &Claims,
    ids: &[String],
) -> Result<(), String> {
    let mut wanted = BTreeSet::new();
    for id in ids {
        for meant in claims.resolve(id)? {
            if !replays.values().any(|replay| replay.names(meant)) {
                return Err(format!("no replay names the claim {meant}"));
            }
            wanted.insert(meant);
        }
    }
    for replay in replays.values_mut() {
        (replay.claim).retain(|one| wanted.contains(one.id.as_str()));
        (replay.references).retain(|id| wanted.contains(id.as_str()));
    }
    replays.retain(|_, replay| replay.ids().next().is_some());
    Ok(())
}

impl Replay {
    /// What is put in the place of all its loads.
    const fn load(&self, length: Length) -> Option<&Load> {
        match length {
            Length::Usual => None,
            Length::Quick => Some(&self.quick),
            Length::Full => Some(&self.full),
        }
    }

    /// Adds the comparisons of an experiment that its rows need. One that two replays name keeps
    /// the comparisons of both, at the load of the first.
    fn add_needed(
        &self,
        name: &str,
        mut experiment: Experiment,
        all: &mut BTreeMap<String, Experiment>,
    ) {
        let places: BTreeSet<&str> = self.places().collect();
        experiment.compare.retain(|comparison| {
            let is_place = |variant: &Variant| {
                let member = comparison.member(name, &variant.name);
                places.contains(member.as_str())
            };
            comparison.variants.iter().any(is_place)
        });
        experiment.merge_into(name, all);
    }
}

#[cfg(test)]
mod tests;
