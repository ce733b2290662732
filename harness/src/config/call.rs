//! A suite from one call that is given by hand: a tool, its arguments, and what a right answer is.
//!
//! What is given by hand has no templates: braces are braces.

use serde_json::{Map, Value, json};

use super::expect::Expect;
use super::suite::Suite;
use crate::load::JsonType;

/// Where the text of the first content block is.
const FIRST_TEXT: &str = "/content/0/text";

/// The places of a result that say what was answered; the others (`_meta`) may differ from answer to answer.
const ANSWER: [&str; 2] = ["content", "structuredContent"];

/// A suite that asks this call over and over.
///
/// # Errors
/// A sentence when the arguments cannot be kept with a run.
pub fn suite(tool: &str, arguments: &Map<String, Value>, expect: &Expect) -> Result<Suite, String> {
    if arguments.values().any(has_null) {
        return Err(
            "the arguments hold a null, which the TOML that is kept with a run cannot say: leave that member out"
                .to_owned(),
        );
    }
    let members = arguments.iter();
    let arguments: Map<String, Value> = members
        .map(|(key, value)| (key.clone(), literal(value)))
        .collect();
    // By way of its keys, so that all others are what they are in a file that does not name them.
    let suite = json!({
        "description": format!("{}, asked with the same arguments each time.", escaped(tool)),
        "tool": tool,
        "variants": 1,
        "arguments": arguments,
        "expect": expect,
    });
    let suite: Suite = serde_json::from_value(suite).map_err(|error| error.to_string())?;
    suite.check()?;
    Ok(suite)
}

/// What a right answer is, from `any`, `text=…`, `contains=…` and `/pointer=JSON`; all of them hold.
///
/// # Errors
/// A sentence with the one that is none of these.
pub fn expectation(rules: &[String]) -> Result<Expect, String> {
    let mut expect = Expect::default();
    for rule in rules {
        let unknown = || {
            format!(
                "--expect {rule} is none of text=TEXT, contains=PART, /json/pointer=JSON (a place in the result) and any"
            )
        };
        if rule == "any" {
            expect.kind.insert(String::new(), JsonType::Object);
            continue;
        }
        let (place, wanted) = rule.split_once('=').ok_or_else(unknown)?;
        match place {
            "text" => {
                let text = Value::String(escaped(wanted));
                expect.equals.insert(FIRST_TEXT.to_owned(), text);
            }
            "contains" => {
                expect
                    .contains
                    .insert(FIRST_TEXT.to_owned(), escaped(wanted));
            }
            pointer if pointer.starts_with('/') => {
                let value: Value = serde_json::from_str(wanted).map_err(|error| {
                    format!(
                        "--expect {rule}: {wanted} is not JSON ({error}); a string needs its quotes"
                    )
                })?;
                require(&mut expect, pointer, &value);
            }
            _ => return Err(unknown()),
        }
    }
    Ok(expect)
}

/// A first answer as what all others must be.
///
/// # Errors
/// A sentence when the result says nothing that could be expected.
pub fn learned(result: &Value) -> Result<Expect, String> {
    let mut expect = Expect::default();
    for place in ANSWER {
        if let Some(value) = result.get(place) {
            require(&mut expect, &format!("/{place}"), value);
        }
    }
    if expect.is_empty() {
        return Err(format!(
            "the answer has neither content nor structuredContent, so there is nothing to expect: {result}"
        ));
    }
    Ok(expect)
}

/// Whether two results say the same.
#[must_use]
pub fn is_same_answer(one: &Value, other: &Value) -> bool {
    ANSWER
        .iter()
        .all(|place| one.get(place) == other.get(place))
}

/// The value must be at the place. TOML has no null, so a value that holds one is taken apart.
fn require(expect: &mut Expect, pointer: &str, value: &Value) {
    if !has_null(value) {
        expect.equals.insert(pointer.to_owned(), literal(value));
        return;
    }
    match value {
        Value::Array(items) => {
            expect
                .length
                .insert(pointer.to_owned(), Value::from(items.len()));
            for (index, item) in items.iter().enumerate() {
                require(expect, &format!("{pointer}/{index}"), item);
            }
        }
        Value::Object(members) => {
            expect
                .length
                .insert(pointer.to_owned(), Value::from(members.len()));
            for (key, member) in members {
                // RFC 6901, section 3.
                let key = key.replace('~', "~0").replace('/', "~1");
                require(expect, &format!("{pointer}/{key}"), member);
            }
        }
        _ => {
            expect.kind.insert(pointer.to_owned(), JsonType::Null);
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A text as a template that comes to this text.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(text)),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(members) => {
            let members = members.iter();
            Value::Object(
                members
                    .map(|(key, value)| (key.clone(), literal(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{expectation, learned, suite};
    use crate::config::expect::Expect;
    use crate::config::template::Context;
    use crate::load::Expectation;
    use crate::results::folder::definition_text;

    fn holds(expect: &Expect, result: &Value) -> bool {
        let checks = expect.checks(&Context::new()).unwrap();
        checks.iter().all(|check| check.hold(result).is_ok())
    }

    fn rules(rules: &[&str]) -> Result<Expect, String> {
        let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
        expectation(&rules)
    }

    fn said(text: &str) -> Value {
        json!({ "content": [{ "type": "text", "text": text }] })
    }

    #[test]
    fn each_form_of_an_expectation_takes_what_it_says() {
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
    fn a_first_answer_is_held_to_its_last_null() {
        let answer = |x: Value, meta: u32| {
            json!({
                "content": [{ "type": "text", "text": "{x}", "annotations": null }],
                "structuredContent": { "a/b": { "x": x }, "many": [1, 2] },
                "_meta": { "at": meta },
            })
        };
        let expect = learned(&answer(Value::Null, 1)).unwrap();
        assert!(holds(&expect, &answer(Value::Null, 2)));
        assert!(!holds(&expect, &answer(json!(1), 1)));
        let mut more = answer(Value::Null, 1);
        more["structuredContent"]["new"] = json!(1);
        assert!(!holds(&expect, &said("{x}")));
        // What holds no null is compared whole.
        more["structuredContent"]["a/b"] = json!({});
        assert!(!holds(&expect, &more));
        assert!(learned(&json!({ "_meta": {} })).is_err());
    }

    #[test]
    fn a_call_given_by_hand_is_asked_as_it_is_and_kept_with_the_run() {
        let Value::Object(arguments) = json!({ "text": "{not a template}", "deep": [{ "n": 1 }] })
        else {
            panic!("an object");
        };
        let suite = suite("say", &arguments, &rules(&["any"]).unwrap()).unwrap();
        let calls = suite.exchanges(&Context::new()).unwrap();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].arguments, Value::Object(arguments));
        assert!(matches!(&calls[0].expect, Expectation::Result(checks) if checks.len() == 1));
        assert!(definition_text(&suite).is_ok());
    }

    #[test]
    fn a_null_among_the_arguments_is_refused() {
        let Value::Object(arguments) = json!({ "a": [null] }) else {
            panic!("an object");
        };
        let error = suite("say", &arguments, &rules(&["any"]).unwrap()).unwrap_err();
        assert!(error.contains("null"), "{error}");
    }
}
