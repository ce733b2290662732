//! Requests in sessions, where earlier messages decide which session there is, and its revision.

use rand::SeedableRng;
use transports::streamable::Answer as Kind;

use super::{
    compare::Pair,
    corpus::{self, CALL, REVISIONS},
    generate::{self, Random},
    request::{Request, SESSION, post},
    stateless::report,
};
use crate::in_process::tools;

const KINDS: [Kind; 2] = [Kind::Json, Kind::EventStream];

/// Generated requests in each session.
const GENERATED: u64 = 1000;

/// The first message of a session in `revision`.
fn initialize(revision: &str) -> Request {
    post(format!(
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
        case(
            &format!("a call as {other} without a session"),
            corpus::in_revision(call, Some(other)),
        );
    }
    for id in [
        "",
        "unknown",
        "00000000-0000-4000-8000-000000000000",
        "\u{e9}",
        "{session} ",
    ] {
        case(
            &format!("a call in session {id:?}"),
            corpus::in_revision(call, Some(revision)).with("Mcp-Session-Id", id),
        );
    }
    let twice = in_session(call, Some(revision)).with("Mcp-Session-Id", "unknown");
    case("two sessions", twice);
    case(
        "initialize in a session",
        initialize(revision).with("Mcp-Session-Id", SESSION),
    );
    case(
        "initialize in an unknown session",
        initialize(revision).with("Mcp-Session-Id", "unknown"),
    );
    for name in REVISIONS.into_iter().chain(["2099-01-01"]) {
        case(&format!("initialize as {name}"), initialize(name));
        case(
            &format!("initialize {name} under another header"),
            initialize(name).with("MCP-Protocol-Version", revision),
        );
    }
    for method in ["GET", "DELETE"] {
        for id in [None, Some("unknown"), Some("")] {
            let mut request = corpus::in_revision(b"", Some(revision));
            request.method = method.into();
            request
                .headers
                .extend(id.map(|id| ("Mcp-Session-Id".into(), id.into())));
            case(&format!("{method} of session {id:?}"), request);
        }
    }
    for header in ["Host", "Accept", "Content-Type"] {
        case(
            &format!("no {header}"),
            in_session(call, Some(revision)).without(header),
        );
    }
    case(
        "a wrong Origin",
        in_session(call, Some(revision)).with("Origin", "http://evil.example"),
    );
    case(
        "hidden event streams",
        in_session(call, Some(revision))
            .header("Accept", "application/json, \"text/event-stream\""),
    );
    cases
}

/// All that is asked in a session of `revision`, in order.
fn cases(revision: &str) -> Vec<corpus::Case> {
    let in_it = |body: &[u8]| in_session(body, Some(revision));
    let initialized = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let mut cases = vec![("initialized".to_owned(), in_it(initialized))];
    cases.extend(around(revision));
    let messages = corpus::messages().into_iter();
    cases.extend(messages.map(|(name, body)| (name, in_it(&body))));
    for case in 0..GENERATED {
        let request = generate::request(&mut Random::seed_from_u64(case));
        // A GET would stand open.
        if request.method == "POST" {
            let request = request.header("Mcp-Session-Id", SESSION);
            cases.push((format!("generated from {case}"), request));
        }
    }
    let mut ended = in_it(b"");
    ended.method = "DELETE".into();
    cases.push(("the end".into(), ended.clone()));
    cases.push(("the end again".into(), ended));
    cases.push(("a call after the end".into(), in_it(CALL.as_bytes())));
    cases
}

async fn in_sessions_of(revision: &str) {
    let tools = tools().await;
    let cases = cases(revision);
    for kind in KINDS {
        let mut failures = Vec::new();
        let mut pair = Pair::start(&tools, kind, true).await;
        pair.open_session(&initialize(revision)).await;
        for (name, request) in &cases {
            let name = format!("{name} in {revision}");
            failures.extend(pair.check(&name, request).await.err());
            if corpus::shakes_hands(&request.body) {
                // That changes what is said afterwards, for as long as the session lasts.
                let call = in_session(CALL.as_bytes(), Some(revision));
                let name = format!("a call after {name}");
                failures.extend(pair.check(&name, &call).await.err());
                pair.open_session(&initialize(revision)).await;
            }
        }
        let tally = pair.tally;
        println!("{revision}, {kind:?}: {tally:?}; {}", pair.counters());
        report(&failures);
        assert!(tally.asked >= cases.len(), "{tally:?}");
        assert_eq!(tally.equal + tally.explained, tally.asked);
        assert!(tally.taken > 300, "{tally:?}");
    }
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

/// Each message of the corpus while rmcp does not know the session behind the fast path. A message
/// that the fast path answers leaves it so, and the next one needs no new session.
async fn first_in_sessions_of(revision: &str, kind: Kind) {
    let tools = tools().await;
    let call = in_session(CALL.as_bytes(), Some(revision));
    let mut end = in_session(b"", Some(revision));
    end.method = "DELETE".into();
    let mut failures = Vec::new();
    let mut pair = Pair::start(&tools, kind, true).await;
    let mut is_known = true;
    for (name, body) in corpus::messages() {
        if is_known {
            pair.open_session(&initialize(revision)).await;
        }
        let taken = pair.tally.taken;
        let name = format!("first in {revision}: {name}");
        let first = in_session(&body, Some(revision));
        failures.extend(pair.check(&name, &first).await.err());
        is_known = pair.tally.taken == taken;
        if is_known {
            for (what, request) in [("a call", &call), ("the end", &end)] {
                let name = format!("{what} after {name}");
                failures.extend(pair.check(&name, request).await.err());
            }
        }
    }
    report(&failures);
    let tally = pair.tally;
    assert_eq!(tally.equal + tally.explained, tally.asked);
    assert!(tally.taken > 300, "{tally:?}");
}

/// The form of the answers has no part in how rmcp learns of a session, so each revision has one.
#[tokio::test]
async fn first_messages_of_sessions_are_answered_equally() {
    let in_sessions = REVISIONS
        .into_iter()
        .filter(|revision| *revision != "2026-07-28");
    for (revision, kind) in in_sessions.zip(KINDS.into_iter().cycle()) {
        first_in_sessions_of(revision, kind).await;
    }
}
