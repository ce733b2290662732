//! `published/SOURCE.toml`: what others have published, claim by claim.
//!
//! A claim has an id, its sentence, its figures, the load that it was measured with, and what is
//! weak in it. Experiments, replays and documents quote a claim by its id; its text stands here
//! alone.

mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::measure::{Measure, Other};
use super::{FormatError, read_text, read_toml};

/// One file: a source and its claims.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Who published it.
    pub name: String,
    /// Where it can be found, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_at: Option<String>,
    /// The load shapes of the source, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shape: BTreeMap<String, Shape>,
    /// What is weak in its numbers, by a name that claims refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caveat: BTreeMap<String, String>,
    /// The claims, by id. `G1.waits` is a part of the claim G1.
    pub claim: BTreeMap<String, Claim>,
}

/// The facts of a load shape. What is absent has not been published.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// The shape in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Clients, or virtual users, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<u64>,
    /// How long a client waits after an iteration; 0 where it does not wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub think_time_ms: Option<f64>,
    /// Calls a second of an open loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_s: Option<f64>,
    /// Tools and methods that are asked, with the requests of each in an iteration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mix: BTreeMap<String, u32>,
    /// Tool calls of a session, where sessions end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_session: Option<u32>,
    /// Sessions that all clients share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_sessions: Option<u64>,
    /// Requests of an iteration that the published rate counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_per_iteration: Option<u32>,
    /// Processor limit of the server, in cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpus: Option<f64>,
    /// Memory limit of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_memory_bytes: Option<u64>,
    /// Limits of what stands behind the server, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backends: Option<String>,
    /// Length of a measurement, its ramps not among it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<f64>,
    /// Time in which the clients begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp_up_s: Option<f64>,
    /// Time in which they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ramp_down_s: Option<f64>,
    /// The first part of the measurement, which is left out of latencies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_s: Option<f64>,
    /// Requests after which a measurement ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// The machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
}

/// One claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The claim with its figures, in a sentence.
    pub says: String,
    /// The load shape that it was measured with, by id; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// What differs from the shape.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub load: Shape,
    /// What it is about.
    pub kind: BTreeSet<Kind>,
    /// How it was read.
    pub read: Reading,
    /// Names of what is weak in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Its figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// One published figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    /// The implementation, language or case that it is of.
    pub of: String,
    /// The measure, with its unit in its key.
    pub metric: Measure,
    /// The figure, or the least of a range.
    pub value: f64,
    /// The most of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<f64>,
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// R: transports, runtimes, or the Rust side.
    Rust,
    /// O: pools, caches, payloads, serializers.
    Optimization,
    /// X: another implementation's row, kept as a reference column.
    Reference,
}

/// How a claim was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Computed again from the raw result files.
    Recomputed,
    /// Read in a secondary transcription.
    SecondaryTranscription,
    /// Read at the source.
    AtTheSource,
}

fn is_plain(shape: &Shape) -> bool {
    *shape == Shape::default()
}

/// The claims of all sources.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims {
    sources: BTreeMap<String, Source>,
}

impl Claims {
    /// Reads and checks all sources of a folder.
    ///
    /// # Errors
    /// [`FormatError`] with the claim and the key for what does not parse or makes no sense.
    pub fn read_folder(folder: &Path) -> Result<Self, FormatError> {
        let mut all = Self::default();
        for (name, path) in super::definitions(folder, "source of published claims")? {
            let source: Source =
                read_toml(&path).map_err(|error| naming_the_claim(error, &path))?;
            let check = all.check(&source);
            check.map_err(|message| FormatError::invalid(&path, message))?;
            all.sources.insert(name, source);
        }
        for (name, source) in &all.sources {
            for (id, claim) in &source.claim {
                let path = || folder.join(format!("{name}.toml"));
                (all.check_shape(claim)).map_err(|message| {
                    FormatError::invalid(&path(), format!("claim {id}: {message}"))
                })?;
            }
        }
        Ok(all)
    }

    /// Says what makes no sense in a source that is about to be added.
    fn check(&self, source: &Source) -> Result<(), String> {
        for (id, shape) in &source.shape {
            if shape.says.is_none() {
                return Err(format!("shape {id}: says is missing"));
            }
            if self.shape(id).is_some() {
                return Err(format!("shape {id}: another source has it already"));
            }
        }
        for (id, claim) in &source.claim {
            if !is_id(id) {
                return Err(format!(
                    "claim {id}: write an id like S8 or S8.pool: a letter, a digit, and what follows"
                ));
            }
            if self.get(id).is_some() {
                return Err(format!("claim {id}: another source has it already"));
            }
            (claim.check(source)).map_err(|message| format!("claim {id}: {message}"))?;
        }
        Ok(())
    }

    fn check_shape(&self, claim: &Claim) -> Result<(), String> {
        match &claim.shape {
            Some(shape) if self.shape(shape).is_none() => {
                Err(format!("shape = \"{shape}\" is described by no source"))
            }
            _ => Ok(()),
        }
    }

    /// All claims with their ids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Claim)> {
        let all = self.sources.values().flat_map(|source| &source.claim);
        let sorted: BTreeMap<&str, &Claim> = all.map(|(id, claim)| (id.as_str(), claim)).collect();
        sorted.into_iter()
    }

    /// The claim of an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Claim> {
        (self.sources.values()).find_map(|source| source.claim.get(id))
    }

    /// The source that a claim belongs to.
    #[must_use]
    pub fn source(&self, id: &str) -> Option<&Source> {
        let mut sources = self.sources.values();
        sources.find(|source| source.claim.contains_key(id))
    }

    fn shape(&self, id: &str) -> Option<&Shape> {
        (self.sources.values()).find_map(|source| source.shape.get(id))
    }

    /// The load that a claim was measured with: its shape, with what differs from it.
    #[must_use]
    pub fn load(&self, id: &str) -> Shape {
        let Some(claim) = self.get(id) else {
            return Shape::default();
        };
        let shape = claim.shape.as_ref().and_then(|shape| self.shape(shape));
        shape.cloned().unwrap_or_default().with(&claim.load)
    }

    /// The ids that one stands for: itself, or the parts of the claim.
    ///
    /// # Errors
    /// A sentence when no claim has the id.
    pub fn resolve(&self, id: &str) -> Result<Vec<&str>, String> {
        let is_meant = |one: &str| {
            let rest = one.strip_prefix(id);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let found: Vec<&str> = (self.iter().map(|(one, _)| one))
            .filter(|one| is_meant(one))
            .collect();
        if found.is_empty() {
            let known: Vec<&str> = self.iter().map(|(one, _)| one).collect();
            return Err(format!(
                "there is no claim \"{id}\"; known: {}",
                known.join(", ")
            ));
        }
        Ok(found)
    }

    /// The text of a claim, or of all its parts.
    ///
    /// # Errors
    /// As [`Claims::resolve`].
    pub fn quote(&self, id: &str) -> Result<String, String> {
        let ids = self.resolve(id)?;
        let texts = ids.into_iter().filter_map(|id| self.get(id));
        let texts: Vec<&str> = texts.map(|claim| claim.says.as_str()).collect();
        Ok(texts.join("; "))
    }

    /// What is weak in a claim.
    #[must_use]
    pub fn caveats(&self, id: &str) -> Vec<&str> {
        let Some((source, claim)) = self.source(id).zip(self.get(id)) else {
            return Vec::new();
        };
        let texts = claim
            .caveats
            .iter()
            .filter_map(|name| source.caveat.get(name));
        texts.map(String::as_str).collect()
    }

    /// Only these claims, with the sources and shapes that they need.
    #[must_use]
    pub fn only(&self, ids: &BTreeSet<&str>) -> Self {
        let mut kept = self.clone();
        for source in kept.sources.values_mut() {
            source.claim.retain(|id, _| ids.contains(id.as_str()));
        }
        (kept.sources).retain(|_, source| !source.claim.is_empty() || !source.shape.is_empty());
        kept
    }
}

impl Shape {
    /// This shape with what another one says in its place.
    #[must_use]
    fn with(self, over: &Self) -> Self {
        let over = over.clone();
        Self {
            says: over.says.or(self.says),
            clients: over.clients.or(self.clients),
            think_time_ms: over.think_time_ms.or(self.think_time_ms),
            rate_per_s: over.rate_per_s.or(self.rate_per_s),
            mix: if over.mix.is_empty() {
                self.mix
            } else {
                over.mix
            },
            calls_per_session: over.calls_per_session.or(self.calls_per_session),
            shared_sessions: over.shared_sessions.or(self.shared_sessions),
            counted_per_iteration: over.counted_per_iteration.or(self.counted_per_iteration),
            server_cpus: over.server_cpus.or(self.server_cpus),
            server_memory_bytes: over.server_memory_bytes.or(self.server_memory_bytes),
            backends: over.backends.or(self.backends),
            duration_s: over.duration_s.or(self.duration_s),
            ramp_up_s: over.ramp_up_s.or(self.ramp_up_s),
            ramp_down_s: over.ramp_down_s.or(self.ramp_down_s),
            warmup_s: over.warmup_s.or(self.warmup_s),
            requests: over.requests.or(self.requests),
            machine: over.machine.or(self.machine),
        }
    }

    /// The most counted requests a second that the shape allows: a server that answers at once
    /// makes no more, because the clients wait between their iterations.
    #[must_use]
    pub fn ceiling_per_s(&self) -> Option<f64> {
        let think_time_s = self.think_time_ms.filter(|ms| *ms > 0.0)? / 1e3;
        let requests = self.clients? as f64 * f64::from(self.counted_per_iteration?);
        Some(requests / think_time_s)
    }
}

impl Claim {
    fn check(&self, source: &Source) -> Result<(), String> {
        if self.kind.is_empty() {
            return Err("kind = [] says nothing: rust, optimization, reference".to_owned());
        }
        let mut caveats = self.caveats.iter();
        if let Some(unknown) = caveats.find(|name| !source.caveat.contains_key(*name)) {
            return Err(format!(
                "caveats: there is no \"{unknown}\" among [caveat]; known: {}",
                (source.caveat.keys().cloned().collect::<Vec<_>>()).join(", ")
            ));
        }
        for Value {
            of,
            metric,
            value,
            up_to,
        } in &self.values
        {
            let at = format!("values, {of}, {}", metric.key());
            if !(value.is_finite() && *value >= 0.0) {
                return Err(format!("{at}: value = {value} is not a number from 0"));
            }
            if up_to.is_some_and(|most| !(most.is_finite() && most > *value)) {
                return Err(format!("{at}: up_to is not above value = {value}"));
            }
        }
        Ok(())
    }

    /// Whether it is about another implementation, and nothing here can answer it.
    #[must_use]
    pub fn is_reference(&self) -> bool {
        self.kind == BTreeSet::from([Kind::Reference])
    }
}

/// Whether an id is of the form that documents quote.
fn is_id(id: &str) -> bool {
    let mut chars = id.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && chars.next().is_some_and(|c| c.is_ascii_digit());
    begins && !id.ends_with('.') && chars.all(|c| c.is_ascii_alphanumeric() || c == '.')
}

/// Puts the claim in front of a message that has a line and no claim.
fn naming_the_claim(error: FormatError, path: &Path) -> FormatError {
    let FormatError::Parse {
        path: file,
        line,
        column,
        message,
    } = error
    else {
        return error;
    };
    let text = read_text(path).unwrap_or_default();
    let heads = text.lines().take(line).filter_map(|line| {
        let table = line.trim().strip_prefix('[')?.trim_matches(['[', ']']);
        Some(table.replace(['"', '\''], ""))
    });
    let at = heads.last().map_or_else(String::new, |table| {
        format!("{}: ", table.replacen('.', " ", 1))
    });
    FormatError::Parse {
        path: file,
        line,
        column,
        message: format!("{at}{message}"),
    }
}

#[cfg(test)]
mod tests;
