//! A client that knows the tools of its server.

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};
use testkit::message::text;
pub(crate) use testkit::message::{REVISION, initialize, params as call};

use super::{Server, Subject};

/// One client of a server.
pub(crate) struct Client {
    raw: testkit::client::Client,
    subject: Subject,
}

impl Client {
    /// Connects to `server` and shakes hands.
    pub(crate) fn ready(server: &mut Server) -> Self {
        let mut client = Self::connect(server);
        client.shake_hands(REVISION);
        client
    }

    /// Connects to `server` and sends nothing yet.
    pub(crate) fn connect(server: &mut Server) -> Self {
        let subject = server.subject;
        Self {
            raw: testkit::client::Client::connect(server, subject.wire),
            subject,
        }
    }

    /// Calls a tool that must answer right, and returns its structured content.
    pub(crate) fn right(&mut self, tool: &str, arguments: &Value) -> Value {
        let result = self.call(tool, arguments);
        self.content(&result)
    }

    /// The structured content of a result, which its text must repeat.
    pub(crate) fn content(&self, result: &Value) -> Value {
        assert_eq!(result["isError"], false, "{result}");
        let content = &result["structuredContent"];
        let repeated: Value = serde_json::from_str(text(result)).expect("the text is JSON");
        assert_eq!(&repeated, content);
        if self.subject.tools.are_the_labs {
            assert_eq!(
                content["server_type"],
                self.subject.server_type(),
                "{result}"
            );
        }
        content.clone()
    }

    /// Whether the server still answers.
    pub(crate) fn is_served(&mut self) {
        let plain = self.subject.plain();
        let result = self.call(plain.tool, &plain.arguments);
        self.content(&result);
        plain.is_answered_by(&result);
    }

    /// Begins a call that the gate holds, and returns its id.
    pub(crate) fn begin_held(&mut self) -> Value {
        let held = call("fetch_external_data", &json!({"endpoint": "/held"}));
        self.begin("tools/call", &held)
    }

    /// Reads the answer of such a call, and returns its id.
    pub(crate) fn end_held(&mut self) -> Value {
        let answer = self.peer.end();
        let content = self.content(&answer["result"]);
        assert_eq!(content["body"], json!({"held": true}), "{answer}");
        answer["id"].clone()
    }
}

impl Deref for Client {
    type Target = testkit::client::Client;

    fn deref(&self) -> &Self::Target {
        &self.raw
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.raw
    }
}

/// A request as a line of JSON.
pub(crate) fn request(id: &Value, method: &str, params: &Value) -> String {
    testkit::message::request(id.clone(), method, params).to_string()
}
