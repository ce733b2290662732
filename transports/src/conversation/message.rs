//! From bytes to a message, and the JSON-RPC errors for what is none.

use rmcp::{
    RoleServer,
    model::{ErrorCode, ErrorData, JsonRpcError, RequestId},
    service::RxJsonRpcMessage,
};
use serde_json::Value;

use super::MAX_IN_FLIGHT;

/// Server-defined error of JSON-RPC 2.0 section 5.1: more requests in flight than are taken.
const TOO_MANY_IN_FLIGHT: ErrorCode = ErrorCode(-32000);

/// A message that is not taken, as the JSON-RPC error that says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    code: ErrorCode,
    message: String,
    /// The request's id, where it could be read.
    id: Option<RequestId>,
}

impl Refusal {
    /// A message that is larger than is taken.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            message: format!("Invalid Request: the message is larger than {limit_bytes} bytes"),
            id: None,
        }
    }

    /// A request whose id is in flight already.
    pub(super) fn id_in_flight(id: RequestId) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            message: format!("Invalid Request: a request with id {id} is in flight already"),
            id: Some(id),
        }
    }

    /// A request more than may be in flight.
    pub(super) fn too_many_in_flight(id: RequestId) -> Self {
        Self {
            code: TOO_MANY_IN_FLIGHT,
            message: format!(
                "{MAX_IN_FLIGHT} requests are in flight already; wait for an answer before sending more"
            ),
            id: Some(id),
        }
    }

    /// Whether the client has no way to tell which request this answers.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.id.is_none()
    }

    /// The JSON-RPC error response. Without an id the field is left out, as MCP 2026-07-28 has it
    /// ("Error Responses").
    #[must_use]
    pub fn into_json(self) -> String {
        let error = JsonRpcError::new(self.id, ErrorData::new(self.code, self.message, None));
        // Strings and numbers always serialise.
        serde_json::to_string(&error).unwrap_or_default()
    }
}

/// Reads one message.
///
/// # Errors
/// -32700 for what is not JSON, -32600 for JSON that is no message.
pub(super) fn parse(bytes: &[u8]) -> Result<RxJsonRpcMessage<RoleServer>, Refusal> {
    serde_json::from_slice(bytes).map_err(|no_message| {
        match serde_json::from_slice::<Value>(bytes) {
            Err(no_json) => Refusal {
                code: ErrorCode::PARSE_ERROR,
                message: format!("Parse error: {no_json}"),
                id: None,
            },
            Ok(value) => Refusal {
                code: ErrorCode::INVALID_REQUEST,
                message: format!("Invalid Request: {no_message}"),
                id: value
                    .get("id")
                    .and_then(|id| serde_json::from_value(id.clone()).ok()),
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(bytes: &str) -> Value {
        let refusal = parse(bytes.as_bytes()).expect_err("is no message");
        serde_json::from_str(&refusal.into_json()).unwrap()
    }

    #[test]
    fn what_is_not_json_is_a_parse_error_without_id() {
        for bytes in ["", "{", "nonsense", "{\"jsonrpc\":\"2.0\",\"id\":1"] {
            let answer = refused(bytes);
            assert_eq!(answer["error"]["code"], json!(-32700), "{bytes}");
            assert_eq!(answer.get("id"), None, "{bytes}");
        }
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request_with_its_id() {
        let answer = refused(r#"{"jsonrpc":"2.0","id":7}"#);
        assert_eq!(answer["error"]["code"], json!(-32600));
        assert_eq!(answer["id"], json!(7));
        for bytes in ["[]", "null", "1", r#"{"id":"a"}"#] {
            assert_eq!(refused(bytes)["error"]["code"], json!(-32600), "{bytes}");
        }
    }

    #[test]
    fn a_request_is_a_message() {
        assert!(parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).is_ok());
    }
}
