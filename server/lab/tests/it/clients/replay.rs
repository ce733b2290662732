//! The replay, wire by wire.

use serde_json::Value;
use testkit::http::Request;
use tokio::time::timeout;
use transports::{
    conversation::ConversationFactory,
    fast_path::{Counters, Framing},
    http::HttpService,
    runtime::Tokio,
    streamable::Answer as Kind,
};

use super::recording::{Recording, Wire, again, message, recordings};
use crate::in_process::{
    PATIENCE, Tools,
    events::{Events, sse},
    http::{Answer, Peer},
    limits,
    lines::Lines,
    streamable, tools,
};

/// Where a message stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It needs no earlier message.
    Alone,
    /// In or before a session that rmcp does not know yet.
    NewSession,
    /// In a session that rmcp knows.
    Session,
    /// On a lasting stream.
    Stream,
}

/// What is answered from memory where messages stand alone.
const HANDSHAKE: [&str; 5] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "tools/list",
    "server/discover",
];

/// Whether the fast path is to take `message`: every call, and over Streamable HTTP the handshake,
/// which rmcp has to see once it knows the session.
fn may_be_taken(message: &Value, place: Place) -> bool {
    let Some(method) = message["method"].as_str() else {
        return false;
    };
    method == "tools/call"
        || match place {
            Place::Alone => HANDSHAKE.contains(&method),
            Place::NewSession => HANDSHAKE.contains(&method) && method != "server/discover",
            Place::Session => matches!(method, "ping" | "tools/list"),
            Place::Stream => false,
        }
}

/// Compares the messages that were to be taken with the count of the fast path.
fn check_hits(recording: &Recording, messages: &[(Value, Place)], counters: Option<&Counters>) {
    let name = &recording.name;
    let counters = counters.expect("the fast path is on");
    let hits = messages
        .iter()
        .filter(|(message, place)| may_be_taken(message, *place));
    let hits = hits.count() as u64;
    println!("{name}: {counters}");
    assert_eq!(
        counters.count_taken(),
        hits,
        "{name}: the messages that may be taken were not all, or others were: {counters}"
    );
    // Only FastMCP's listing calls nothing.
    assert!(
        hits > 0 || name.ends_with("-list"),
        "{name} has messages to take"
    );
}

/// Checks that `answer` is what a client hopes for.
fn check_answer(name: &str, message: &Value, answer: &Value) {
    assert_eq!(
        answer["id"], message["id"],
        "{name}: {message} is answered: {answer}"
    );
    // Servers with a handshake may not know it; clients fall back then.
    let may_fail = message["method"] == "server/discover";
    let is_right = answer.get("result").is_some() && answer["result"]["isError"] != true
        || may_fail && answer["error"]["code"] == -32601;
    assert!(
        is_right,
        "{name}: {message} is answered well, not with {answer}"
    );
}

async fn replay_http(tools: &Tools, recording: &Recording, kind: Kind) {
    let has_sessions = recording.wire == Wire::HttpInSessions;
    let name = &recording.name;
    let mut peer = Peer::new(streamable(tools, kind, has_sessions, true).await);
    let mut session: Option<String> = None;
    let mut standing = Vec::new();
    let mut messages = Vec::new();
    let mut is_known = false;
    for request in recording.requests() {
        let bytes = again(&request, None, session.as_deref());
        if request.method == "GET" && session.is_some() {
            is_known = true;
            let (status, stream) = peer.open(&bytes).await;
            assert_eq!(status, 200, "{name}: the stream of the session opens");
            standing.push(stream);
            continue;
        }
        let answer = peer.ask(&bytes).await;
        session = answer.session_id.clone().or(session);
        if request.method == "POST" {
            let revision = request.value("mcp-protocol-version");
            let message = message(&request);
            let place = match is_known {
                _ if !has_sessions || revision == Some(b"2026-07-28") => Place::Alone,
                false => Place::NewSession,
                true => Place::Session,
            };
            let is_taken = may_be_taken(&message, place);
            is_known |= place == Place::NewSession && session.is_some() && !is_taken;
            messages.push((message, place));
        }
        check_response(name, &request, &answer);
    }
    check_hits(recording, &messages, peer.service().counters());
}

fn check_response(name: &str, request: &Request, answer: &Answer) {
    let message = message(request);
    let status = match request.method.as_str() {
        "POST" if message["id"].is_null() => 202,
        "POST" => 200,
        "DELETE" => 204,
        _ => 405,
    };
    assert_eq!(answer.status, status, "{name}: {message} {answer:?}");
    if status == 200 {
        let [answer] = answer.messages() else {
            panic!("{name}: {message} has one answer, not {answer:?}");
        };
        check_answer(name, &message, answer);
    }
}

async fn replay_all_http(wire: Wire) {
    let tools = tools().await;
    let recordings = recordings(wire);
    assert!(recordings.len() > 10, "{} recordings", recordings.len());
    for recording in &recordings {
        for kind in [Kind::Json, Kind::EventStream] {
            replay_http(&tools, recording, kind).await;
        }
    }
}

#[tokio::test]
async fn clients_without_sessions_take_the_fast_path() {
    replay_all_http(Wire::Http).await;
}

#[tokio::test]
async fn clients_in_sessions_take_the_fast_path() {
    replay_all_http(Wire::HttpInSessions).await;
}

#[tokio::test]
async fn clients_of_sse_take_the_fast_path() {
    let tools = tools().await;
    let recordings = recordings(Wire::Sse);
    assert!(recordings.len() > 10, "{} recordings", recordings.len());
    for recording in &recordings {
        let name = &recording.name;
        let service = sse(&tools, true);
        let mut events = Events::start(&service).await;
        let endpoint = events.endpoint().to_owned();
        let mut messages = Vec::new();
        for request in recording.requests() {
            if request.method != "POST" {
                continue;
            }
            let message = message(&request);
            let status = events.ask(&again(&request, Some(&endpoint), None)).await;
            assert_eq!(status, 202, "{name}: {message}");
            if !message["id"].is_null() {
                check_answer(name, &message, &events.receive().await);
            }
            messages.push((message, Place::Stream));
        }
        check_hits(recording, &messages, events.counters());
    }
}

#[tokio::test]
async fn clients_of_stdio_take_the_fast_path() {
    let tools = tools().await;
    let recordings = recordings(Wire::Stdio);
    assert!(recordings.len() > 10, "{} recordings", recordings.len());
    for recording in &recordings {
        let name = &recording.name;
        let factory =
            ConversationFactory::new(&Tokio, tools.clone(), Framing::LINE, true, limits());
        let mut lines = Lines::start(&factory);
        let mut messages = Vec::new();
        for line in recording.lines() {
            let message: Value = serde_json::from_slice(line).expect("a line is a message");
            assert!(lines.send(line).await, "{name}: {message} is taken");
            if !message["id"].is_null() {
                let answer = timeout(PATIENCE, lines.receive()).await;
                let answer = answer.expect("answers come").expect("the server lives on");
                check_answer(name, &message, &answer);
            }
            messages.push((message, Place::Stream));
        }
        check_hits(recording, &messages, factory.counters());
    }
}
