//! `_meta` in every form, and what 2026-07-28 repeats of a message in headers.

use super::{CALL, Case, REVISIONS, filled, in_revision};
use crate::differential::request::post;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Capabilities, as JSON.
const SHAPES: [&str; 24] = [
    "{}",
    "null",
    "[]",
    "1",
    "\"{}\"",
    "true",
    " { } ",
    r#"{"unknown":1}"#,
    r#"{"roots":{}}"#,
    r#"{"roots":null}"#,
    r#"{"roots":1}"#,
    r#"{"roots":{"listChanged":true}}"#,
    r#"{"roots":{"listChanged":1}}"#,
    r#"{"sampling":{}}"#,
    r#"{"sampling":{"tools":{}}}"#,
    r#"{"elicitation":{}}"#,
    r#"{"elicitation":{"form":{},"url":{}}}"#,
    r#"{"experimental":{"a":{}}}"#,
    r#"{"experimental":{"a":1}}"#,
    r#"{"extensions":{"a/b":{"c":[]}}}"#,
    r#"{"roots":{},"roots":{}}"#,
    r#"{"r\u006fots":{}}"#,
    r#"{"experimental":{"a":{"b":"\ud800"}}}"#,
    r#"{"tasks":{}}"#,
];

/// Members of `_meta`, beside those that are required.
const MEMBERS: [&str; 22] = [
    r#""progressToken":1"#,
    r#""progressToken":"a""#,
    r#""progressToken":null"#,
    r#""progressToken":1.5"#,
    r#""progressToken":1.0"#,
    r#""progressToken":{}"#,
    r#""progressToken":9223372036854775808"#,
    r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01""#,
    r#""tracestate":"a=b","baggage":"c=d""#,
    r#""a":1,"a":2"#,
    r#""a.example/b":{"c":[1,2,{"d":null}]}"#,
    r#""":"""#,
    r#""a":1e999"#,
    r#""\ud800":1"#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"a","version":"1"}"#,
    r#""io.modelcontextprotocol/clientInfo":1"#,
    r#""io.modelcontextprotocol/logLevel":"debug""#,
    r#""io.modelcontextprotocol/logLevel":"loud""#,
    r#""io.modelcontextprotocol/related-task":{"taskId":"x"}"#,
    r#""io.modelcontextprotocol/subscriptionId":1"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#,
    r#""io.modelcontextprotocol\/clientCapabilities":{}"#,
];

/// `_meta` that is no object.
const WRONG: [&str; 6] = ["null", "[]", "1", "\"x\"", "true", "[{}]"];

pub(super) fn cases() -> Vec<Case> {
    let mut metas: Vec<String> = WRONG.map(str::to_owned).into();
    metas.push("{}".into());
    for members in MEMBERS {
        metas.push(format!("{{{members}}}"));
        metas.push(format!(
            r#"{{"{VERSION}":"2026-07-28",{members},"{CAPABILITIES}":{{}}}}"#
        ));
    }
    for shape in SHAPES {
        metas.push(format!(
            r#"{{"{VERSION}":"2026-07-28","{CAPABILITIES}":{shape}}}"#
        ));
        metas.push(format!(r#"{{"{CAPABILITIES}":{shape}}}"#));
    }
    let versions = REVISIONS.map(|name| format!("\"{name}\""));
    let odd = [
        "\"2099-01-01\"",
        "\"\"",
        "null",
        "1",
        "{}",
        r#""2026-07-2\u0038""#,
    ]
    .map(str::to_owned);
    for version in versions.into_iter().chain(odd) {
        metas.push(format!(r#"{{"{VERSION}":{version}}}"#));
        metas.push(format!(
            r#"{{"{VERSION}":{version},"{CAPABILITIES}":{{}}}}"#
        ));
        metas.push(format!(
            r#"{{"{CAPABILITIES}":{{}},"{VERSION}":{version},"{VERSION}":"2026-07-28"}}"#
        ));
    }
    let mut cases = Vec::new();
    for meta in metas {
        for body in [
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"_meta":{meta},"name":"echo","arguments":{{"message":"hi"}}}}}}"#
            ),
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"_meta":{meta}}}}}"#),
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{{"_meta":{meta}}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{meta}}}}}"#
            ),
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/initialized","params":{{"_meta":{meta}}}}}"#
            ),
        ] {
            for revision in [
                None,
                Some("2025-03-26"),
                Some("2025-11-25"),
                Some("2026-07-28"),
                Some("2099-01-01"),
            ] {
                let label = format!("{body}, {}", revision.unwrap_or("no revision"));
                cases.push((label, in_revision(body.as_bytes(), revision)));
            }
        }
    }
    cases.extend(headers());
    cases
}

/// `Mcp-Method` and `Mcp-Name`, right and wrong.
fn headers() -> Vec<Case> {
    let methods: [Option<&[u8]>; 9] = [
        Some(b"tools/call"),
        None,
        Some(b""),
        Some(b"tools/list"),
        Some(b"Tools/Call"),
        Some(b"tools\\/call"),
        Some(b"=?base64?dG9vbHMvY2FsbA==?="),
        Some(b"tools/call, tools/call"),
        Some(b"\xff"),
    ];
    let names: [Option<&[u8]>; 11] = [
        Some(b"echo"),
        None,
        Some(b""),
        Some(b"Echo"),
        Some(b"query_products"),
        Some(b"=?base64?ZWNobw==?="),
        Some(b"=?base64?ZWNo?="),
        Some(b"=?base64?%%?="),
        Some(b"=?BASE64?ZWNobw==?="),
        Some(b"\"echo\""),
        Some(b"\xff"),
    ];
    let call = filled(CALL.as_bytes(), true);
    let mut cases = Vec::new();
    for revision in ["2025-11-25", "2026-07-28", "2099-01-01"] {
        for method in methods {
            for name in names {
                let mut request = post(call.clone()).with("MCP-Protocol-Version", revision);
                let mut label = revision.to_owned();
                for (header, value) in [("Mcp-Method", method), ("Mcp-Name", name)] {
                    if let Some(value) = value {
                        request = request.with(header, value);
                        label = format!("{label}, {header}: {}", value.escape_ascii());
                    }
                }
                cases.push((label, request));
            }
        }
    }
    for (header, value) in [
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "echo"),
        ("MCP-Protocol-Version", "2026-07-28"),
    ] {
        let twice = in_revision(CALL.as_bytes(), Some("2026-07-28"));
        cases.push((format!("{header} twice"), twice.clone().with(header, value)));
        cases.push((
            format!("{header} twice, in other letters"),
            twice.with(&header.to_uppercase(), "x"),
        ));
    }
    for (method, value) in [
        ("ping", "ping"),
        ("ping", "echo"),
        ("initialize", "tools/list"),
        ("tools/list", "ping"),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{@}}}}"#);
        let request = in_revision(body.as_bytes(), Some("2026-07-28")).header("Mcp-Method", value);
        cases.push((format!("{method} with Mcp-Method {value}"), request.clone()));
        cases.push((
            format!("{method} with Mcp-Name"),
            request.with("Mcp-Name", value),
        ));
    }
    // An older revision's own handshake takes no notice of them, except where it names 2026-07-28.
    for revision in REVISIONS {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"a","version":"1"}}}}}}"#
        );
        for method in ["initialize", "tools/list"] {
            let request = in_revision(body.as_bytes(), Some(revision)).header("Mcp-Method", method);
            cases.push((
                format!("initialize {revision} with Mcp-Method {method}"),
                request,
            ));
        }
    }
    cases
}
