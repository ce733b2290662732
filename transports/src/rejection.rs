//! Parses messages, and words the JSON-RPC errors that reject bytes which are none.

use rmcp::{
    RoleServer,
    model::{ErrorCode, ErrorData, JsonRpcError, RequestId},
    service::RxJsonRpcMessage,
};
use serde_json::{Value, value::RawValue};

/// Server-defined error of JSON-RPC 2.0 section 5.1: the client has too many requests in flight.
const TOO_MANY_IN_FLIGHT: ErrorCode = ErrorCode(-32000);

/// A message that is not accepted, as the JSON-RPC error that says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    code: ErrorCode,
    message: String,
    /// The request's id, where it could be read.
    id: Option<RequestId>,
}

impl Rejection {
    /// Rejects a message that is larger than `limit_bytes`.
    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            message: format!("Invalid Request: the message is larger than {limit_bytes} bytes"),
            id: None,
        }
    }

    /// Rejects a request whose id is in flight already.
    pub(crate) fn id_in_flight(id: RequestId) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            message: format!("Invalid Request: a request with id {id} is in flight already"),
            id: Some(id),
        }
    }

    /// Rejects a request whose method the server does not have.
    pub(crate) fn method_not_found(id: RequestId, method: &str) -> Self {
        Self {
            code: ErrorCode::METHOD_NOT_FOUND,
            message: method.to_owned(),
            id: Some(id),
        }
    }

    /// Rejects a request of a client that has `max_in_flight` in flight.
    pub(crate) fn too_many_in_flight(id: RequestId, max_in_flight: usize) -> Self {
        Self {
            code: TOO_MANY_IN_FLIGHT,
            message: format!(
                "{max_in_flight} requests are in flight already; wait for an answer before sending more"
            ),
            id: Some(id),
        }
    }

    fn unreadable(bytes: &[u8], error: &serde_json::Error) -> Self {
        match serde_json::from_slice::<Value>(bytes) {
            Err(syntax) => Self {
                code: ErrorCode::PARSE_ERROR,
                message: format!("Parse error: {syntax}"),
                id: None,
            },
            Ok(value) => Self {
                code: ErrorCode::INVALID_REQUEST,
                message: format!("Invalid Request: {error}"),
                id: value
                    .get("id")
                    .and_then(|id| serde_json::from_value(id.clone()).ok()),
            },
        }
    }

    /// Rejects a batch as a whole.
    pub(crate) fn bad_batch(message: &str) -> Self {
        Self {
            code: ErrorCode::INVALID_REQUEST,
            message: format!("Invalid Request: {message}"),
            id: None,
        }
    }

    /// Whether the client cannot tell which request this answers.
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

/// Parses one message.
///
/// # Errors
/// -32700 for bytes that are not JSON, -32600 for JSON that is no message.
pub(crate) fn parse(bytes: &[u8]) -> Result<RxJsonRpcMessage<RoleServer>, Rejection> {
    serde_json::from_slice(bytes).map_err(|error| Rejection::unreadable(bytes, &error))
}

/// A JSON array of messages (MCP 2025-03-26, "Batching").
pub(crate) enum Batch {}

/// The members that decide whether a message may be part of a batch.
#[derive(serde::Deserialize)]
struct BatchMember {
    id: Option<Value>,
    method: String,
}

impl Batch {
    /// Splits a batch into its messages; returns nothing if `bytes` are no batch.
    pub(crate) fn read(
        bytes: &[u8],
        max_messages: usize,
    ) -> Option<Result<Vec<&RawValue>, Rejection>> {
        if bytes.trim_ascii_start().first() != Some(&b'[') {
            return None;
        }
        let messages: Vec<&RawValue> = serde_json::from_slice(bytes).ok()?;
        Some(match messages.len() {
            0 => Err(Rejection::bad_batch("a batch holds at least one message")),
            count if count <= max_messages => Ok(messages),
            count => Err(Rejection::bad_batch(&format!(
                "a batch holds at most {max_messages} messages, not {count}"
            ))),
        })
    }

    /// Rejects the one message that must not be part of a batch (MCP 2025-03-26, "Initialization").
    ///
    /// # Errors
    /// -32600 for `initialize`.
    pub(crate) fn admits(message: &RawValue) -> Result<(), Rejection> {
        match serde_json::from_str::<BatchMember>(message.get()) {
            Ok(BatchMember { id, method }) if method == "initialize" => Err(Rejection {
                id: id.and_then(|id| serde_json::from_value(id).ok()),
                ..Rejection::bad_batch("initialize must not be part of a batch")
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rejected(bytes: &str) -> Value {
        let rejection = parse(bytes.as_bytes()).expect_err("is no message");
        serde_json::from_str(&rejection.into_json()).unwrap()
    }

    #[test]
    fn bytes_that_are_not_json_are_a_parse_error_without_id() {
        for bytes in ["", "{", "nonsense", "{\"jsonrpc\":\"2.0\",\"id\":1"] {
            let answer = rejected(bytes);
            assert_eq!(answer["error"]["code"], json!(-32700), "{bytes}");
            assert_eq!(answer.get("id"), None, "{bytes}");
        }
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request_with_its_id() {
        let answer = rejected(r#"{"jsonrpc":"2.0","id":7}"#);
        assert_eq!(answer["error"]["code"], json!(-32600));
        assert_eq!(answer["id"], json!(7));
        for bytes in ["[]", "null", "1", r#"{"id":"a"}"#] {
            assert_eq!(rejected(bytes)["error"]["code"], json!(-32600), "{bytes}");
        }
    }

    #[test]
    fn a_batch_admits_everything_but_initialize() {
        let admits = |json: &str| Batch::admits(serde_json::from_str(json).unwrap());
        for json in ["1", "[]", "{}", r#"{"method":"ping"}"#, r#"{"method":1}"#] {
            assert_eq!(admits(json), Ok(()), "{json}");
        }
        let rejected = admits(r#"{"id":"a","method":"initi\u0061lize"}"#).unwrap_err();
        let answer: Value = serde_json::from_str(&rejected.into_json()).unwrap();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!("a"), &json!(-32600))
        );
    }

    #[test]
    fn a_request_is_a_message() {
        assert!(parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).is_ok());
    }
}
