//! A client that counts its requests, shakes hands and checks what every answer must be.

use serde_json::{Value, json};

use super::{Server, peer::Peer};

/// The revision that clients ask for unless a case is about others.
pub(crate) const REVISION: &str = "2025-06-18";

/// One client of a server.
pub(crate) struct Client {
    pub(crate) peer: Peer,
    next_id: u64,
    server_type: &'static str,
}

impl Client {
    /// Connects to `server` and shakes hands.
    pub(crate) fn ready(server: &mut Server) -> Self {
        let mut client = Self::connect(server);
        client.shake_hands(REVISION);
        client
    }

    /// Connects to `server` and says nothing yet.
    pub(crate) fn connect(server: &mut Server) -> Self {
        Self {
            peer: Peer::connect(server),
            next_id: 1,
            server_type: server.subject.server_type(),
        }
    }

    /// Initializes at `revision` and returns the result.
    pub(crate) fn shake_hands(&mut self, revision: &str) -> Value {
        let answer = self.request("initialize", &initialize(revision));
        let result = answer["result"].clone();
        if let Peer::Streamable(streamable) = &mut self.peer {
            streamable.revision = result["protocolVersion"].as_str().map(Into::into);
        }
        self.notify("notifications/initialized", &json!({}));
        result
    }

    /// Sends a request and reads its answer.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.peer.end();
        assert_eq!(answer["id"], id, "{answer}");
        assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
        answer
    }

    /// Sends a request and returns its id.
    pub(crate) fn begin(&mut self, method: &str, params: &Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.peer.begin(&request(&id, method, params));
        id
    }

    pub(crate) fn notify(&mut self, method: &str, params: &Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.peer.notify(&message.to_string());
    }

    /// Calls a tool and returns the whole result, right or wrong.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", &call(tool, arguments));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool that must answer right, and returns its structured content.
    pub(crate) fn right(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        right(&result, self.server_type)
    }

    /// Calls a tool that must fail in band, and returns what it says.
    pub(crate) fn wrong(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        text(&result).to_owned()
    }

    /// Sends a request that must be answered with a JSON-RPC error, and returns its code.
    pub(crate) fn error(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer["error"]["message"].is_string(), "{answer}");
        answer["error"]["code"].clone()
    }

    /// Whether the server still answers.
    pub(crate) fn is_served(&mut self) {
        let result = self.right("echo", &json!({"message": "still here"}));
        assert_eq!(result["message"], "still here");
    }

    /// Begins a call that the gate holds, and returns its id.
    pub(crate) fn begin_held(&mut self) -> Value {
        self.begin(
            "tools/call",
            &call("fetch_external_data", &json!({"endpoint": "/held"})),
        )
    }

    /// Reads the answer of such a call, and returns its id.
    pub(crate) fn end_held(&mut self) -> Value {
        let answer = self.peer.end();
        let content = right(&answer["result"], self.server_type);
        assert_eq!(content["body"], json!({"held": true}), "{answer}");
        answer["id"].clone()
    }
}

/// A request as a line of JSON.
pub(crate) fn request(id: &Value, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// The parameters of `initialize`.
pub(crate) fn initialize(revision: &str) -> Value {
    json!({
        "protocolVersion": revision,
        "capabilities": {},
        "clientInfo": {"name": "front-door", "version": "1"},
    })
}

/// The parameters of `tools/call`.
pub(crate) fn call(tool: &str, arguments: &Value) -> Value {
    json!({"name": tool, "arguments": arguments})
}

/// The structured content of a result, which its text must repeat.
fn right(result: &Value, server_type: &str) -> Value {
    assert_eq!(result["isError"], false, "{result}");
    let content = &result["structuredContent"];
    let repeated: Value = serde_json::from_str(text(result)).expect("the text is JSON");
    assert_eq!(&repeated, content);
    assert_eq!(content["server_type"], server_type, "{result}");
    content.clone()
}

/// The text of a result, its only content.
fn text(result: &Value) -> &str {
    assert_eq!(
        result["content"].as_array().map(Vec::len),
        Some(1),
        "{result}"
    );
    assert_eq!(result["content"][0]["type"], "text", "{result}");
    result["content"][0]["text"].as_str().expect("a text")
}
