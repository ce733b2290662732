//! What is tested, as data.

use serde_json::{Value, json};
use testkit::{client::Wire, message};

use super::client;

/// One way of running one program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// The program's name.
    pub(crate) name: &'static str,
    /// Its path.
    pub(crate) binary: &'static str,
    /// Flags that make it this subject.
    pub(crate) flags: &'static [&'static str],
    pub(crate) wire: Wire,
    pub(crate) tools: &'static Tools,
}

/// The tools of a program, as far as the cases for every program depend on them.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The `serverInfo.name` of the handshake.
    pub(crate) server_name: &'static str,
    /// Whether they are those of the lab: they need a database and an upstream, and their results
    /// name the program.
    pub(crate) are_the_labs: bool,
    /// Call `call` of caller `caller`: each pair of numbers asks for a result of its own. The first
    /// one of all, `(0, 0)`, is the plain call.
    pub(crate) question: fn(caller: usize, call: usize) -> Question,
    /// A text argument of the plain call, if it has one.
    pub(crate) text: Option<&'static str>,
    /// A call of each tool on the fast path.
    pub(crate) fast: fn() -> Vec<(&'static str, Value)>,
}

/// A call, and where in its structured content which value must stand.
pub(crate) struct Question {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Value,
    pub(crate) pointer: String,
    pub(crate) expected: Value,
}

impl Question {
    pub(crate) fn new(
        tool: &'static str,
        arguments: Value,
        pointer: &str,
        expected: Value,
    ) -> Self {
        Self {
            tool,
            arguments,
            pointer: pointer.into(),
            expected,
        }
    }

    /// The parameters of the call.
    pub(crate) fn params(&self) -> Value {
        message::params(self.tool, &self.arguments)
    }

    /// Checks the result of the call.
    pub(crate) fn is_answered_by(&self, result: &Value) {
        let content = &result["structuredContent"];
        assert_eq!(
            content.pointer(&self.pointer),
            Some(&self.expected),
            "{result}"
        );
    }
}

impl Subject {
    /// Whether messages are answered before rmcp.
    pub(crate) fn has_fast_path(&self) -> bool {
        !self.flags.ends_with(&["--fast-path", "off"])
    }

    /// The field `server_type` of the lab's results: the program's name without `mcp-`.
    pub(crate) fn server_type(&self) -> &'static str {
        self.name.trim_start_matches("mcp-")
    }

    /// The content type of its answers over Streamable HTTP.
    pub(crate) fn content_type(&self) -> &'static str {
        self.wire.content_type()
    }

    /// How many messages of a handshake the fast path answers: over Streamable HTTP both of them,
    /// otherwise none, because rmcp remembers who the client is.
    pub(crate) fn fast_handshake(&self) -> usize {
        match self.wire {
            Wire::Stateless(_) | Wire::Stateful(_) => 2,
            Wire::Sse | Wire::Stdio => 0,
        }
    }

    /// The call that every subject has.
    pub(crate) fn plain(&self) -> Question {
        (self.tools.question)(0, 0)
    }

    /// A plain call of exactly `bytes` bytes whose id is `large`.
    pub(crate) fn message_of(&self, bytes: usize) -> String {
        let with = |padding: &str| {
            let mut params = self.plain().params();
            match self.tools.text {
                Some(text) => params["arguments"][text] = json!(padding),
                None => params["_meta"] = json!({"padding": padding}),
            }
            client::request(&json!("large"), "tools/call", &params)
        };
        with(&"x".repeat(bytes - with("").len()))
    }
}

/// The example of the library: one tool, `add`.
pub(crate) const MINIMAL: Tools = Tools {
    server_name: "adder",
    are_the_labs: false,
    question: |caller, call| {
        let (a, b) = (1_000 * caller, call);
        Question::new("add", json!({"a": a, "b": b}), "/sum", json!(a + b))
    },
    text: None,
    fast: || {
        vec![
            ("add", json!({"a": 1, "b": 2})),
            ("add", json!({"b": -2, "a": 1})),
        ]
    },
};

/// The lab.
pub(crate) const LAB: Tools = Tools {
    server_name: "mcp-transport-lab",
    are_the_labs: true,
    question,
    text: Some("message"),
    fast,
};

/// Every caller asks each of four tools, each for something of its own.
fn question(caller: usize, call: usize) -> Question {
    match (caller + call) % 4 {
        0 => {
            let message = json!(format!("caller {caller}, call {call}"));
            Question::new("echo", json!({"message": message}), "/message", message)
        }
        1 => {
            let n = caller % 20;
            let number = (0..n).fold((0_u64, 1), |(a, b), _| (b, a + b)).0;
            let arguments = json!({"n": n});
            Question::new("calculate_fibonacci", arguments, "/result", json!(number))
        }
        2 => {
            let last = format!("/products/{caller}/id");
            let arguments = json!({"category": "Music", "limit": 1 + caller});
            // Music is every twentieth product; the first of 50 or more is i = 4,910.
            let id = json!(4911 + 20 * caller);
            Question::new("query_products", arguments, &last, id)
        }
        _ => {
            let id = 1 + 1000 * caller + call;
            let arguments = json!({"endpoint": format!("/products/{id}")});
            Question::new("fetch_external_data", arguments, "/body/id", json!(id))
        }
    }
}

/// A call of every tool on the fast path, ready at once or later.
fn fast() -> Vec<(&'static str, Value)> {
    let long = "x".repeat(50_000);
    vec![
        ("echo", json!({"message": "x"})),
        ("calculate_fibonacci", json!({"n": 10})),
        ("calculate_fibonacci", json!({"n": 25})),
        ("process_json_data", json!({"data": {"a": "x"}})),
        ("process_json_data", json!({"data": {"a": long}})),
        ("query_products", json!({})),
        ("query_products", json!({"format": "toon"})),
        ("fetch_external_data", json!({"endpoint": "/health"})),
        ("simulate_database_query", json!({"query": "x"})),
        (
            "simulate_database_query",
            json!({"query": "x", "delay_ms": 5}),
        ),
        ("aggregate_json", json!({"bytes": 10_000})),
        ("scan_text", json!({"bytes": 10_000})),
        ("search_products", json!({})),
        ("get_user_cart", json!({})),
        ("checkout", json!({"user_id": "user-00900"})),
    ]
}
