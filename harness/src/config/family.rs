//! `[family.NAME]`: one table that makes many subjects or builds, one for each combination of the
//! values of its axes.
//!
//! Only the file knows families. Everything behind it sees what they make, so a run's folder holds
//! each subject written out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::subject::{Build, Service, Store, Subject, Subjects};
use super::template::{Context, TemplateError, fill_known};

/// What goes with one value of an axis: words for the templates.
type Words = BTreeMap<String, String>;

/// `subjects.toml` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    build: BTreeMap<String, Build>,
    #[serde(default)]
    service: BTreeMap<String, Service>,
    store: Option<Store>,
    #[serde(default)]
    subject: BTreeMap<String, Subject>,
    /// `[axis.NAME.VALUE]`: what templates may name besides the value. A word that another value of
    /// the axis has and this one has not is empty.
    #[serde(default)]
    axis: BTreeMap<String, BTreeMap<String, Words>>,
    #[serde(default)]
    family: BTreeMap<String, Family>,
}

/// Many of one kind. Holes with the name of an axis, or of a word of its values, are filled in all
/// texts; other holes are left for the start.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    /// The name of each member.
    name: String,
    /// The values of each axis; every one meets every one of the others.
    axes: BTreeMap<String, Vec<String>>,
    /// What each member is: this, or [`Family::build`].
    subject: Option<Subject>,
    build: Option<Build>,
}

impl File {
    /// Makes the members of all families.
    ///
    /// # Errors
    /// A sentence with the table's name when a family makes no sense, or a name is made twice.
    pub(super) fn expand(self) -> Result<Subjects, String> {
        let mut made = Subjects {
            build: self.build,
            service: self.service,
            store: self.store,
            subject: self.subject,
        };
        for (axis, values) in &self.axis {
            for value in values.keys() {
                let has = |family: &Family| {
                    (family.axes.get(axis)).is_some_and(|values| values.contains(value))
                };
                if values[value].contains_key(axis) {
                    return Err(format!(
                        "[axis.{axis}.{value}] {{{axis}}} means two things: the axis and a word of it"
                    ));
                }
                if !self.family.values().any(has) {
                    return Err(format!(
                        "[axis.{axis}.{value}] goes with nothing: no family has the value \"{value}\" on an axis \"{axis}\""
                    ));
                }
            }
        }
        for (name, family) in &self.family {
            family
                .expand(&self.axis, &mut made)
                .map_err(|message| format!("[family.{name}] {message}"))?;
        }
        Ok(made)
    }
}

impl Family {
    fn expand(
        &self,
        words: &BTreeMap<String, BTreeMap<String, Words>>,
        made: &mut Subjects,
    ) -> Result<(), String> {
        for context in self.combinations(words)? {
            let told = |error: TemplateError| error.to_string();
            let name = fill_known(&self.name, &context).map_err(told)?;
            let is_taken = match (&self.subject, &self.build) {
                (Some(subject), None) => {
                    let member = filled(subject, &context).map_err(told)?;
                    made.subject.insert(name.clone(), member).is_some()
                }
                (None, Some(build)) => {
                    let command = fill_all(&build.command, &context).map_err(told)?;
                    (made.build.insert(name.clone(), Build { command })).is_some()
                }
                _ => return Err("needs either a subject or a build table".to_owned()),
            };
            if is_taken {
                return Err(format!(
                    "makes \"{name}\", which is there already; let the name differ with every axis"
                ));
            }
        }
        Ok(())
    }

    /// What the templates may name, for each combination.
    fn combinations(
        &self,
        words: &BTreeMap<String, BTreeMap<String, Words>>,
    ) -> Result<Vec<Context>, String> {
        let mut all = vec![Context::new()];
        for (axis, values) in &self.axes {
            if values.is_empty() {
                return Err(format!(
                    "axes.{axis} has no value, so there is nothing to make"
                ));
            }
            let meanings: Vec<Words> = values
                .iter()
                .map(|value| meaning(axis, value, words.get(axis)))
                .collect();
            let mut next = Vec::with_capacity(all.len() * values.len());
            for context in &all {
                for meaning in &meanings {
                    next.push(joined(context, meaning)?);
                }
            }
            all = next;
        }
        Ok(all)
    }
}

/// What a value of an axis fills: the hole of the axis, and those of its words.
fn meaning(axis: &str, value: &str, words: Option<&BTreeMap<String, Words>>) -> Words {
    let mut meaning = Words::new();
    for (other, words) in words.into_iter().flatten() {
        for (word, text) in words {
            let entry = meaning.entry(word.clone()).or_default();
            if other == value {
                entry.clone_from(text);
            }
        }
    }
    meaning.insert(axis.to_owned(), value.to_owned());
    meaning
}

fn joined(context: &Context, meaning: &Words) -> Result<Context, String> {
    let mut joined = context.clone();
    for (word, text) in meaning {
        let text = Value::String(text.clone());
        if joined.insert(word.clone(), text).is_some() {
            return Err(format!(
                "{{{word}}} means two things: it belongs to two of its axes"
            ));
        }
    }
    Ok(joined)
}

fn fill_all(texts: &[String], context: &Context) -> Result<Vec<String>, TemplateError> {
    texts.iter().map(|text| fill_known(text, context)).collect()
}

/// The text with its holes filled; none where that leaves nothing.
fn fill_label(text: Option<&String>, context: &Context) -> Result<Option<String>, TemplateError> {
    let text = text.map(|text| fill_known(text, context)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

fn filled(subject: &Subject, context: &Context) -> Result<Subject, TemplateError> {
    let label = |text: &Option<String>| fill_label(text.as_ref(), context);
    Ok(Subject {
        description: label(&subject.description)?,
        transport: fill_known(&subject.transport, context)?,
        runtime: label(&subject.runtime)?,
        fast_path: label(&subject.fast_path)?,
        note: label(&subject.note)?,
        revision: label(&subject.revision)?,
        build: label(&subject.build)?,
        command: fill_all(&subject.command, context)?,
        url: label(&subject.url)?,
        environment: (subject.environment.iter())
            .map(|(key, text)| Ok((key.clone(), fill_known(text, context)?)))
            .collect::<Result<_, TemplateError>>()?,
        ..subject.clone()
    })
}
