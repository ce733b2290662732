//! What a right answer is: rules by kind, as a suite names them, as flags do, or as a server's own
//! first answer gives them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::template::{Context, escaped, fill, fill_value, literal, mentions, value_mentions};
use crate::load::{Check, JsonType, Rule};

/// Expectations by kind of rule: JSON pointer into `result` to what must be there. Templates are
/// filled in the values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

/// Where the text of the first content block is.
const FIRST_TEXT: &str = "/content/0/text";

/// The places of a result that hold the answer; the others (`_meta`) may differ between answers.
const ANSWER: [&str; 2] = ["content", "structuredContent"];

impl Expect {
    /// Whether there is no rule at all.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a rule names this value in a template.
    pub(super) fn mentions(&self, name: &str) -> bool {
        let mut values = self.equals.values().chain(self.length.values());
        values.any(|value| value_mentions(value, name))
            || self.contains.values().any(|text| mentions(text, name))
    }

    /// The rules for one prepared call; an error names the rule.
    pub(crate) fn checks(&self, context: &Context) -> Result<Vec<Check>, String> {
        let mut checks = Vec::new();
        let mut add = |pointer: &String, rule| {
            let pointer = pointer.clone();
            checks.push(Check { pointer, rule });
        };
        for (pointer, value) in &self.equals {
            let value = fill_value(value, context);
            let value = value.map_err(|error| format!("expect.equals \"{pointer}\": {error}"))?;
            add(pointer, Rule::Equals(value));
        }
        for (pointer, kind) in &self.kind {
            add(pointer, Rule::Type(*kind));
        }
        for (pointer, [min, max]) in &self.range {
            let (min, max) = (*min, *max);
            add(pointer, Rule::Range { min, max });
        }
        for (pointer, text) in &self.contains {
            let text = fill(text, context);
            let text = text.map_err(|error| format!("expect.contains \"{pointer}\": {error}"))?;
            add(pointer, Rule::Contains(text));
        }
        for (pointer, length) in &self.length {
            let at = |error: String| format!("expect.length \"{pointer}\": {error}");
            let length = fill_value(length, context).map_err(|error| at(error.to_string()))?;
            let items = length
                .as_u64()
                .and_then(|length| usize::try_from(length).ok());
            let items = items.ok_or_else(|| at(format!("{length} is not a number of items")))?;
            let (min, max) = (items, items);
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

    /// The rules of `--expect`: `any`, `text=...`, `contains=...` and `/pointer=JSON`, all of them.
    /// Braces are braces here.
    pub(crate) fn from_flags(rules: &[String]) -> Result<Self, String> {
        let mut expect = Self::default();
        for rule in rules {
            let wanted = rule.split_once('=');
            match (rule.as_str(), wanted) {
                ("any", _) => {
                    expect.kind.insert(String::new(), JsonType::Object);
                }
                (_, Some(("text", text))) => {
                    let text = Value::String(escaped(text));
                    expect.equals.insert(FIRST_TEXT.to_owned(), text);
                }
                (_, Some(("contains", part))) => {
                    expect.contains.insert(FIRST_TEXT.to_owned(), escaped(part));
                }
                (_, Some((pointer, json))) if pointer.starts_with('/') => {
                    let value: Value = serde_json::from_str(json).map_err(|error| {
                        format!(
                            "--expect {rule}: {json} is not JSON ({error}); a string needs its quotes"
                        )
                    })?;
                    expect.require(pointer, &value);
                }
                _ => {
                    return Err(format!(
                        "--expect {rule} is none of text=TEXT, contains=PART, /json/pointer=JSON (a place in the result) and any"
                    ));
                }
            }
        }
        Ok(expect)
    }

    /// A first answer as what all others must be.
    pub(crate) fn learned(result: &Value) -> Result<Self, String> {
        let mut expect = Self::default();
        for place in ANSWER {
            if let Some(value) = result.get(place) {
                expect.require(&format!("/{place}"), value);
            }
        }
        if expect.is_empty() {
            return Err(format!(
                "the answer has neither content nor structuredContent, so there is nothing to expect: {result}"
            ));
        }
        Ok(expect)
    }

    /// The value must be at the place. TOML has no null, so a value that holds one is taken apart.
    fn require(&mut self, pointer: &str, value: &Value) {
        let (at, count) = (pointer.to_owned(), |count: usize| Value::from(count));
        match value {
            value if !has_null(value) => {
                self.equals.insert(at, literal(value));
            }
            Value::Array(items) => {
                self.length.insert(at, count(items.len()));
                for (index, item) in items.iter().enumerate() {
                    self.require(&format!("{pointer}/{index}"), item);
                }
            }
            Value::Object(members) => {
                self.length.insert(at, count(members.len()));
                for (key, member) in members {
                    // RFC 6901, section 3.
                    let key = key.replace('~', "~0").replace('/', "~1");
                    self.require(&format!("{pointer}/{key}"), member);
                }
            }
            _ => {
                self.kind.insert(at, JsonType::Null);
            }
        }
    }
}

/// Whether two results give the same answer.
pub(crate) fn is_same_answer(one: &Value, other: &Value) -> bool {
    ANSWER
        .iter()
        .all(|place| one.get(place) == other.get(place))
}

/// Whether there is a null in it.
pub(super) fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Context, Expect};

    fn holds(expect: &Expect, result: &Value) -> bool {
        let checks = expect.checks(&Context::new()).unwrap();
        checks.iter().all(|check| check.hold(result).is_ok())
    }

    fn rules(rules: &[&str]) -> Result<Expect, String> {
        Expect::from_flags(&rules.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn each_rule_of_a_flag_takes_what_it_says() {
        let said = |text: &str| json!({ "content": [{ "type": "text", "text": text }] });
        let braces = rules(&["text={\"a\": {b}}"]).unwrap();
        assert!(holds(&braces, &said("{\"a\": {b}}")) && !holds(&braces, &said("{}")));
        let part = rules(&["contains=lo {"]).unwrap();
        assert!(holds(&part, &said("hello {x}")) && !holds(&part, &said("hello")));
        let place = rules(&["/structuredContent/n=3", "/structuredContent/x=null"]).unwrap();
        let with = |n: Value| json!({ "structuredContent": { "n": n, "x": null } });
        assert!(holds(&place, &with(json!(3))) && !holds(&place, &with(json!("3"))));
        assert!(holds(&rules(&["any"]).unwrap(), &json!({})));
        for bad in ["hello", "words=x", "/a=b", "=x"] {
            let error = rules(&[bad]).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
    }

    #[test]
    fn a_first_answer_with_nulls_is_compared_member_by_member() {
        let answer = |x: Value, meta: u32| {
            json!({
                "content": [{ "type": "text", "text": "{x}", "annotations": null }],
                "structuredContent": { "a/b": { "x": x }, "many": [1, 2] },
                "_meta": { "at": meta },
            })
        };
        let expect = Expect::learned(&answer(Value::Null, 1)).unwrap();
        assert!(holds(&expect, &answer(Value::Null, 2)));
        assert!(!holds(&expect, &answer(json!(1), 1)));
        let mut other = answer(Value::Null, 1);
        other["structuredContent"]["a/b"] = json!({});
        assert!(!holds(&expect, &other));
        assert!(Expect::learned(&json!({ "_meta": {} })).is_err());
    }
}
