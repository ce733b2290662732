//! Strings with holes: `{name}`, or `{name:06}` for a number padded with zeros. `{{` and `}}` stand
//! for the braces.
//!
//! A string that is nothing but one hole becomes the value itself, with its type: `"{id}"` is a
//! number when `id` is.

use std::collections::BTreeMap;

use serde_json::Value;

/// What the holes may be filled with.
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
        found.push(
            hole(&tail[1..end]).ok_or_else(|| malformed("the width is not a number up to 64"))?,
        );
        rest = &tail[end + 1..];
    }
    if !rest.is_empty() {
        found.push(Part::Text(rest));
    }
    Ok(found)
}

fn hole(inside: &str) -> Option<Part<'_>> {
    let Some((name, width)) = inside.split_once(':') else {
        return Some(Part::Hole {
            name: inside,
            width: 0,
        });
    };
    let width = width.parse().ok().filter(|width| *width <= MAX_WIDTH)?;
    Some(Part::Hole { name, width })
}

fn look_up<'c>(name: &str, text: &str, context: &'c Context) -> Result<&'c Value, TemplateError> {
    context.get(name).ok_or_else(|| TemplateError::Unknown {
        name: name.to_owned(),
        text: text.to_owned(),
        known: if context.is_empty() {
            "nothing".to_owned()
        } else {
            context.keys().cloned().collect::<Vec<_>>().join(", ")
        },
    })
}

/// Fills the holes of one string.
///
/// # Errors
/// [`TemplateError`] when a name is unknown or the braces do not match.
pub fn fill(text: &str, context: &Context) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            Part::Text(piece) => filled.push_str(piece),
            Part::Hole { name, width } => {
                push_value(&mut filled, look_up(name, text, context)?, width);
            }
        }
    }
    Ok(filled)
}

/// Appends a value as text, padded with zeros.
fn push_value(filled: &mut String, value: &Value, width: usize) {
    let piece = match value {
        Value::String(string) => string.clone(),
        other => other.to_string(),
    };
    for _ in piece.len()..width {
        filled.push('0');
    }
    filled.push_str(&piece);
}

/// Fills the holes that have a value and leaves the others, and escaped braces, to a later filling.
///
/// # Errors
/// [`TemplateError::Malformed`].
pub fn fill_known(text: &str, context: &Context) -> Result<String, TemplateError> {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text)? {
        match part {
            // Text between holes holds no brace: one that is a brace was an escape.
            Part::Text(brace @ ("{" | "}")) => filled.extend([brace, brace]),
            Part::Text(piece) => filled.push_str(piece),
            Part::Hole { name, width } => match (context.get(name), width) {
                (Some(value), width) => push_value(&mut filled, value, width),
                (None, 0) => filled.extend(["{", name, "}"]),
                (None, width) => filled.extend(["{", name, ":0", &width.to_string(), "}"]),
            },
        }
    }
    Ok(filled)
}

/// Fills all strings inside a JSON value. A string that is exactly one hole without a width becomes
/// the typed value.
///
/// # Errors
/// As [`fill`].
pub fn fill_value(value: &Value, context: &Context) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) => match parts(text)?.as_slice() {
            [Part::Hole { name, width: 0 }] => look_up(name, text, context)?.clone(),
            _ => Value::String(fill(text, context)?),
        },
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill_value(item, context))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, member)| Ok((key.clone(), fill_value(member, context)?)))
                .collect::<Result<_, TemplateError>>()?,
        ),
        other => other.clone(),
    })
}

/// Whether a string has a hole of this name. Malformed strings have none.
#[must_use]
pub fn mentions(text: &str, wanted: &str) -> bool {
    parts(text).is_ok_and(|parts| {
        parts
            .iter()
            .any(|part| matches!(part, Part::Hole { name, .. } if *name == wanted))
    })
}

/// Whether a string inside a JSON value has a hole of this name.
#[must_use]
pub fn value_mentions(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => mentions(text, wanted),
        Value::Array(items) => items.iter().any(|item| value_mentions(item, wanted)),
        Value::Object(members) => members
            .values()
            .any(|member| value_mentions(member, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Context, TemplateError, fill, fill_known, fill_value, mentions};

    fn context() -> Context {
        Context::from([
            ("id".to_owned(), json!(42)),
            ("word".to_owned(), json!("tea")),
        ])
    }

    #[test]
    fn holes_are_filled_padded_and_escaped() {
        assert_eq!(
            fill("SKU-{id:06} {word} {{x}}", &context()),
            Ok("SKU-000042 tea {x}".to_owned())
        );
    }

    #[test]
    fn a_lone_hole_keeps_its_type() {
        assert_eq!(
            fill_value(&json!({"a": ["{id}", "no {id}"]}), &context()),
            Ok(json!({"a": [42, "no 42"]}))
        );
    }

    #[test]
    fn what_is_not_known_yet_is_left_for_later() {
        let text = "{word} {later} {later:06} {id:04} {{word}}";
        let once = fill_known(text, &context()).unwrap();
        assert_eq!(once, "tea {later} {later:06} 0042 {{word}}");
        let later = Context::from([("later".to_owned(), json!(7))]);
        assert_eq!(fill(&once, &later).unwrap(), "tea 7 000007 0042 {word}");
        assert!(fill_known("{id", &context()).is_err());
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let Err(TemplateError::Unknown { name, known, .. }) = fill("{nope}", &context()) else {
            panic!("must be refused");
        };
        assert_eq!((name.as_str(), known.as_str()), ("nope", "id, word"));
    }

    #[test]
    fn stray_braces_and_silly_widths_are_refused() {
        for text in ["{id", "id}", "{id:x}", "{id:9999999}"] {
            assert!(
                matches!(fill(text, &context()), Err(TemplateError::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn mentions_sees_holes_and_not_escapes() {
        assert!(mentions("--url={upstream_url}", "upstream_url"));
        assert!(!mentions("{{upstream_url}}", "upstream_url"));
    }
}
