//! What may go wrong with a request: in its tree, its bytes, its head.

use rand::RngExt;

use super::{Random, node::Node, pick, text};
use crate::differential::request::Request;

/// Keys that mean something somewhere.
const KEYS: [&str; 16] = [
    "\"jsonrpc\"",
    "\"id\"",
    "\"method\"",
    "\"params\"",
    "\"name\"",
    "\"arguments\"",
    "\"_meta\"",
    "\"message\"",
    "\"n\"",
    "\"result\"",
    "\"error\"",
    "\"cursor\"",
    "\"protocolVersion\"",
    "\"capabilities\"",
    "\"progressToken\"",
    "\"io.modelcontextprotocol/protocolVersion\"",
];
/// Pieces of JSON, and of what is none.
const PIECES: [&[u8]; 24] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"0",
    b"1",
    b"-",
    b".",
    b"e",
    b" ",
    b"\n",
    b"\0",
    b"\xff",
    b"null",
    b"true",
    b"{}",
    b"\\u0000",
    b"\\ud800",
    b"\"id\":2,",
    b"1e999",
];
const HEADERS: [&str; 11] = [
    "Host",
    "Accept",
    "Content-Type",
    "Origin",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Session-Id",
    "X-Other",
    "Mcp-Param-Message",
    "Last-Event-ID",
];
/// Values that are right in some header, and in most are not.
const VALUES: [&[u8]; 32] = [
    b"",
    b"localhost",
    b"evil.example",
    b"localhost:99999",
    b"[::1]",
    b"null",
    b"http://localhost:1",
    b"http://evil.example",
    b"application/json",
    b"text/event-stream",
    b"*/*",
    b"application/json;q=0, text/event-stream",
    b"text/plain",
    b"application/json, text/event-stream",
    b"\"application/json, text/event-stream",
    b"2024-11-05",
    b"2025-03-26",
    b"2025-06-18",
    b"2025-11-25",
    b"2026-07-28",
    b"2099-01-01",
    b"tools/call",
    b"tools/list",
    b"ping",
    b"initialize",
    b"echo",
    b"Echo",
    b"=?base64?ZWNobw==?=",
    b"=?base64?%?=",
    b"\xff",
    b"calculate_fibonacci",
    b"server/discover",
];
const METHODS: [&str; 6] = ["GET", "DELETE", "PUT", "HEAD", "OPTIONS", "post"];

/// Changes the tree of a body.
pub(super) fn tree(random: &mut Random, body: &mut Node) {
    let Some(members) = body.any_object(random) else {
        return;
    };
    if members.is_empty() || random.random_bool(0.2) {
        let key = match random.random_range(0..3) {
            0 => format!("\"{}\"", text::inside(random)),
            _ => pick(random, &KEYS).to_owned(),
        };
        let at = random.random_range(0..=members.len());
        members.insert(at, (key, text::value(random, 3)));
        return;
    }
    let at = random.random_range(0..members.len());
    match random.random_range(0..6) {
        0 => drop(members.remove(at)),
        1 => {
            let twin = members[at].clone();
            let place = random.random_range(0..=members.len());
            members.insert(place, twin);
        }
        2 => {
            let key = members[at].0.clone();
            members.insert(at, (key, text::value(random, 2)));
        }
        3 => {
            let key = members[at].0.trim_matches('"').to_owned();
            members[at].0 = format!("\"{}\"", text::escaped(random, &key));
        }
        4 => pick(random, &KEYS).clone_into(&mut members[at].0),
        _ => members[at].1 = text::value(random, 4),
    }
}

/// Changes the bytes of a body.
pub(super) fn body(random: &mut Random, body: &mut Vec<u8>) {
    let at = random.random_range(0..=body.len());
    let end = (at + random.random_range(1..12)).min(body.len());
    match random.random_range(0..8) {
        0 => body.truncate(at),
        1 => drop(body.drain(at..end)),
        2 => {
            let again = body[at..end].to_vec();
            body.splice(at..at, again);
        }
        3 if at < body.len() => body[at] = random.random(),
        4 if at < body.len() => body[at] ^= 1 << random.random_range(0..8_u8),
        5 => body.extend_from_slice(pick(random, &PIECES)),
        6 => *body = [b"[", body.as_slice(), b"]"].concat(),
        _ => drop(body.splice(at..at, pick(random, &PIECES).iter().copied())),
    }
}

/// Changes a head.
pub(super) fn head(random: &mut Random, request: &mut Request) {
    if request.headers.is_empty() || random.random_bool(0.2) {
        let (name, value) = (pick(random, &HEADERS), pick(random, &VALUES));
        request.headers.push((name.into(), value.to_vec()));
        return;
    }
    let at = random.random_range(0..request.headers.len());
    match random.random_range(0..7) {
        0 => drop(request.headers.remove(at)),
        1 => {
            let twin = request.headers[at].clone();
            request.headers.push(twin);
        }
        2 => request.headers[at].1 = pick(random, &VALUES).to_vec(),
        3 => request.headers[at].1.make_ascii_uppercase(),
        4 => {
            let value = &mut request.headers[at].1;
            let place = random.random_range(0..=value.len());
            let piece = pick(
                random,
                &[
                    b" ".as_slice(),
                    b",",
                    b";",
                    b"\"",
                    b"\t",
                    b"a",
                    b"=",
                    b"\xff",
                    b":",
                    b";q=0",
                ],
            );
            value.splice(place..place, piece.iter().copied());
        }
        5 => {
            let value = &mut request.headers[at].1;
            let place = random.random_range(0..=value.len());
            value.truncate(place);
        }
        _ => request.method = pick(random, &METHODS).into(),
    }
}
