//! Strings with holes, and the values that vary from call to call.
//!
//! A hole is `{name}`, or `{name:06}` for a number padded with zeros; `{{` and `}}` stand for the
//! braces. A string that is exactly one hole takes the value with its type: `"{id}"` is a number
//! when `id` is. Values are drawn by a seeded generator, so that every subject of every run gets
//! the same calls.

use std::collections::BTreeMap;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The values that holes may name.
pub type Context = BTreeMap<String, Value>;

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No value of that name exists here.
    #[error("nothing is called `{name}` in \"{text}\"; known here: {known}")]
    Unknown {
        /// The name between the braces.
        name: String,
        /// The whole string.
        text: String,
        /// The names that exist, separated by commas.
        known: String,
    },
    /// The braces do not match, or the width is not a number.
    #[error(
        "\"{text}\" is not a template: {message}; write {{name}}, {{name:06}}, or {{{{ and }}}} for the braces themselves"
    )]
    Malformed {
        /// The whole string.
        text: String,
        /// What is wrong.
        message: &'static str,
    },
}

/// What to do with holes that no value is known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// An error.
    Refused,
    /// Left for a later filling, as are escaped braces.
    Left,
}

enum Part<'a> {
    Text(&'a str),
    Hole { name: &'a str, width: usize },
}

/// Widest padding: nothing real needs more, and a typing error must not fill the memory.
const MAX_WIDTH: usize = 64;

fn parts(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let malformed = |message| TemplateError::Malformed {
        text: text.to_owned(),
        message,
    };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            found.push(Part::Text(&rest[..at]));
        }
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            found.push(Part::Text(&tail[..1]));
            rest = &tail[2..];
            continue;
        }
        if tail.starts_with('}') {
            return Err(malformed("a closing brace without an opening one"));
        }
        let end = tail
            .find('}')
            .ok_or_else(|| malformed("an opening brace without a closing one"))?;
        let (name, width) = match tail[1..end].split_once(':') {
            None => (&tail[1..end], Some(0)),
            Some((name, width)) => (name, width.parse().ok()),
        };
        let width = width.filter(|width| *width <= MAX_WIDTH);
        let width = width.ok_or_else(|| malformed("the width is not a number up to 64"))?;
        found.push(Part::Hole { name, width });
        rest = &tail[end + 1..];
    }
    if !rest.is_empty() {
        found.push(Part::Text(rest));
    }
    Ok(found)
}

fn fill_text(text: &str, context: &Context, unknown: Unknown) -> Result<Value, TemplateError> {
    let parts = parts(text)?;
    if let [Part::Hole { name, width: 0 }] = parts.as_slice()
        && let Some(value) = context.get(*name)
    {
        return Ok(value.clone());
    }
    let mut filled = String::with_capacity(text.len());
    for part in parts {
        match (part, unknown) {
            // Text between holes holds no brace: one that is a brace was an escape.
            (Part::Text(brace @ ("{" | "}")), Unknown::Left) => filled.extend([brace, brace]),
            (Part::Text(piece), _) => filled.push_str(piece),
            (Part::Hole { name, width }, unknown) => match (context.get(name), unknown, width) {
                (Some(value), ..) => {
                    let piece = text_of(value);
                    filled.extend(std::iter::repeat_n('0', width.saturating_sub(piece.len())));
                    filled.push_str(&piece);
                }
                (None, Unknown::Left, 0) => filled.extend(["{", name, "}"]),
                (None, Unknown::Left, width) => {
                    filled.extend(["{", name, ":0", &width.to_string(), "}"]);
                }
                (None, Unknown::Refused, _) => {
                    let known: Vec<&str> = context.keys().map(String::as_str).collect();
                    return Err(TemplateError::Unknown {
                        name: name.to_owned(),
                        text: text.to_owned(),
                        known: if known.is_empty() {
                            "nothing".to_owned()
                        } else {
                            known.join(", ")
                        },
                    });
                }
            },
        }
    }
    Ok(Value::String(filled))
}

fn fill_tree(value: &Value, context: &Context, unknown: Unknown) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) => fill_text(text, context, unknown)?,
        Value::Array(items) => (items.iter())
            .map(|item| fill_tree(item, context, unknown))
            .collect::<Result<_, _>>()?,
        Value::Object(members) => Value::Object(
            (members.iter())
                .map(|(key, member)| Ok((key.clone(), fill_tree(member, context, unknown)?)))
                .collect::<Result<_, TemplateError>>()?,
        ),
        other => other.clone(),
    })
}

/// A value as part of a text.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Fills the holes of one string.
pub(crate) fn fill(text: &str, context: &Context) -> Result<String, TemplateError> {
    Ok(text_of(&fill_text(text, context, Unknown::Refused)?))
}

/// Fills all strings inside a JSON value.
pub(crate) fn fill_value(value: &Value, context: &Context) -> Result<Value, TemplateError> {
    fill_tree(value, context, Unknown::Refused)
}

/// Fills the holes that have a value and leaves the others, and escaped braces, to a later filling.
pub(super) fn fill_known(value: &Value, context: &Context) -> Result<Value, TemplateError> {
    fill_tree(value, context, Unknown::Left)
}

/// Fills all strings of a command line.
pub(crate) fn fill_command(
    command: &[String],
    context: &Context,
) -> Result<Vec<String>, TemplateError> {
    command.iter().map(|part| fill(part, context)).collect()
}

/// Whether a string has a hole of this name. Malformed strings have none.
pub(crate) fn mentions(text: &str, wanted: &str) -> bool {
    let is_it = |part: &Part<'_>| matches!(part, Part::Hole { name, .. } if *name == wanted);
    parts(text).is_ok_and(|parts| parts.iter().any(is_it))
}

/// Whether a string inside a JSON value has a hole of this name.
pub(super) fn value_mentions(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => mentions(text, wanted),
        Value::Array(items) => items.iter().any(|item| value_mentions(item, wanted)),
        Value::Object(members) => members.values().any(|one| value_mentions(one, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A text as a template that comes to this text.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// A value as a template that comes to this value.
pub(super) fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(text)),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(members) => {
            let literals = members.iter().map(|(key, one)| (key.clone(), literal(one)));
            Value::Object(literals.collect())
        }
        other => other.clone(),
    }
}

/// How the values of one variable are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variable {
    /// A string of this many ASCII letters and digits.
    String(Length),
    /// A whole number between these two, both included.
    Integer([i64; 2]),
    /// One of these values.
    Choice(Vec<Value>),
}

/// How long a string is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Length {
    /// So many characters.
    Of(usize),
    /// A template that a sweep fills with the number.
    Template(String),
}

/// Longest generated string: a larger one than any body that a server takes by default (4 MiB)
/// would only measure rejections.
const MAX_STRING: usize = 4 << 20;

impl Variable {
    /// Says what is wrong with the definition, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::String(Length::Template(text)) => Err(format!(
                "string = \"{text}\" is not a number, and no sweep says which it is"
            )),
            Self::String(Length::Of(length)) if *length > MAX_STRING => Err(format!(
                "string = {length} is longer than the largest allowed, {MAX_STRING}"
            )),
            Self::Integer([low, high]) if low > high => Err(format!(
                "integer = [{low}, {high}] is empty: the lower bound comes first"
            )),
            Self::Choice(values) if values.is_empty() => {
                Err("choice = [] has nothing to choose from".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// A source of values with a fixed seed. The algorithm (xoshiro256++) is fixed too: the same seed
/// draws the same values with every version of the harness.
#[derive(Debug)]
pub(crate) struct Generator(Xoshiro256PlusPlus);

impl Generator {
    /// A generator that starts at this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// The next value of a variable; a length that was never filled has none.
    pub(super) fn draw(&mut self, variable: &Variable) -> Value {
        const LETTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        match variable {
            Variable::String(Length::Template(_)) => Value::Null,
            Variable::String(Length::Of(length)) => Value::String(
                (0..*length)
                    .map(|_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())]))
                    .collect(),
            ),
            Variable::Integer([low, high]) => Value::from(self.0.random_range(*low..=*high)),
            Variable::Choice(values) => {
                let chosen = self.0.random_range(0..values.len().max(1));
                values.get(chosen).cloned().unwrap_or(Value::Null)
            }
        }
    }

    /// A number below this one, which is not 0.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0.random_range(0..end)
    }

    /// Puts items into an order drawn from the generator.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.0.random_range(0..=last));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Context, Generator, TemplateError, fill, fill_known, fill_value, mentions};

    fn context() -> Context {
        Context::from([
            ("id".to_owned(), json!(42)),
            ("word".to_owned(), json!("tea")),
        ])
    }

    #[test]
    fn holes_are_filled_padded_typed_and_escaped() {
        let filled = fill_value(
            &json!({"a": ["{id}", "SKU-{id:06} {word} {{x}}"]}),
            &context(),
        );
        assert_eq!(filled, Ok(json!({"a": [42, "SKU-000042 tea {x}"]})));
        assert!(mentions("--url={upstream_url}", "upstream_url"));
        assert!(!mentions("{{upstream_url}}", "upstream_url"));
    }

    #[test]
    fn unknown_holes_are_left_for_later() {
        let text = json!("{word} {later} {later:06} {id:04} {{word}}");
        let once = fill_known(&text, &context()).unwrap();
        assert_eq!(once, "tea {later} {later:06} 0042 {{word}}");
        let later = Context::from([("later".to_owned(), json!(7))]);
        assert_eq!(
            fill_value(&once, &later).unwrap(),
            "tea 7 000007 0042 {word}"
        );
    }

    #[test]
    fn unknown_names_stray_braces_and_wide_padding_are_rejected() {
        for text in ["{id", "id}", "{id:x}", "{id:9999999}"] {
            assert!(
                matches!(fill(text, &context()), Err(TemplateError::Malformed { .. })),
                "{text}"
            );
            assert!(
                fill_known(&Value::from(text), &context()).is_err(),
                "{text}"
            );
        }
        let error = fill("{nope}", &context()).unwrap_err().to_string();
        assert!(
            error.contains("`nope`") && error.contains("id, word"),
            "{error}"
        );
    }

    #[test]
    fn a_shuffle_keeps_all_items_and_depends_on_the_seed() {
        let order = |seed| {
            let mut items: Vec<u8> = (0..20).collect();
            Generator::new(seed).shuffle(&mut items);
            items
        };
        let mut sorted = order(3);
        assert_eq!(order(3), sorted);
        assert_ne!(order(3), order(4));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<u8>>());
    }
}
