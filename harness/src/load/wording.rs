//! What requests say besides their method and its parameters: what the revision asks for, and what is added to calls.

use serde_json::{Map, Value, json};

use super::{message::Message, plan::Exchange, revision::Revision};

/// How messages are worded: what the revision asks for, and what is added to calls.
#[derive(Clone, Debug)]
pub(super) struct Wording {
    revision: Revision,
    extra_params: Map<String, Value>,
}

impl Wording {
    pub(super) fn new(revision: Revision, extra_params: Map<String, Value>) -> Self {
        Self {
            revision,
            extra_params,
        }
    }

    /// A request with this `params` object.
    pub(super) fn request(&self, method: &str, params: Map<String, Value>) -> Message {
        self.named_request(method, params, "")
    }

    /// A call of a tool. Its name goes into a header where the revision wants that, so it must be visible ASCII there.
    pub(super) fn call(&self, exchange: &Exchange) -> Message {
        let tool = &exchange.tool;
        let mut params = Map::new();
        params.insert("name".to_owned(), Value::from(tool.as_str()));
        params.insert("arguments".to_owned(), exchange.arguments.clone());
        if !exchange.meta.is_empty() {
            params.insert("_meta".to_owned(), Value::Object(exchange.meta.clone()));
        }
        params.extend(self.extra_params.clone());
        self.named_request("tools/call", params, &format!("\r\nMcp-Name: {tool}"))
    }

    fn named_request(&self, method: &str, mut params: Map<String, Value>, name: &str) -> Message {
        if self.revision.has_handshake() {
            return Message::request(method, &Value::Object(params), "");
        }
        let own = [
            ("protocolVersion", Value::from(self.revision.as_str())),
            ("clientCapabilities", json!({})),
            ("clientInfo", client_info()),
        ];
        let own = own.map(|(name, value)| (format!("io.modelcontextprotocol/{name}"), value));
        let meta = params.entry("_meta").or_insert_with(|| json!({}));
        if let Value::Object(meta) = meta {
            meta.extend(own);
        }
        let headers = format!("\r\nMcp-Method: {method}{name}");
        Message::request(method, &Value::Object(params), &headers)
    }

    /// The request that opens a session.
    pub(super) fn initialize(&self) -> Message {
        let revision = self.revision.as_str();
        let params =
            json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client_info() });
        Message::request("initialize", &params, "")
    }
}

fn client_info() -> Value {
    json!({ "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::expect::Expectation;

    fn wording(revision: Revision) -> Wording {
        Wording::new(revision, Map::new())
    }

    fn echo(arguments: Value) -> Exchange {
        Exchange {
            tool: "echo".to_owned(),
            arguments,
            meta: Map::new(),
            expect: Expectation::Result(Vec::new()),
        }
    }

    /// Head and body of a message as it goes over HTTP.
    fn over_http(message: &Message) -> (String, Value) {
        let mut http = b"Content-Length: ".to_vec();
        message.append_http(&mut http, 123_456_789);
        let text = String::from_utf8(http).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("Content-Length: {}", body.len())));
        (head.to_owned(), serde_json::from_str(body).unwrap())
    }

    #[test]
    fn without_a_handshake_every_request_says_who_asks_and_for_what() {
        let now = wording(Revision::July2026);
        let (head, call) = over_http(&now.call(&echo(json!({}))));
        assert!(
            head.ends_with("\r\nMcp-Method: tools/call\r\nMcp-Name: echo"),
            "{head}"
        );
        let (head, list) = over_http(&now.request("tools/list", Map::new()));
        assert!(head.ends_with("\r\nMcp-Method: tools/list"), "{head}");
        for message in [call, list] {
            assert_eq!(message["id"], 123_456_789);
            let meta = &message["params"]["_meta"];
            assert_eq!(
                meta["io.modelcontextprotocol/protocolVersion"],
                "2026-07-28"
            );
            assert_eq!(
                meta["io.modelcontextprotocol/clientCapabilities"],
                json!({})
            );
            assert_eq!(
                meta["io.modelcontextprotocol/clientInfo"]["name"],
                "harness"
            );
        }
        let (head, call) = over_http(&wording(Revision::November2025).call(&echo(json!({}))));
        assert!(!head.contains("Mcp-"), "{head}");
        assert_eq!(call["params"], json!({ "name": "echo", "arguments": {} }));
    }

    #[test]
    fn members_are_added_to_the_params_of_calls_and_of_nothing_else() {
        let extra = Map::from_iter([("x".to_owned(), json!(0))]);
        let wording = Wording::new(Revision::default(), extra);
        let (_, call) = over_http(&wording.call(&echo(json!({ "n": 1 }))));
        assert_eq!(
            call["params"],
            json!({ "name": "echo", "arguments": { "n": 1 }, "x": 0 })
        );
        for other in [
            wording.initialize(),
            wording.request("tools/list", Map::new()),
        ] {
            assert_eq!(over_http(&other).1["params"].get("x"), None);
        }
    }

    #[test]
    fn a_progress_token_goes_with_the_call_in_every_revision() {
        let mut asked = echo(json!({}));
        asked.meta.insert("progressToken".to_owned(), json!("p"));
        for revision in [Revision::June2025, Revision::July2026] {
            let (_, call) = over_http(&wording(revision).call(&asked));
            assert_eq!(call["params"]["_meta"]["progressToken"], "p", "{revision}");
        }
        let meta = &over_http(&wording(Revision::July2026).call(&asked)).1["params"]["_meta"];
        assert_eq!(meta.as_object().unwrap().len(), 4, "{meta}");
    }
}
