//! `--extra-tools N`: more tools, for what their definitions cost.
//!
//! Claim C4: a tool's definition costs 500 to 1,000 tokens, in every request of the model that may use
//! it. These are tools as real servers have them: seven verbs over fifteen kinds of records, each with
//! a schema of its own, so that the tokens of a listing of 5 and of 50 tools can be counted. They can be
//! called, and say back what they were given; nothing is behind them, as each description says.

mod entities;
mod verbs;

use rmcp::model::{JsonObject, Tool};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use verbs::VERBS;

/// How many extra tools there are.
pub const MAX_EXTRA_TOOLS: usize = entities::COUNT * VERBS.len();

/// A kind of record: its name, its plural, what it is, and its fields.
struct Entity(&'static str, &'static str, &'static str, &'static [Field]);

/// A field of a record: its name, its kind, and what it means.
struct Field(&'static str, Kind, &'static str);

/// What a field may hold.
enum Kind {
    Amount,
    Choice(&'static [&'static str]),
    Date,
    Email,
    Flag,
    Names,
    Text,
    Whole(i64, i64),
}

impl Field {
    /// Its name and its schema.
    fn property(&self) -> (&'static str, Value) {
        let Self(name, kind, about) = self;
        let mut schema = match kind {
            Kind::Amount => json!({"type": "number", "minimum": 0, "multipleOf": 0.01}),
            Kind::Choice(values) => json!({"type": "string", "enum": values}),
            Kind::Date => json!({"type": "string", "format": "date"}),
            Kind::Email => json!({"type": "string", "format": "email"}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Names => json!({"type": "array", "items": {"type": "string"}, "maxItems": 50}),
            Kind::Text => json!({"type": "string", "minLength": 1, "maxLength": 200}),
            Kind::Whole(least, most) => {
                json!({"type": "integer", "minimum": least, "maximum": most})
            }
        };
        schema["description"] = json!(about);
        (name, schema)
    }
}

/// The definitions of the first `count` extra tools, in an order that does not change; of all of
/// them, when `count` is more than [`MAX_EXTRA_TOOLS`].
#[must_use]
pub fn definitions(count: usize) -> Vec<Tool> {
    let of = |entity: &'static Entity| VERBS.iter().map(|verb| verb.tool(entity));
    entities::all().flat_map(of).take(count).collect()
}

/// The result of every extra tool.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExtraResult {
    /// The arguments as they came.
    pub arguments: JsonObject,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The tool's name.
    pub tool: String,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_tool_has_a_name_and_a_schema_of_its_own() {
        let tools = definitions(usize::MAX);
        assert_eq!(tools.len(), MAX_EXTRA_TOOLS);
        assert!(tools.len() >= 100, "{}", tools.len());
        let distinct = |of: &dyn Fn(&Tool) -> String| tools.iter().map(of).collect::<HashSet<_>>();
        assert_eq!(distinct(&|tool| tool.name.to_string()).len(), tools.len());
        let described = distinct(&|tool| tool.description.clone().unwrap_or_default().into());
        assert_eq!(described.len(), tools.len());
        // Reading, deleting, exporting and commenting are the same but for the kind of record.
        let schemas = distinct(&|tool| json!(tool.input_schema).to_string());
        assert!(schemas.len() >= 4 * entities::COUNT, "{}", schemas.len());
    }

    #[test]
    fn the_first_are_the_same_however_many_are_asked_for() {
        let names =
            |count| -> Vec<_> { definitions(count).iter().map(|t| t.name.clone()).collect() };
        assert_eq!(
            names(3),
            ["get_invoice", "search_invoices", "create_invoice"]
        );
        assert_eq!(names(5), names(50)[..5]);
        assert!(names(0).is_empty());
    }

    #[test]
    fn what_is_required_is_described() {
        for tool in definitions(MAX_EXTRA_TOOLS) {
            let properties = tool.input_schema["properties"].as_object().unwrap();
            for name in tool.input_schema["required"].as_array().unwrap() {
                assert!(
                    properties.contains_key(name.as_str().unwrap()),
                    "{}",
                    tool.name
                );
            }
            for (name, schema) in properties {
                assert!(schema["description"].is_string(), "{}.{name}", tool.name);
            }
        }
    }
}
