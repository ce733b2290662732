//! `process_json_data`: turns all text of a JSON object into capitals.

use serde_json::{Map, Value};
use transports::admission::Stop;

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::process_router);

/// From so many bytes of text and values together on, the work may move to another thread. So many
/// of them take 1 us (one text in ASCII), 16 us (numbers) or 36 us (other letters), and moving work
/// takes 13 us; measured on a machine of two cores, `opt-level` 2.
const LONG_WORK: usize = 8 * 1024;

/// The arguments of `process_json_data`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessArguments {
    /// Any JSON object.
    data: Map<String, Value>,
}

/// The result of `process_json_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProcessResult {
    /// The names of the object's own members, in the order of the alphabet.
    original_keys: Vec<String>,
    /// The object with every string value, at any depth, in capitals; names stay as they were.
    transformed_data: Map<String, Value>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = process_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Turns every string value of a JSON object into capitals, at any depth, and lists the object's own keys.",
        annotations(
            title = "Process JSON data",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(super) async fn process_json_data(
        &self,
        Parameters(arguments): Parameters<ProcessArguments>,
    ) -> Result<Json<ProcessResult>, ToolError> {
        let ProcessArguments { data } = arguments;
        let length = if size(&data) < LONG_WORK {
            CpuWork::Short
        } else {
            CpuWork::Long
        };
        let state = self.state();
        let server_type = state.server_type;
        let work = move |_: &Stop| transform(data, server_type);
        Ok(Json(state.compute(length, work).await?))
    }
}

fn transform(mut data: Map<String, Value>, server_type: &'static str) -> ProcessResult {
    data.values_mut().for_each(capitalise);
    let mut original_keys: Vec<_> = data.keys().cloned().collect();
    // Sorted already, unless a crate of the program switches on serde_json's `preserve_order`.
    original_keys.sort_unstable();
    ProcessResult {
        original_keys,
        transformed_data: data,
        server_type,
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
    fn much_work_is_seen_wherever_it_lies() {
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
}
