//! Right heads, in the forms that they may have.

use rand::RngExt;

use super::{Random, message::Message, pick};
use crate::differential::request::Request;

const HOSTS: [&str; 7] = [
    "localhost",
    "localhost:8080",
    "127.0.0.1:3000",
    "[::1]:9",
    "LocalHost",
    "127.0.0.1",
    "localhost:65535",
];
const ACCEPTS: [&str; 7] = [
    "application/json, text/event-stream",
    "text/event-stream, application/json",
    "application/json,text/event-stream",
    "Application/JSON, TEXT/event-stream, */*",
    "text/html, application/json ,\ttext/event-stream",
    "application/json;q=1.0, text/event-stream;q=0.5",
    "application/json, text/event-stream;charset=utf-8",
];
const CONTENT_TYPES: [&str; 5] = [
    "application/json",
    "application/json; charset=utf-8",
    "Application/Json",
    "application/json ;a=b",
    "application/json;",
];
const ORIGINS: [&str; 4] = [
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:1",
    "http://[::1]:5173",
];
/// Headers that no server reads.
const OTHERS: [(&str, &str); 6] = [
    ("User-Agent", "test/1"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept-Language", "*"),
    ("Sec-Fetch-Mode", "cors"),
    ("Mcp-Session-Id", "none"),
    ("Last-Event-ID", "3"),
];

/// The head of `message`, whose bytes are `body`, as a client of `revision` sends it.
pub(super) fn right(
    random: &mut Random,
    revision: &'static str,
    message: &Message,
    body: Vec<u8>,
) -> Request {
    let usually = |random: &mut Random, choices: &[&'static str]| {
        if random.random_bool(0.7) {
            choices[0]
        } else {
            pick(random, choices)
        }
    };
    let mut request = Request::new("POST", "/mcp");
    request.body = body;
    request.is_chunked = random.random_bool(0.05);
    request = request
        .with("Host", usually(random, &HOSTS))
        .with("Accept", usually(random, &ACCEPTS))
        .with("Content-Type", usually(random, &CONTENT_TYPES));
    if revision == "2026-07-28" {
        request = request.self_contained(message.method, message.name);
    } else {
        let named = message.asks_for.unwrap_or(revision);
        if random.random_bool(0.7) {
            request = request.with("MCP-Protocol-Version", named);
        }
    }
    if random.random_bool(0.2) {
        request = request.with("Origin", pick(random, &ORIGINS));
    }
    if random.random_bool(0.3) {
        let (name, value) = pick(random, &OTHERS);
        request = request.with(name, value);
    }
    if random.random_bool(0.3) {
        for end in (1..request.headers.len()).rev() {
            request.headers.swap(end, random.random_range(0..=end));
        }
    }
    if random.random_bool(0.2) {
        for (name, _) in &mut request.headers {
            *name = if random.random() {
                name.to_lowercase()
            } else {
                name.to_uppercase()
            };
        }
    }
    request
}
