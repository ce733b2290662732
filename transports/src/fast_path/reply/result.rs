//! Writes results as JSON.

use rmcp::{
    ErrorData,
    model::{CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ServerResult, TextContent},
};
use serde::Serialize;

use super::Shape;
use crate::fast_path::{outcome::Outcome, serialized_result::SerializedResult};

/// The beginning of rmcp's error for arguments that a tool cannot read. rmcp reports it in band.
const INVALID_ARGUMENTS: &str = "failed to deserialize parameters";

/// Serialises `outcome`, if it is a result.
pub(in crate::fast_path) fn serialized(outcome: Outcome) -> Result<SerializedResult, ErrorData> {
    let mut out = Vec::new();
    let outcome = match outcome {
        Outcome::Sdk(outcome) => outcome,
        Outcome::Structured(json) => {
            out.push(b'{');
            write_structured(&mut out, &json);
            return Ok(SerializedResult::new(out, false));
        }
        Outcome::Serialized(result) => return Ok(result),
    };
    let result = complete(outcome, Shape::Handshake)?;
    write_call_result(&mut out, &result)
        .map_err(|failure| ErrorData::internal_error(format!("Internal error: {failure}"), None))?;
    Ok(SerializedResult::new(out, result.is_error == Some(true)))
}

/// Appends the members of a complete result whose structured content is `json`, and closes it. `json`
/// has no control characters outside of strings.
pub(super) fn write_structured(out: &mut Vec<u8>, json: &[u8]) {
    out.reserve(2 * json.len() + 128);
    out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":\"");
    let mut rest = json;
    // serde_json has escaped all other characters that need it.
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\"}],\"structuredContent\":");
    out.extend_from_slice(json);
    out.extend_from_slice(b",\"isError\":false}");
}

/// Returns the result to write, as rmcp's handler would return it.
pub(super) fn complete(
    outcome: Result<CallToolResponse, ErrorData>,
    shape: Shape,
) -> Result<CallToolResult, ErrorData> {
    match outcome {
        Ok(CallToolResponse::Complete(result)) => {
            let mut result = ServerResult::CallToolResult(result);
            if shape == Shape::Handshake {
                result.strip_result_type_for_legacy_peer();
            }
            match result {
                ServerResult::CallToolResult(result) => Ok(result),
                _ => Err(not_complete()),
            }
        }
        Ok(_) => Err(not_complete()),
        Err(error)
            if error.code == ErrorCode::INVALID_PARAMS
                && error.message.starts_with(INVALID_ARGUMENTS) =>
        {
            let text = ContentBlock::text(error.message);
            complete(Ok(CallToolResult::error(vec![text]).into()), shape)
        }
        Err(error) => Err(error),
    }
}

fn not_complete() -> ErrorData {
    ErrorData::internal_error(
        "a tool that asks its client for more cannot be fast: take it out of fast_tools!",
        None,
    )
}

/// Appends a [`CallToolResult`] as it serialises itself, with a short cut for texts.
pub(super) fn write_call_result(
    out: &mut Vec<u8>,
    result: &CallToolResult,
) -> serde_json::Result<()> {
    let [
        ContentBlock::Text(TextContent {
            text,
            meta: None,
            annotations: None,
            ..
        }),
    ] = result.content.as_slice()
    else {
        return serde_json::to_writer(out, result);
    };
    out.push(b'{');
    if let Some(result_type) = &result.result_type {
        member(out, "\"resultType\":", result_type)?;
        out.push(b',');
    }
    out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":");
    serde_json::to_writer(&mut *out, text)?;
    out.extend_from_slice(b"}]");
    if let Some(structured) = &result.structured_content {
        member(out, ",\"structuredContent\":", structured)?;
    }
    if let Some(is_error) = result.is_error {
        member(out, ",\"isError\":", &is_error)?;
    }
    if let Some(meta) = &result.meta {
        member(out, ",\"_meta\":", meta)?;
    }
    out.push(b'}');
    Ok(())
}

fn member(out: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, value)
}
