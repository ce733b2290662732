//! What a right answer is, as a suite says it: rules by kind, with templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::template::{Context, TemplateError, fill, fill_value, mentions, value_mentions};
use crate::load::{Check, JsonType, Rule};

/// Expectations by kind of rule: JSON pointer into `result` to what must be there. Templates are
/// filled in the values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Exactly this JSON value (numbers by value).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub equals: Map<String, Value>,
    /// A value of this JSON type.
    #[serde(rename = "type", skip_serializing_if = "BTreeMap::is_empty")]
    pub kind: BTreeMap<String, JsonType>,
    /// A number between these two, both included.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub range: BTreeMap<String, [f64; 2]>,
    /// A string that holds this one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contains: BTreeMap<String, String>,
    /// An array or object of this many items (a template may give the number).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub length: Map<String, Value>,
    /// Places that must not be there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<String>,
    /// A string whose text, read as JSON, equals what is at this other pointer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub json_text_of: BTreeMap<String, String>,
}

impl Expect {
    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.equals.is_empty()
            && self.kind.is_empty()
            && self.range.is_empty()
            && self.contains.is_empty()
            && self.length.is_empty()
            && self.absent.is_empty()
            && self.json_text_of.is_empty()
    }

    /// Whether a rule names this value in a template.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        let values = self.equals.values().chain(self.length.values());
        values.into_iter().any(|value| value_mentions(value, name))
            || self.contains.values().any(|text| mentions(text, name))
    }

    /// The rules for one prepared call.
    ///
    /// # Errors
    /// A sentence with the key when a template names nothing known, or a length is no number.
    pub fn checks(&self, context: &Context) -> Result<Vec<Check>, String> {
        let wrong = |kind: &str, pointer: &str, error: TemplateError| {
            format!("expect.{kind} \"{pointer}\": {error}")
        };
        let mut checks = Vec::new();
        let mut add = |pointer: &str, rule| {
            checks.push(Check {
                pointer: pointer.to_owned(),
                rule,
            });
        };
        for (pointer, value) in &self.equals {
            let value =
                fill_value(value, context).map_err(|error| wrong("equals", pointer, error))?;
            add(pointer, Rule::Equals(value));
        }
        for (pointer, kind) in &self.kind {
            add(pointer, Rule::Type(*kind));
        }
        for (pointer, [min, max]) in &self.range {
            add(
                pointer,
                Rule::Range {
                    min: *min,
                    max: *max,
                },
            );
        }
        for (pointer, text) in &self.contains {
            let text = fill(text, context).map_err(|error| wrong("contains", pointer, error))?;
            add(pointer, Rule::Contains(text));
        }
        for (pointer, length) in &self.length {
            let length =
                fill_value(length, context).map_err(|error| wrong("length", pointer, error))?;
            let length = length
                .as_u64()
                .and_then(|length| usize::try_from(length).ok())
                .ok_or_else(|| {
                    format!("expect.length \"{pointer}\": {length} is not a number of items")
                })?;
            let (min, max) = (length, length);
            add(pointer, Rule::Length { min, max });
        }
        for pointer in &self.absent {
            add(pointer, Rule::Absent);
        }
        for (pointer, other) in &self.json_text_of {
            add(pointer, Rule::JsonTextOf(other.clone()));
        }
        Ok(checks)
    }
}
