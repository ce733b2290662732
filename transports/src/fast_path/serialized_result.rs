//! A result that is serialised already, so that a cache can give it again for the price of a copy.

use bytes::Bytes;
use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult, ResultType},
};

use super::outcome::{FastResult, Outcome};

/// A complete result as JSON: `{"content":[...],"structuredContent":{...},"isError":false}`, on one
/// line and without `resultType`, which depends on the client's revision. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerializedResult {
    /// An object with at least one member.
    json: Bytes,
    is_error: bool,
}

impl SerializedResult {
    /// Serialises `result`.
    ///
    /// # Errors
    /// The JSON-RPC error that the result is, or an internal error when it cannot be serialised.
    pub fn of(result: impl FastResult) -> Result<Self, ErrorData> {
        result.outcome().serialized()
    }

    /// Wraps JSON of the form that [`Self::json`] returns.
    pub(super) fn new(json: Vec<u8>, is_error: bool) -> Self {
        Self {
            json: json.into(),
            is_error,
        }
    }

    /// Takes back what [`Self::json`] returned, for instance from a shared cache. Returns nothing
    /// for other bytes.
    #[must_use]
    pub fn read(json: Bytes) -> Option<Self> {
        // A reply puts other members before these bytes and, over stdio, ends with the line.
        if !json.starts_with(b"{\"") || memchr::memchr2(b'\n', b'\r', &json).is_some() {
            return None;
        }
        let result: CallToolResult = serde_json::from_slice(&json).ok()?;
        let is_error = result.is_error == Some(true);
        result
            .result_type
            .is_none()
            .then_some(Self { json, is_error })
    }

    /// Returns the JSON.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// Whether it reports an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }
}

impl IntoCallToolResult for SerializedResult {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let mut result: CallToolResult = serde_json::from_slice(&self.json).map_err(|error| {
            ErrorData::internal_error(format!("a stored result cannot be read: {error}"), None)
        })?;
        result.result_type = Some(ResultType::COMPLETE);
        Ok(result.into())
    }
}

impl FastResult for SerializedResult {
    fn outcome(self) -> Outcome {
        Outcome::Serialized(self)
    }
}

#[cfg(test)]
mod tests {
    use rmcp::{handler::server::wrapper::Json, model::ContentBlock};
    use serde_json::{Value, json};

    use super::*;

    /// The result in the reply on the SDK's path.
    fn by_rmcp(result: impl IntoCallToolResult) -> Value {
        match result.into_call_tool_result().unwrap() {
            CallToolResponse::Complete(result) => serde_json::to_value(result).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_serialized_result_says_what_the_result_said() {
        let text = "\"{}\\:\u{1}é\nand more";
        let structured = || Json(json!({"b": [1.5, text], "a": null}));
        let serialized = SerializedResult::of(structured()).unwrap();
        assert!(!serialized.is_error());
        assert_eq!(by_rmcp(serialized.clone()), by_rmcp(structured()));
        assert_eq!(
            SerializedResult::read(serialized.json().clone()),
            Some(serialized)
        );

        let error = || CallToolResult::error(vec![ContentBlock::text(text)]);
        let serialized = SerializedResult::of(error()).unwrap();
        assert!(serialized.is_error());
        assert_eq!(by_rmcp(serialized.clone()), by_rmcp(error()));
        assert_eq!(
            SerializedResult::read(serialized.json().clone()),
            Some(serialized)
        );
    }

    #[test]
    fn a_json_rpc_error_is_no_result() {
        let error = ErrorData::invalid_params("no", None);
        assert_eq!(SerializedResult::of(error.clone()), Err(error));
    }

    #[test]
    fn json_that_could_break_a_reply_is_not_read() {
        for json in [
            "",
            "{}",
            "[]",
            "{\"content\":[]",
            "{\"content\":[]}}",
            " {\"content\":[]}",
            "{\"content\":[]\n}",
            "{\"content\":7}",
            "{\"resultType\":\"complete\",\"content\":[]}",
            "{\"resultType\":\"task\",\"content\":[]}",
            "{\"other\":1}",
        ] {
            assert_eq!(SerializedResult::read(Bytes::from(json)), None, "{json}");
        }
        assert!(SerializedResult::read(Bytes::from("{\"content\":[]}")).is_some());
    }
}
