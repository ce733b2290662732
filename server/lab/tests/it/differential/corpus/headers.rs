//! Heads: hosts, origins, methods, `Accept`, content types, revisions.

use super::{CALL, Case, filled};
use crate::differential::request::{Request, post};

const HOSTS: [&[u8]; 22] = [
    b"localhost",
    b"LOCALHOST:8080",
    b"localhost:",
    b"localhost:0",
    b"localhost:65535",
    b"localhost:65536",
    b"localhost:000080",
    b"localhost:80a",
    b"127.0.0.1",
    b"127.0.0.1:1",
    b"127.0.0.2",
    b"[::1]",
    b"[::1]:8080",
    b"::1",
    b"[::2]",
    b"evil.example",
    b"localhost.evil.example",
    b"user@localhost",
    b"localhost/path",
    b"a b",
    b"",
    b"local\xffhost",
];

const ORIGINS: [&[u8]; 17] = [
    b"http://localhost",
    b"http://localhost:3000",
    b"HTTP://LOCALHOST:3000",
    b"http://127.0.0.1:5173",
    b"http://[::1]:5173",
    b"https://localhost",
    b"null",
    b"",
    b"http://evil.example",
    b"http://localhost.evil.example",
    b"http://localhost:",
    b"http://localhost:99999",
    b"http://localhost:80/",
    b"http://user@localhost",
    b"localhost",
    b"garbage",
    b"http://local\xffhost",
];

const ACCEPTS: [&[u8]; 30] = [
    b"application/json, text/event-stream",
    b"text/event-stream,application/json",
    b"APPLICATION/JSON, Text/Event-Stream",
    b"application/json;q=0.9, text/event-stream;q=0.1",
    b"application/json;q=0, text/event-stream",
    b"application/json;q=0, application/json, text/event-stream",
    b"application/json; q=0.000, text/event-stream",
    b"application/json;q=abc, text/event-stream",
    b"application/json;charset=utf-8, text/event-stream",
    b"application/json;profile=\"a,b\", text/event-stream",
    b"application/json, text/event-stream, */*",
    b"application/json, text/event-stream;q=0",
    b"application/json",
    b"text/event-stream",
    b"*/*",
    b"application/*, text/*",
    b"application/jsonx, text/event-stream",
    b"application/json text/event-stream",
    b"",
    b",",
    b"application/json,,text/event-stream",
    b"\"application/json, text/event-stream\"",
    b"x/\"y, application/json, text/event-stream, z\"",
    b"x/\"y, application/json, text/event-stream, z",
    b"a;b=\"c\\\", application/json, text/event-stream, \"",
    b"application/json, text/event-stream, \xff",
    b"\xff, application/json, text/event-stream",
    b"application/json, text/event-stream\t",
    b"application/json,\ttext/event-stream",
    b"application/json\x0b, text/event-stream",
];

const CONTENT_TYPES: [&[u8]; 16] = [
    b"application/json",
    b"application/json; charset=utf-8",
    b"application/json;charset=iso-8859-1",
    b"application/json;",
    b"application/json ; a=b",
    b"APPLICATION/JSON",
    b"application/json, text/plain",
    b"application/jsonx",
    b"application/json-rpc",
    b"text/plain",
    b"text/plain; application/json",
    b"application/x-www-form-urlencoded",
    b"",
    b";application/json",
    b"application/json; charset=\xff",
    b"application/\xffjson",
];

const NAMED_REVISIONS: [&[u8]; 16] = [
    b"2024-11-05",
    b"2025-03-26",
    b"2025-06-18",
    b"2025-11-25",
    b"2026-07-28",
    b"2024-10-07",
    b"2026-01-01",
    b"2027-01-01",
    b"9999-99-99",
    b"1.0",
    b"draft",
    b"",
    b"2025-06-18 ",
    b"\"2025-06-18\"",
    b"2025-06-18, 2025-06-18",
    b"2025-\xff",
];

const METHODS: [&str; 9] = [
    "GET", "PUT", "PATCH", "HEAD", "OPTIONS", "DELETE", "post", "BREW", "TRACE",
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let lists: [(&str, &[&[u8]]); 5] = [
        ("Host", &HOSTS),
        ("Origin", &ORIGINS),
        ("Accept", &ACCEPTS),
        ("Content-Type", &CONTENT_TYPES),
        ("MCP-Protocol-Version", &NAMED_REVISIONS),
    ];
    for (header, values) in lists {
        for value in values {
            let label = format!("{header}: {}", value.escape_ascii());
            let alone = plain().header(header, value);
            // An allowed value before it or after it must not hide what it is.
            let first = alone.clone().with(header, allowed(header));
            let last = plain().header(header, allowed(header)).with(header, value);
            cases.push((format!("{label}, first of two"), first));
            cases.push((format!("{label}, second of two"), last));
            cases.push((label, alone));
        }
        cases.push((format!("no {header}"), plain().without(header)));
    }
    for method in METHODS {
        for revision in ["", "2025-06-18", "2026-07-28", "2099-01-01"] {
            let mut request = plain();
            request.method = method.into();
            if !revision.is_empty() {
                request = request.with("MCP-Protocol-Version", revision);
            }
            cases.push((format!("{method} {revision}"), request.clone()));
            let in_session = request.with("Mcp-Session-Id", "unknown");
            cases.push((format!("{method} {revision} in a session"), in_session));
        }
    }
    cases.extend(others());
    cases
}

/// A call that is right.
fn plain() -> Request {
    post(filled(CALL.as_bytes(), false))
}

fn allowed(header: &str) -> &'static str {
    match header {
        "Host" => "localhost",
        "Origin" => "http://localhost",
        "Accept" => "application/json, text/event-stream",
        "Content-Type" => "application/json",
        _ => "2025-06-18",
    }
}

fn others() -> Vec<Case> {
    let split = plain()
        .header("Accept", "application/json")
        .with("Accept", "text/event-stream");
    let half_hidden = plain()
        .header("Accept", "application/json, \"")
        .with("Accept", "text/event-stream");
    let mut chunked = plain();
    chunked.is_chunked = true;
    let cases = [
        ("Accept on two lines", split),
        ("Accept with an open quote on two lines", half_hidden),
        ("chunked", chunked),
        (
            "a session id without sessions",
            plain().with("Mcp-Session-Id", "x"),
        ),
        (
            "two session ids",
            plain()
                .with("Mcp-Session-Id", "x")
                .with("mcp-session-id", "y"),
        ),
        (
            "a session id of bytes",
            plain().with("Mcp-Session-Id", b"\xff"),
        ),
        ("Last-Event-ID", plain().with("Last-Event-ID", "7")),
        ("a bearer token", plain().with("Authorization", "Bearer x")),
        ("a cookie of bytes", plain().with("Cookie", b"\xff\xfe")),
        (
            "an unknown mcp- header",
            plain().with("Mcp-Param-Message", "hi"),
        ),
        ("Expect", plain().with("Expect", "100-continue")),
        ("Connection: close", plain().with("Connection", "close")),
    ];
    cases
        .map(|(name, request)| (name.to_owned(), request))
        .into()
}
