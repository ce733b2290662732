//! A result that is JSON already, so that it can be kept and given again for the price of a copy.

use bytes::Bytes;
use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult, ResultType},
};

use super::outcome::{FastResult, Outcome};

/// A complete result as JSON: `{"content":[...],"structuredContent":{...},"isError":false}`, on one line and
/// without `resultType`, which depends on who asks. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerializedResult {
    /// An object with at least one member.
    json: Bytes,
    is_error: bool,
}

impl SerializedResult {
    /// Writes `result`.
    ///
    /// # Errors
    /// When it is no complete result but a JSON-RPC error, or cannot be written.
    pub fn of(result: impl FastResult) -> Result<Self, ErrorData> {
        result.outcome().written()
    }

    /// What is JSON already: see [`Self::json`].
    pub(super) fn new(json: Vec<u8>, is_error: bool) -> Self {
        Self {
            json: json.into(),
            is_error,
        }
    }

    /// Takes what [`Self::json`] has given to somebody else to keep, if it is still that.
    #[must_use]
    pub fn read(json: Bytes) -> Option<Self> {
        // It goes into a reply as it is, which begins with more members and, on stdio, ends with its line.
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

    /// The JSON.
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
            ErrorData::internal_error(format!("a kept result cannot be read: {error}"), None)
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

    /// What the reply's result is on rmcp's path.
    fn by_rmcp(result: impl IntoCallToolResult) -> Value {
        match result.into_call_tool_result().unwrap() {
            CallToolResponse::Complete(result) => serde_json::to_value(result).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_written_is_what_it_was() {
        let text = "\"{}\\:\u{1}é\nand more";
        let structured = || Json(json!({"b": [1.5, text], "a": null}));
        let written = SerializedResult::of(structured()).unwrap();
        assert!(!written.is_error());
        assert_eq!(by_rmcp(written.clone()), by_rmcp(structured()));
        assert_eq!(SerializedResult::read(written.json().clone()), Some(written));

        let error = || CallToolResult::error(vec![ContentBlock::text(text)]);
        let written = SerializedResult::of(error()).unwrap();
        assert!(written.is_error());
        assert_eq!(by_rmcp(written.clone()), by_rmcp(error()));
        assert_eq!(SerializedResult::read(written.json().clone()), Some(written));
    }

    #[test]
    fn a_json_rpc_error_is_no_result() {
        let error = ErrorData::invalid_params("no", None);
        assert_eq!(SerializedResult::of(error.clone()), Err(error));
    }

    #[test]
    fn what_could_break_a_reply_is_not_read() {
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
