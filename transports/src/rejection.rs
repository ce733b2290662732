//! Parses messages, and words the JSON-RPC errors that reject bytes which are none.

use rmcp::{
    RoleServer,
    model::{ErrorCode, ErrorData, JsonRpcError, RequestId},
    service::RxJsonRpcMessage,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::admission::{BUSY, NotAdmitted};

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
            code: BUSY,
            message: format!(
                "{max_in_flight} requests are in flight already; wait for an answer before sending more"
            ),
            id: Some(id),
        }
    }

    /// Rejects a message that no memory is free for.
    pub(crate) fn not_admitted(bytes: &[u8], reason: NotAdmitted) -> Self {
        #[derive(Deserialize)]
        struct WithId {
            id: Option<RequestId>,
        }
        Self {
            code: BUSY,
            message: reason.to_string(),
            id: serde_json::from_slice(bytes)
                .ok()
                .and_then(|WithId { id }| id),
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

/// Counts the values of a message before anything reads them: a message of a few megabytes may hold
/// a million, and each takes far more memory than bytes.
///
/// # Errors
/// -32600 when there may be more than `max_values`.
pub(crate) fn count_values(bytes: &[u8], max_values: usize) -> Result<(), Rejection> {
    const BYTES_PER_VALUE: usize = 2;
    if bytes.len() / BYTES_PER_VALUE <= max_values || separators(bytes) <= max_values {
        return Ok(());
    }
    Err(Rejection {
        code: ErrorCode::INVALID_REQUEST,
        message: format!("Invalid Request: the message has more than {max_values} values"),
        id: None,
    })
}

/// Counts what stands in front of values: commas and opening brackets outside of strings.
fn separators(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b',' | b'[' | b'{' => count += 1,
            b'"' => at = after_string(bytes, at),
            _ => {}
        }
    }
    count
}

/// Returns the place after the string whose first character is at `at`.
fn after_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..)
        && let Some(found) = memchr::memchr2(b'"', b'\\', rest)
    {
        at += found + 1;
        if rest[found] == b'"' {
            return at;
        }
        at += 1;
    }
    bytes.len()
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
    fn values_are_counted_outside_of_strings() {
        for (json, count) in [
            ("", 0),
            ("1", 0),
            ("[1,2,3]", 3),
            (r#"{"a":[],"b":{"c":1}}"#, 4),
            (r#"["a,[\"{,",1]"#, 2),
            (r#"["\\",1]"#, 2),
            (r#"["an open string,,,,"#, 1),
            (r#"["an open escape\"#, 1),
        ] {
            assert_eq!(separators(json.as_bytes()), count, "{json}");
        }
        let list = |values: usize| format!("[{}1]", "1,".repeat(values - 1)).into_bytes();
        assert_eq!(count_values(&list(10), 11), Ok(()));
        assert!(count_values(&list(12), 11).is_err());
        assert_eq!(count_values(&[b' '; 1000], 11), Ok(()));
    }

    #[test]
    fn a_request_is_a_message() {
        assert!(parse(br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).is_ok());
    }
}
