//! What clients send before their first call, and the methods that this server does not have.

use super::Message;

/// Parameters of `initialize` besides the revision.
const INITIALIZE: [(&str, &str); 21] = [
    (
        "plain",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "with everything",
        r#""capabilities":{"roots":{"listChanged":true},"sampling":{},"elicitation":{"form":{},"url":{}},"experimental":{"a":{"b":[1]}},"extensions":{"x/y":{}}},"clientInfo":{"name":"a","title":"A","version":"1","websiteUrl":"https://a.example","icons":[]},"_meta":{"progressToken":1}"#,
    ),
    (
        "without capabilities",
        r#""clientInfo":{"name":"a","version":"1"}"#,
    ),
    ("without clientInfo", r#""capabilities":{}"#),
    (
        "capabilities null",
        r#""capabilities":null,"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "capabilities an array",
        r#""capabilities":[],"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "capabilities unknown",
        r#""capabilities":{"unknown":1},"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "capabilities of the wrong type",
        r#""capabilities":{"roots":1},"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "a capability twice",
        r#""capabilities":{"roots":{},"roots":{}},"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "clientInfo without version",
        r#""capabilities":{},"clientInfo":{"name":"a"}"#,
    ),
    (
        "clientInfo of numbers",
        r#""capabilities":{},"clientInfo":{"name":1,"version":2}"#,
    ),
    (
        "clientInfo an array",
        r#""capabilities":{},"clientInfo":["a","1"]"#,
    ),
    (
        "clientInfo with more",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1","more":{}}"#,
    ),
    (
        "with more",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"more":1"#,
    ),
    (
        "with a name",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"name":"echo""#,
    ),
    (
        "_meta null",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"_meta":null"#,
    ),
    (
        "_meta a string",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"_meta":"x""#,
    ),
    (
        "_meta naming 2026-07-28",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#,
    ),
    (
        "_meta of a wrong progressToken",
        r#""capabilities":{},"clientInfo":{"name":"a","version":"1"},"_meta":{"progressToken":1.5}"#,
    ),
    (
        "a number beyond",
        r#""capabilities":{"experimental":{"a":{"b":1e999}}},"clientInfo":{"name":"a","version":"1"}"#,
    ),
    (
        "half a pair",
        r#""capabilities":{},"clientInfo":{"name":"\ud800","version":"1"}"#,
    ),
];

/// Versions to ask for in `initialize`, as JSON.
const VERSIONS: [&str; 12] = [
    r#""2024-11-05""#,
    r#""2025-03-26""#,
    r#""2025-06-18""#,
    r#""2025-11-25""#,
    r#""2026-07-28""#,
    r#""2025-06-1\u0038""#,
    r#""2024-10-07""#,
    r#""2099-01-01""#,
    r#""""#,
    "null",
    "20250618",
    "{}",
];

/// Methods, and members of their parameters besides `_meta`, empty for none.
const METHODS: [(&str, &str); 42] = [
    ("ping", ""),
    ("ping", r#""a":1"#),
    ("ping", r#""name":"echo""#),
    ("ping", r#""cursor":null"#),
    ("tools/list", ""),
    ("tools/list", r#""cursor":null"#),
    ("tools/list", r#""cursor":"x""#),
    ("tools/list", r#""cursor":1"#),
    ("tools/list", r#""name":null"#),
    ("tools/list", r#""arguments":{}"#),
    ("server/discover", ""),
    ("server/discover", r#""a":1"#),
    ("server/discover", r#""capabilities":{}"#),
    ("notifications/initialized", ""),
    ("notifications/initialized", r#""a":1"#),
    ("notifications/initialized", r#""name":"echo""#),
    ("notifications/cancelled", r#""requestId":1"#),
    (
        "notifications/cancelled",
        r#""requestId":"none","reason":"x""#,
    ),
    ("notifications/cancelled", ""),
    ("notifications/cancelled", r#""requestId":null"#),
    ("notifications/cancelled", r#""requestId":1.5"#),
    (
        "notifications/progress",
        r#""progressToken":1,"progress":1"#,
    ),
    ("notifications/progress", ""),
    ("notifications/roots/list_changed", ""),
    ("notifications/unknown", ""),
    ("notifications/unknown", r#""a":1"#),
    ("prompts/list", ""),
    ("prompts/get", r#""name":"x""#),
    ("resources/list", ""),
    ("resources/templates/list", ""),
    ("resources/read", r#""uri":"a://b""#),
    ("resources/subscribe", r#""uri":"a://b""#),
    (
        "completion/complete",
        r#""ref":{"type":"ref/prompt","name":"x"},"argument":{"name":"a","value":"b"}"#,
    ),
    ("logging/setLevel", r#""level":"info""#),
    ("logging/setLevel", r#""level":"loud""#),
    ("tasks/list", ""),
    ("tasks/get", r#""taskId":"x""#),
    ("subscriptions/listen", r#""notifications":{}"#),
    ("sampling/createMessage", ""),
    ("roots/list", ""),
    ("unknown", ""),
    ("unknown/method", r#""a":[1,{"b":null}]"#),
];

pub(super) fn all() -> Vec<Message> {
    let mut bodies = Vec::new();
    for version in VERSIONS {
        for (name, members) in INITIALIZE {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":{version},{members}}}}}"#
            );
            bodies.push((format!("initialize {version}, {name}"), body.into_bytes()));
        }
    }
    for (method, members) in METHODS {
        let with_more = if members.is_empty() {
            "@".to_owned()
        } else {
            format!("@,{members}")
        };
        let params = [
            format!(r#","params":{{{with_more}}}"#),
            r#","params":{}"#.to_owned(),
            r#","params":null"#.to_owned(),
            String::new(),
        ];
        for params in params {
            for id in [r#""id":1,"#, ""] {
                let body = format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}"{params}}}"#);
                bodies.push((body.clone(), body.into_bytes()));
            }
        }
    }
    bodies
}
