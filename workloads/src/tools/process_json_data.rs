//! `process_json_data`: turns all text of a JSON object into capitals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use transports::runtime::Handle;

use crate::tuning::{CpuOffload, CpuWork};

/// From so many bytes of text and values together on, the work is moved to where it may block. So many of them take
/// 1 us (one text in ASCII), 16 us (numbers) or 36 us (other letters), and moving work takes 13 us; measured on a
/// machine of two cores, `opt-level` 2.
const LONG_WORK: usize = 8 * 1024;

/// The arguments of `process_json_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessArguments {
    /// Any JSON object.
    pub data: Map<String, Value>,
}

/// The result of `process_json_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProcessResult {
    /// The names of the object's own members, in the order of the alphabet.
    pub original_keys: Vec<String>,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The object with every string value, at any depth, in capitals; names stay as they were.
    pub transformed_data: Map<String, Value>,
}

/// Transforms the object, where `cpu` has it when there is much of it.
pub async fn process(
    arguments: ProcessArguments,
    server_type: &'static str,
    runtime: &Handle,
    cpu: CpuOffload,
) -> ProcessResult {
    let ProcessArguments { data } = arguments;
    let work = if size(&data) < LONG_WORK {
        CpuWork::Short
    } else {
        CpuWork::Long
    };
    cpu.run(runtime, work, move || transform(data, server_type))
        .await
}

fn transform(mut data: Map<String, Value>, server_type: &'static str) -> ProcessResult {
    data.values_mut().for_each(capitalise);
    ProcessResult {
        original_keys: data.keys().cloned().collect(),
        server_type,
        transformed_data: data,
    }
}

/// Bytes of text and number of values, as far as [`LONG_WORK`].
fn size(data: &Map<String, Value>) -> usize {
    fn add(size: &mut usize, value: &Value) {
        *size += 1;
        if *size >= LONG_WORK {
            return;
        }
        match value {
            Value::String(text) => *size += text.len(),
            Value::Array(values) => values.iter().for_each(|value| add(size, value)),
            Value::Object(members) => members.values().for_each(|value| add(size, value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut size = 0;
    data.values().for_each(|value| add(&mut size, value));
    size
}

/// `serde_json` reads no deeper than 128 levels, so neither does this.
fn capitalise(value: &mut Value) {
    match value {
        Value::String(text) if text.is_ascii() => text.make_ascii_uppercase(),
        Value::String(text) => *text = text.to_uppercase(),
        Value::Array(values) => values.iter_mut().for_each(capitalise),
        Value::Object(members) => members.values_mut().for_each(capitalise),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_become_capitals_at_every_depth_and_nothing_else_does() {
        let data = json!({
            "name": "ada",
            "list": ["a", 1, null, true, 1.5, {"deep": "stra\u{df}e \u{e9}"}],
            "Empty": {},
            "n\u{e9}": "",
        });
        let Value::Object(data) = data else {
            unreachable!("it is written above");
        };
        let result = serde_json::to_value(transform(data, "test")).unwrap();
        let expected = json!({
            "original_keys": ["Empty", "list", "name", "n\u{e9}"],
            "server_type": "test",
            "transformed_data": {
                "name": "ADA",
                "list": ["A", 1, null, true, 1.5, {"deep": "STRASSE \u{c9}"}],
                "Empty": {},
                "n\u{e9}": "",
            },
        });
        assert_eq!(result, expected);
    }

    #[test]
    fn what_is_much_is_seen_wherever_it_lies() {
        let text = "x".repeat(LONG_WORK);
        for (data, is_long) in [
            (json!({}), false),
            (json!({"a": "x".repeat(LONG_WORK / 2)}), false),
            (json!({"a": [{"b": text}]}), true),
            (json!({"a": vec![0; LONG_WORK]}), true),
        ] {
            let data = data.as_object().unwrap();
            assert_eq!(size(data) >= LONG_WORK, is_long);
        }
    }

    #[test]
    fn only_objects_are_taken() {
        for data in [json!([]), json!("text"), json!(null), json!(1)] {
            let read = serde_json::from_value::<ProcessArguments>(json!({"data": data}));
            let refused = read.unwrap_err().to_string();
            assert!(refused.contains("expected a map"), "{refused}");
        }
    }
}
