//! Tools that return content of each kind. They do not talk to their client, so they are fast.

#![expect(
    clippy::unused_self,
    reason = "a tool is a method, and the results of these are fixed"
)]

use std::sync::Arc;

use rmcp::{
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock, JsonObject, ResourceContents},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Fixtures;

/// A PNG of one red pixel.
pub(crate) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mO4YGAAAAMEATFKQqbbAAAAAElFTkSuQmCC";
/// A WAV file of eight silent samples.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// The arguments of `test_header_argument`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct HeaderArguments {
    /// Where the call is to run; from 2026-07-28 on the header `Mcp-Param-Region` repeats it.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

#[tool_router(router = contents_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Returns a text")]
    pub(crate) fn test_simple_text(&self) -> String {
        "This is a simple text response for testing.".to_owned()
    }

    #[tool(description = "Returns an image")]
    pub(crate) fn test_image_content(&self) -> ContentBlock {
        ContentBlock::image(PNG, "image/png")
    }

    #[tool(description = "Returns a sound")]
    pub(crate) fn test_audio_content(&self) -> ContentBlock {
        ContentBlock::audio(WAV, "audio/wav")
    }

    #[tool(description = "Returns a resource")]
    pub(crate) fn test_embedded_resource(&self) -> ContentBlock {
        let text = "This is an embedded resource content.";
        let resource = ResourceContents::text(text, "test://embedded-resource");
        ContentBlock::resource(resource.with_mime_type("text/plain"))
    }

    #[tool(description = "Returns a text, an image and a resource")]
    pub(crate) fn test_multiple_content_types(&self) -> CallToolResult {
        let data = json!({"test": "data", "value": 123}).to_string();
        let resource = ResourceContents::text(data, "test://mixed-content-resource");
        CallToolResult::success(vec![
            ContentBlock::text("Multiple content types test:"),
            ContentBlock::image(PNG, "image/png"),
            ContentBlock::resource(resource.with_mime_type("application/json")),
        ])
    }

    #[tool(description = "Fails")]
    pub(crate) fn test_error_handling(&self) -> Result<String, String> {
        Err("This tool intentionally returns an error for testing".to_owned())
    }

    #[tool(
        description = "Tool with JSON Schema 2020-12 features",
        input_schema = json_schema_2020_12()
    )]
    pub(crate) fn json_schema_2020_12_tool(&self) -> String {
        "The schema of this tool's arguments is what counts.".to_owned()
    }

    #[tool(description = "Returns an argument that a header repeats")]
    pub(crate) fn test_header_argument(
        &self,
        Parameters(HeaderArguments { region }): Parameters<HeaderArguments>,
    ) -> String {
        region
    }
}

/// A schema with the keywords of JSON Schema 2020-12 that a listing has to keep.
fn json_schema_2020_12() -> Arc<JsonObject> {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}}
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"}
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false
    });
    match schema {
        Value::Object(schema) => Arc::new(schema),
        _ => Arc::default(),
    }
}
