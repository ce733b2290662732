//! What a right answer is, and whether a result is one.
//!
//! Expectations are data: this module knows no tool, no transport and no clock.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// One place in the `result` object and what must be found there.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// A JSON Pointer (RFC 6901) into the JSON-RPC `result` object, for example
    /// `/structuredContent/result`; empty for the object itself.
    pub pointer: String,
    /// What must be there.
    pub rule: Rule,
}

/// What must be found at a place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Rule {
    /// This value. Numbers are compared by value (`50` equals `50.0`), objects in any key order.
    Equals(Value),
    /// Anything, `null` too, as long as the place exists.
    Exists,
    /// Nothing: the place does not exist.
    Absent,
    /// A value of this type.
    Type(JsonType),
    /// A number within these bounds, both included.
    Range {
        /// The least value allowed.
        min: f64,
        /// The greatest value allowed.
        max: f64,
    },
    /// A string that has this part, or an array that has this string as an element.
    Contains(String),
    /// An array, an object or a string (in characters) with this many elements, bounds included.
    Length {
        /// The least length allowed.
        min: usize,
        /// The greatest length allowed.
        max: usize,
    },
    /// A string that is JSON text of the same value as the one at this other pointer: so `content`
    /// is compared with `structuredContent`.
    JsonTextOf(String),
}

/// The types of JSON, with the integers told apart (a number without a fraction, `1.0` included).
#[derive(Clone, Copy, Debug, strum::Display, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonType {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer => value.as_number().is_some_and(is_integer),
            Self::Number => value.is_number(),
            Self::String => value.is_string(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

impl Check {
    /// Checks a `result` object.
    ///
    /// # Errors
    /// What was expected where, and what was found instead.
    pub fn hold(&self, result: &Value) -> Result<(), String> {
        let (pointer, rule) = (self.pointer.as_str(), &self.rule);
        let place = if pointer.is_empty() {
            "the result"
        } else {
            pointer
        };
        match result.pointer(pointer) {
            None if *rule == Rule::Absent => Ok(()),
            None => Err(format!(
                "{place}: expected {rule}, but there is no such place"
            )),
            Some(found) if rule.holds(found, result) => Ok(()),
            Some(found) => Err(format!("{place}: expected {rule}, found {found}")),
        }
    }
}

impl Rule {
    fn holds(&self, found: &Value, result: &Value) -> bool {
        match self {
            Self::Equals(wanted) => same(found, wanted),
            Self::Exists => true,
            Self::Absent => false,
            Self::Type(kind) => kind.holds(found),
            Self::Range { min, max } => found.as_f64().is_some_and(|x| *min <= x && x <= *max),
            Self::Contains(part) => match found {
                Value::String(text) => text.contains(part),
                Value::Array(items) => items.iter().any(|item| item.as_str() == Some(part)),
                _ => false,
            },
            Self::Length { min, max } => length(found).is_some_and(|n| *min <= n && n <= *max),
            Self::JsonTextOf(other) => {
                let parse = |text| serde_json::from_str::<Value>(text).ok();
                match (found.as_str().and_then(parse), result.pointer(other)) {
                    (Some(parsed), Some(other)) => same(&parsed, other),
                    _ => false,
                }
            }
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(value) => write!(f, "{value}"),
            Self::Exists => f.write_str("a value"),
            Self::Absent => f.write_str("nothing"),
            Self::Type(kind) => write!(f, "a value of type {kind}"),
            Self::Range { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Contains(part) => write!(f, "something that contains {part:?}"),
            Self::Length { min, max } => write!(f, "a length from {min} to {max}"),
            Self::JsonTextOf(other) => write!(f, "JSON text of the value at {other}"),
        }
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

/// Equality of JSON values: JSON has one number type, so `50` and `50.0` are the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn same_number(a: &Number, b: &Number) -> bool {
    if a.is_f64() || b.is_f64() {
        a.as_f64() == b.as_f64()
    } else {
        a == b
    }
}

fn is_integer(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|x| x.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_accepts_what_fits_and_nothing_else() {
        let contains = |part: &str| Rule::Contains(part.to_owned());
        let text_of = |pointer: &str| Rule::JsonTextOf(pointer.to_owned());
        let range = || Rule::Range { min: 0.0, max: 5.0 };
        let length = |min, max| Rule::Length { min, max };
        let object = || Rule::Equals(json!({ "a": 50, "b": [1] }));
        for (rule, found, holds) in [
            (object(), json!({ "b": [1.0], "a": 50.0 }), true),
            (object(), json!({ "a": 50, "b": [1], "c": 1 }), false),
            (Rule::Equals(json!(50)), json!("50"), false),
            (Rule::Exists, Value::Null, true),
            (Rule::Absent, Value::Null, false),
            (range(), json!(5), true),
            (range(), json!(5.1), false),
            (range(), json!("3"), false),
            (contains("lo"), json!("hello"), true),
            (contains("lo"), json!(["lo"]), true),
            (contains("lo"), json!(["hello"]), false),
            (length(2, 2), json!([1, 2]), true),
            (length(2, 2), json!("abc"), false),
            (length(0, 9), json!(3), false),
            (text_of("/other"), json!("{\"a\":[1,2]}"), true),
            (text_of("/other"), json!("{\"a\":[1,3]}"), false),
            (text_of("/none"), json!("{}"), false),
            (text_of("/other"), json!("not json"), false),
            (Rule::Type(JsonType::Integer), json!(3.0), true),
            (Rule::Type(JsonType::Integer), json!(3.5), false),
            (Rule::Type(JsonType::Number), json!(3.5), true),
            (Rule::Type(JsonType::String), json!(3), false),
        ] {
            let shown = format!("{rule}: {found}");
            let pointer = "/x".to_owned();
            let result = json!({ "x": found, "other": { "a": [1, 2.0] } });
            let outcome = Check { pointer, rule }.hold(&result);
            assert_eq!(outcome.is_ok(), holds, "{shown}: {outcome:?}");
        }
    }

    #[test]
    fn a_missing_place_fails_every_rule_but_absence() {
        let pointer = || "/gone".to_owned();
        let at = |rule| {
            Check {
                pointer: pointer(),
                rule,
            }
            .hold(&json!({}))
        };
        assert!(at(Rule::Absent).is_ok());
        let text = at(Rule::Equals(json!(1))).unwrap_err();
        assert!(text.contains("/gone") && text.contains('1'), "{text}");
    }
}
