//! Cases written by hand: every rule of the wire, kept and broken.
//!
//! A body is text in which `@` stands for the `_meta` that its revision asks for (`@,` where
//! members follow), so that one list serves every revision.

mod bodies;
mod envelopes;
mod handshake;
mod headers;
mod metadata;
mod values;

use super::request::{Request, post};

pub(crate) const REVISIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    "2026-07-28",
];
/// The `_meta` of every request of 2026-07-28.
pub(crate) const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
/// A call that is right in every revision.
pub(crate) const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{@,"name":"echo","arguments":{"message":"hi"}}}"#;

/// A case and what it is called.
pub(crate) type Case = (String, Request);
/// A body and what it is called.
pub(crate) type Message = (String, Vec<u8>);

/// Everything, for HTTP.
pub(crate) fn requests() -> Vec<Case> {
    let mut cases = headers::cases();
    cases.extend(metadata::cases());
    for (name, body) in messages() {
        for revision in [None].into_iter().chain(REVISIONS.map(Some)) {
            let label = format!("{name}, {}", revision.unwrap_or("no revision"));
            cases.push((label, in_revision(&body, revision)));
        }
    }
    cases
}

/// The bodies of all messages, right and wrong.
pub(crate) fn messages() -> Vec<Message> {
    let mut bodies = bodies::all();
    bodies.extend(envelopes::all());
    bodies.extend(handshake::all());
    bodies.extend(values::all());
    bodies
}

/// `body` as a message of `revision`.
pub(crate) fn filled(body: &[u8], is_self_contained: bool) -> Vec<u8> {
    let (with_more, alone) = if is_self_contained {
        (format!("{META},"), META)
    } else {
        (String::new(), "")
    };
    let mut filled = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| *byte == b'@') {
        filled.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix(b",") {
            Some(after) => {
                filled.extend_from_slice(with_more.as_bytes());
                rest = after;
            }
            None => filled.extend_from_slice(alone.as_bytes()),
        }
    }
    filled.extend_from_slice(rest);
    filled
}

/// Whether `body` may be an `initialize`.
pub(crate) fn shakes_hands(body: &[u8]) -> bool {
    let method = b"initialize\"";
    body.windows(method.len()).any(|part| part == method)
}

/// A POST of `body` with the headers that `revision` asks for.
pub(crate) fn in_revision(body: &[u8], revision: Option<&str>) -> Request {
    let is_self_contained = revision == Some("2026-07-28");
    let body = filled(body, is_self_contained);
    let (method, name) = sketch(&body);
    let request = post(body);
    match revision {
        None => request,
        Some(_) if is_self_contained => request.self_contained(&method, name.as_deref()),
        Some(revision) => request.with("MCP-Protocol-Version", revision),
    }
}

/// The method and the name in a message, as far as they can be read.
fn sketch(body: &[u8]) -> (String, Option<String>) {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &serde_json::Value| {
        let text = value.as_str().filter(|text| text.is_ascii());
        text.map(|text| text.replace(char::is_control, ""))
    };
    (
        text(&value["method"]).unwrap_or_else(|| "tools/call".into()),
        text(&value["params"]["name"]),
    )
}

fn named<const N: usize>(bodies: [(&str, &str); N]) -> Vec<Message> {
    let bodies = bodies.into_iter();
    bodies
        .map(|(name, body)| (name.to_owned(), body.as_bytes().to_vec()))
        .collect()
}
