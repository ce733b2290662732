//! The extra tools (`--extra-tools N`): more tools, for the cost of their definitions.
//!
//! Claim C4: a tool's definition costs 500 to 1,000 tokens, in every request of the model that may
//! use it. These tools look like those of real servers: seven verbs over fifteen kinds of records,
//! each with a schema of its own, so that the tokens of a listing of 5 and of 50 tools can be
//! counted. A call returns its arguments; the tools do nothing else, as each description says.
//!
//! `extra.json` holds the verbs, the kinds of records (`entities`) and the schemas of their fields
//! (`kinds`). In its texts `{one}` and `{many}` stand for the name of the record.

use std::{collections::HashMap, sync::LazyLock};

use rmcp::{
    handler::server::{
        router::tool::{ToolRoute, ToolRouter},
        tool::{IntoCallToolResult, ToolCallContext},
        wrapper::Json,
    },
    model::{JsonObject, Tool, ToolAnnotations},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::server::Experiments;

/// How many extra tools there are.
pub const MAX_EXTRA_TOOLS: usize = 105;

#[expect(
    clippy::expect_used,
    reason = "the file is compiled in, and a test parses it"
)]
static DATA: LazyLock<Data> = LazyLock::new(|| {
    serde_json::from_str(include_str!("extra.json")).expect("extra.json is valid")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    kinds: HashMap<String, JsonObject>,
    verbs: Vec<Verb>,
    entities: Vec<Entity>,
}

/// What a tool does with a record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verb {
    name: String,
    does: String,
    reads: bool,
    /// Whether the fields of the record are arguments.
    #[serde(default)]
    has_fields: bool,
    /// How many of the record's fields are required.
    #[serde(default)]
    required_fields: usize,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    properties: JsonObject,
}

/// A kind of record.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entity {
    one: String,
    many: String,
    about: String,
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    kind: String,
    /// What the schema holds beside that of `kind`.
    #[serde(flatten)]
    schema: JsonObject,
}

impl Entity {
    /// `text` with the name of the record.
    fn fill(&self, text: &str) -> String {
        text.replace("{one}", &self.one)
            .replace("{many}", &self.many)
    }
}

impl Verb {
    /// The definition of the tool that does this with `entity`.
    fn tool(&self, entity: &Entity) -> Tool {
        let name = entity.fill(&self.name);
        let (does, about) = (&self.does, &entity.about);
        let description =
            format!("{does}. A record is {about}. (An extra tool: it says back its arguments.)");
        let annotations = ToolAnnotations::with_title(name.replace('_', " "))
            .read_only(self.reads)
            .open_world(false);
        Tool::new(name, description, self.schema(entity)).with_annotations(annotations)
    }

    /// The schema of its arguments.
    fn schema(&self, entity: &Entity) -> JsonObject {
        let mut properties = self.properties.clone();
        for schema in properties.values_mut() {
            if let Value::String(description) = &mut schema["description"] {
                *description = entity.fill(description);
            }
        }
        let fields = entity.fields.iter().filter(|_| self.has_fields);
        for Field { name, kind, schema } in fields {
            let mut property = DATA.kinds.get(kind).cloned().unwrap_or_default();
            property.extend(schema.clone());
            properties.insert(name.clone(), property.into());
        }
        let fields = entity.fields.iter().map(|field| &field.name);
        let required = self
            .required
            .iter()
            .chain(fields.take(self.required_fields));
        let mut schema = JsonObject::new();
        schema.insert("type".into(), json!("object"));
        schema.insert("properties".into(), properties.into());
        schema.insert("required".into(), required.cloned().collect());
        schema.insert("additionalProperties".into(), json!(false));
        schema
    }
}

/// The definitions of the first `count` extra tools, in an order that does not change; of all of
/// them, when `count` is more than [`MAX_EXTRA_TOOLS`].
#[must_use]
pub fn definitions(count: usize) -> Vec<Tool> {
    if count == 0 {
        return Vec::new();
    }
    let of = |entity: &'static Entity| DATA.verbs.iter().map(|verb| verb.tool(entity));
    DATA.entities.iter().flat_map(of).take(count).collect()
}

/// The result of every extra tool.
#[derive(Debug, Serialize, JsonSchema)]
struct ExtraResult {
    /// The arguments as they came.
    arguments: JsonObject,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// The tool's name.
    tool: String,
}

/// The first `count` extra tools, which return their arguments.
pub(crate) fn router(count: usize) -> ToolRouter<Experiments> {
    let mut router = ToolRouter::new();
    for tool in definitions(count) {
        router.add_route(ToolRoute::new_dyn(
            tool,
            |call: ToolCallContext<'_, Experiments>| {
                let result = Json(ExtraResult {
                    arguments: call.arguments.unwrap_or_default(),
                    server_type: call.service.app().server_type,
                    tool: call.name.into_owned(),
                });
                Box::pin(async { result.into_call_tool_result() })
            },
        ));
    }
    router
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_is_the_published_one() {
        let published = include_str!("../tests/it/extra_tools.jsonl").lines();
        let published: Vec<Value> = published
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let tools = definitions(usize::MAX);
        assert_eq!(tools.len(), MAX_EXTRA_TOOLS);
        assert_eq!(published.len(), MAX_EXTRA_TOOLS);
        for (tool, published) in tools.iter().zip(published) {
            assert_eq!(json!(tool), published, "{}", tool.name);
        }
    }
}
