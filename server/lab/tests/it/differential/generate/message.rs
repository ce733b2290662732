//! Right messages: any method, any tool, any revision.

use rand::RngExt;

use super::{Random, node::Node, pick, text};

/// A message, and what headers repeat of it.
pub(super) struct Message {
    pub(super) body: Node,
    pub(super) method: &'static str,
    pub(super) name: Option<&'static str>,
    /// The revision that `initialize` asks for.
    pub(super) asks_for: Option<&'static str>,
}

const CATEGORIES: [&str; 4] = ["Electronics", "Books", "Clothing", "no category"];
/// Methods that this server answers with an error, or not at all.
const OTHERS: [&str; 14] = [
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/read",
    "completion/complete",
    "logging/setLevel",
    "unknown",
    "unknown/method",
    "notifications/cancelled",
    "notifications/progress",
    "notifications/unknown",
    "notifications/roots/list_changed",
    "tasks/get",
    "roots/list",
];

/// A message of `revision`.
pub(super) fn right(random: &mut Random, revision: &'static str) -> Message {
    let is_self_contained = revision == "2026-07-28";
    let mut message = match random.random_range(0..100) {
        0..60 => call(random),
        60..68 if !is_self_contained => initialize(random, revision),
        68..73 if !is_self_contained => plain("notifications/initialized"),
        73..79 if !is_self_contained => plain("ping"),
        60..90 if is_self_contained => plain(pick(random, &["tools/list", "server/discover"])),
        79..91 => plain("tools/list"),
        91..93 => plain("server/discover"),
        93..95 => plain("notifications/initialized"),
        _ => plain(pick(random, &OTHERS)),
    };
    add_meta(random, &mut message, is_self_contained);
    let method = text::escaped_sometimes(random, message.method);
    message.body.push("jsonrpc", Node::string("2.0"));
    message.body.push("method", method);
    if !message.method.starts_with("notifications/") {
        let id = id(random);
        message.body.push("id", id);
    }
    if random.random_bool(0.5) {
        message.body.shuffle(random);
    }
    message
}

fn plain(method: &'static str) -> Message {
    Message {
        body: Node::object([("params", Node::object([]))]),
        method,
        name: None,
        asks_for: None,
    }
}

fn call(random: &mut Random) -> Message {
    let (name, arguments) = match random.random_range(0..100) {
        0..42 => ("echo", Node::object([("message", text::string(random))])),
        42..50 => ("process_json_data", process(random)),
        50..75 => ("calculate_fibonacci", fibonacci(random)),
        75..86 => ("query_products", query(random)),
        86..97 => ("fetch_external_data", fetch(random)),
        _ => ("no_such_tool", text::value(random, 2)),
    };
    let mut params = Node::object([("name", text::escaped_sometimes(random, name))]);
    if random.random_bool(0.97) {
        params.push("arguments", arguments);
    }
    Message {
        body: Node::object([("params", params)]),
        method: "tools/call",
        name: Some(name),
        asks_for: None,
    }
}

fn fibonacci(random: &mut Random) -> Node {
    let n = match random.random_range(0..10) {
        0 => text::number(random),
        1 => Node::Raw(pick(random, &["-1", "41", "10.0", "1e1", "0", "1.5", "-0"]).to_owned()),
        _ => Node::Raw(random.random_range(0..13).to_string()),
    };
    // Larger ones are work, and no other case.
    let n = match n {
        Node::Raw(n) if n.parse::<u8>().is_ok_and(|n| (13..=40).contains(&n)) => "12".to_owned(),
        Node::Raw(n) => n,
        _ => "0".to_owned(),
    };
    Node::object([("n", Node::Raw(n))])
}

/// Any data: what is transformed is written again, in its own form on either path.
fn process(random: &mut Random) -> Node {
    let mut data = Node::object([]);
    for name in ["b", "a", "c\"d", "\u{e9}"] {
        if random.random_bool(0.5) {
            data.push(name, text::value(random, 3));
        }
    }
    Node::object([("data", data)])
}

fn query(random: &mut Random) -> Node {
    let mut arguments =
        Node::object([("limit", Node::Raw(random.random_range(-1..4).to_string()))]);
    if random.random_bool(0.5) {
        arguments.push("category", Node::string(pick(random, &CATEGORIES)));
    }
    if random.random_bool(0.3) {
        arguments.push(
            "max_price",
            Node::Raw(pick(random, &["60", "55.5", "6e1", "0", "-1"]).to_owned()),
        );
    }
    if random.random_bool(0.4) {
        let format = pick(random, &["json", "text", "text", "toon", "toon", "xml"]);
        arguments.push("format", Node::string(format));
    }
    if random.random_bool(0.4) {
        let fields = pick(
            random,
            &[
                r#"["id"]"#,
                r#"["sku","name","sku"]"#,
                "[]",
                "null",
                r#"["size"]"#,
            ],
        );
        arguments.push("fields", Node::Raw(fields.to_owned()));
    }
    arguments
}

/// Endpoints that are refused before anything is fetched, but for one.
fn fetch(random: &mut Random) -> Node {
    let endpoint = pick(
        random,
        &[
            "",
            "a",
            "//a.example/",
            "/../a",
            "/a b",
            "http://a.example/",
            "/a#b",
            "/products/1",
        ],
    );
    Node::object([("endpoint", Node::string(endpoint))])
}

fn initialize(random: &mut Random, revision: &'static str) -> Message {
    let asks_for = match random.random_range(0..10) {
        0 => pick(random, &["2024-10-07", "2099-01-01", "2026-07-28"]),
        _ => revision,
    };
    let capabilities = pick(
        random,
        &[
            "{}",
            r#"{"roots":{"listChanged":true}}"#,
            r#"{"sampling":{},"elicitation":{}}"#,
            r#"{"experimental":{"a":{"b":[1,"c"]}}}"#,
        ],
    );
    let client_info = pick(
        random,
        &[
            r#"{"name":"a","version":"1"}"#,
            r#"{"name":"a","title":"A b","version":"1.2.3"}"#,
        ],
    );
    let params = Node::object([
        ("protocolVersion", Node::string(asks_for)),
        ("capabilities", Node::Raw(capabilities.to_owned())),
        ("clientInfo", Node::Raw(client_info.to_owned())),
    ]);
    Message {
        body: Node::object([("params", params)]),
        method: "initialize",
        name: None,
        asks_for: Some(asks_for),
    }
}

/// Gives the parameters metadata, where there has to be some or may be.
fn add_meta(random: &mut Random, message: &mut Message, is_self_contained: bool) {
    let Node::Object(members) = &mut message.body else {
        return;
    };
    let mut meta = Node::object([]);
    if is_self_contained {
        meta.push(
            "io.modelcontextprotocol/protocolVersion",
            Node::string("2026-07-28"),
        );
        let capabilities = pick(
            random,
            &[
                "{}",
                "{}",
                r#"{"roots":{}}"#,
                r#"{"elicitation":{"form":{}}}"#,
            ],
        );
        meta.push(
            "io.modelcontextprotocol/clientCapabilities",
            Node::Raw(capabilities.to_owned()),
        );
    }
    let more = if random.random_bool(0.5) {
        random.random_range(0..3)
    } else {
        0
    };
    for _ in 0..more {
        let (key, value) = match random.random_range(0..5) {
            0 => (
                "progressToken",
                Node::Raw(random.random_range(0..100).to_string()),
            ),
            1 => ("progressToken", Node::string("token")),
            2 => (
                "traceparent",
                Node::string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ),
            3 => ("a.example/key", text::mild(random)),
            _ => (
                "io.modelcontextprotocol/clientInfo",
                Node::Raw(r#"{"name":"a","version":"1"}"#.to_owned()),
            ),
        };
        meta.push(key, value);
    }
    if is_self_contained || more > 0 {
        members[0].1.push("_meta", meta);
    } else if random.random_bool(0.5)
        && matches!(&members[0].1, Node::Object(params) if params.is_empty())
    {
        members.clear();
    }
}

/// Plain ids for the most part.
fn id(random: &mut Random) -> Node {
    match random.random_range(0..30) {
        0 => text::number(random),
        1 => text::string(random),
        2 => Node::Raw(pick(random, &["null", "true", "{}", "[]", "1.0", "1e2", "-0"]).to_owned()),
        3..7 => Node::string(pick(
            random,
            &["", "a", "1", "0f8fad5b-d9cb-469f-a165-70867728950e", "é"],
        )),
        7 => Node::Raw(
            random
                .random_range(-1_000_000_000_000_000_000_i64..1_000_000_000_000_000_000)
                .to_string(),
        ),
        _ => Node::Raw(random.random_range(0..100_000).to_string()),
    }
}
