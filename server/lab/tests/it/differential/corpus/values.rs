//! JSON by its grammar that rmcp cannot hold as a value, in members that a server reads and in
//! others.

use std::ops::RangeInclusive;

use super::Message;

/// Where a value may stand. `#` is its place.
const PLACES: [(&str, &str); 10] = [
    (
        "arguments that echo refuses",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi","more":#}}}"#,
    ),
    (
        "arguments before the message",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":#}}}"#,
    ),
    (
        "all arguments",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":#}}"#,
    ),
    (
        "_meta",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"a":#},"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "_meta of 2026-07-28",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"a":#},"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "capabilities of 2026-07-28",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"experimental":{"a":{"b":#}}}},"name":"echo","arguments":{"message":"hi"}}}"#,
    ),
    (
        "an unknown parameter",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"},"more":#}}"#,
    ),
    (
        "an unknown member",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}},"more":#}"#,
    ),
    (
        "the parameters of ping",
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":#}"#,
    ),
    (
        "capabilities of initialize",
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"experimental":{"a":{"b":#}}},"clientInfo":{"name":"a","version":"1"}}}"#,
    ),
];

/// Levels of nesting to try: a few, and all around the 127 that a whole body may have.
const DEPTHS: RangeInclusive<usize> = 112..=130;

pub(super) fn all() -> Vec<Message> {
    let mut values: Vec<(String, String)> = [
        "1e999",
        "-1e999",
        "1e308",
        "1.8e308",
        "1e-999",
        "-0",
        "0.1e1",
        "1.",
        ".5",
        "00",
        "-",
        "1e",
        "NaN",
        "Infinity",
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud83d\ude00""#,
        r#""\ud83d\ud83d""#,
        r#""\uD83D""#,
        r#""\u0000""#,
        r#""\u00e9""#,
        r#""\a""#,
        r#"{"\ud800":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,}"#,
        "[1,]",
        "[",
        "{",
        "\"",
        "nul",
        "true",
        "null",
        "{}",
        "[]",
    ]
    .map(|value| (value.to_owned(), value.to_owned()))
    .into();
    for digits in [18, 19, 20, 299, 300, 301, 309, 310, 400] {
        values.push((format!("{digits} digits"), "9".repeat(digits)));
        values.push((
            format!("{digits} digits of a fraction"),
            format!("0.{}", "3".repeat(digits)),
        ));
        values.push((
            format!("-{digits} digits"),
            format!("-{}", "9".repeat(digits)),
        ));
    }
    for depth in [2, 64].into_iter().chain(DEPTHS) {
        let nested =
            |open: &str, close: &str| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        values.push((format!("{depth} arrays"), nested("[", "]")));
        values.push((format!("{depth} objects"), nested(r#"{"a":"#, "}")));
        values.push((format!("{depth} arrays that stay open"), "[".repeat(depth)));
    }
    let mut bodies = Vec::new();
    for (place, template) in PLACES {
        for (name, value) in &values {
            let body = template.replace('#', value);
            bodies.push((format!("{name} in {place}"), body.into_bytes()));
        }
    }
    bodies
}
