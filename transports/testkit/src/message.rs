//! The messages that tests send, as JSON.

use std::borrow::Borrow;

use serde_json::{Value, json};

/// The revision that clients ask for unless a test is about others.
pub const REVISION: &str = "2025-06-18";

/// A request.
#[must_use]
pub fn request(id: impl Into<Value>, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

/// A notification.
#[must_use]
pub fn notification(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// The parameters of `initialize`.
#[must_use]
pub fn initialize(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": "testkit", "version": "1"},
    })
}

/// The notification that ends the handshake.
#[must_use]
pub fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

/// A `ping`.
#[must_use]
pub fn ping(id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": "ping"})
}

/// The parameters of `tools/call`.
#[must_use]
pub fn params(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// A `tools/call` request.
#[must_use]
pub fn call(id: impl Into<Value>, tool: &str, arguments: impl Borrow<Value>) -> Value {
    request(id, "tools/call", &params(tool, arguments.borrow()))
}

/// The notification that cancels request `id`.
#[must_use]
pub fn cancel(id: impl Into<Value>) -> Value {
    notification("notifications/cancelled", &json!({"requestId": id.into()}))
}

/// `params` with the `_meta` that 2026-07-28 requires of every request.
#[must_use]
pub fn self_contained(mut params: Value) -> Value {
    let meta = &mut params["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    params
}

/// The text of a result, which must be its only content.
#[must_use]
pub fn text(result: &Value) -> &str {
    let content = result["content"].as_array();
    assert_eq!(content.map(Vec::len), Some(1), "{result}");
    assert_eq!(result["content"][0]["type"], "text", "{result}");
    result["content"][0]["text"].as_str().expect("a text")
}
