//! The same in sessions, where what was said before decides: which session there is, and in which revision it
//! speaks.

use transports::streamable::Answer as Kind;

use crate::{
    compare::Pair,
    corpus::{self, CALL, REVISIONS},
    in_process::tools,
    request::{Request, SESSION},
    stateless::report,
};

const KINDS: [Kind; 2] = [Kind::Json, Kind::EventStream];

/// The first message of a session in `revision`.
fn initialize(revision: &str) -> Request {
    Request::post(format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"a","version":"1"}}}}}}"#
    ))
}

/// A message in the session.
fn in_session(body: &[u8], revision: Option<&str>) -> Request {
    corpus::in_revision(body, revision).with("Mcp-Session-Id", SESSION)
}

/// Right and wrong, in and out of a session that has been opened in `revision`.
fn around(revision: &str) -> Vec<corpus::Case> {
    let call = CALL.as_bytes();
    let mut cases = Vec::new();
    let mut case = |name: &str, request: Request| cases.push((name.to_owned(), request));
    for other in REVISIONS.into_iter().chain(["2099-01-01", ""]) {
        case(&format!("a call as {other}"), in_session(call, Some(other)));
        case(&format!("a call as {other} without a session"), corpus::in_revision(call, Some(other)));
    }
    for id in ["", "unknown", "00000000-0000-4000-8000-000000000000", "\u{e9}", "{session} "] {
        case(&format!("a call in session {id:?}"), corpus::in_revision(call, Some(revision)).with("Mcp-Session-Id", id));
    }
    let twice = in_session(call, Some(revision)).with("Mcp-Session-Id", "unknown");
    case("two sessions", twice);
    case("initialize in a session", initialize(revision).with("Mcp-Session-Id", SESSION));
    case("initialize in an unknown session", initialize(revision).with("Mcp-Session-Id", "unknown"));
    for name in REVISIONS.into_iter().chain(["2099-01-01"]) {
        case(&format!("initialize as {name}"), initialize(name));
        case(&format!("initialize {name} under another header"), initialize(name).with("MCP-Protocol-Version", revision));
    }
    for method in ["GET", "DELETE"] {
        for id in [None, Some("unknown"), Some("")] {
            let mut request = corpus::in_revision(b"", Some(revision));
            request.method = method.into();
            request.headers.extend(id.map(|id| ("Mcp-Session-Id".into(), id.into())));
            case(&format!("{method} of session {id:?}"), request);
        }
    }
    for header in ["Host", "Accept", "Content-Type"] {
        case(&format!("no {header}"), in_session(call, Some(revision)).without(header));
    }
    case("a wrong Origin", in_session(call, Some(revision)).with("Origin", "http://evil.example"));
    case("hidden event streams", in_session(call, Some(revision)).having("Accept", "application/json, \"text/event-stream\""));
    cases
}

async fn in_sessions_of(revision: &str) {
    let tools = tools().await;
    let mut failures = Vec::new();
    for kind in KINDS {
        let mut pair = Pair::start(&tools, kind, true).await;
        pair.open_session(&initialize(revision)).await;
        let mut cases = around(revision);
        let initialized = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        cases.insert(0, ("initialized".into(), in_session(initialized, Some(revision))));
        for (name, body) in corpus::messages() {
            cases.push((format!("{name} in {revision}"), in_session(&body, Some(revision))));
        }
        let mut ended = in_session(b"", Some(revision));
        ended.method = "DELETE".into();
        cases.push(("the end".into(), ended.clone()));
        cases.push(("the end again".into(), ended));
        cases.push(("a call after the end".into(), in_session(CALL.as_bytes(), Some(revision))));
        for (name, request) in &cases {
            if let Err(failure) = pair.check(name, request).await {
                failures.push(failure);
            }
        }
        let tally = pair.tally;
        println!("{revision}, {kind:?}: {tally:?}; {}", pair.counters());
        assert_eq!(tally.asked, cases.len());
        assert!(tally.taken > 50, "{tally:?}");
    }
    report(&failures);
}

#[tokio::test]
async fn sessions_of_2024_11_05_are_answered_equally() {
    in_sessions_of("2024-11-05").await;
}

#[tokio::test]
async fn sessions_of_2025_03_26_are_answered_equally() {
    in_sessions_of("2025-03-26").await;
}

#[tokio::test]
async fn sessions_of_2025_06_18_are_answered_equally() {
    in_sessions_of("2025-06-18").await;
}

#[tokio::test]
async fn sessions_of_2025_11_25_are_answered_equally() {
    in_sessions_of("2025-11-25").await;
}
