//! JSON of every kind, as a whole message and within one: each document gets an answer or a clean
//! rejection, and the server lives on.

mod documents;

use serde_json::{Value, json};
use testkit::{client::Peer, http::once};

use crate::common::{Client, Server, Subject};

use self::documents::{EITHER, INVALID, VALID, long};

/// How a server took some bytes.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// With the answer to a request.
    Answered(Value),
    /// Not at all, with this error code.
    Rejected(Value),
    /// As a line with nothing in it.
    Ignored,
}

/// Lists every document, its name, and whether it is valid where RFC 8259 says it.
fn all() -> Vec<(&'static str, Option<bool>, Vec<u8>)> {
    let kinds = [(VALID, Some(true)), (INVALID, Some(false)), (EITHER, None)];
    let written = kinds.into_iter().flat_map(|(documents, is_valid)| {
        let documents = documents.iter();
        documents.map(move |(name, bytes)| (*name, is_valid, bytes.to_vec()))
    });
    written.chain(long()).collect()
}

/// Sends `bytes` as one message and reads what comes back.
fn send(client: &mut Client, server: &Server, bytes: &[u8]) -> Outcome {
    let error = |answer: &Value| {
        assert_eq!(answer.get("id"), None, "{answer}");
        assert!(answer["error"]["message"].is_string(), "{answer}");
        answer["error"]["code"].clone()
    };
    if let Peer::Stdio(stdio) = &mut client.peer {
        // A line has no line feed in it; where JSON allows one, it allows a carriage return, too.
        let line: Vec<u8> = bytes
            .iter()
            .map(|byte| if *byte == b'\n' { b'\r' } else { *byte })
            .collect();
        stdio.write_bytes(&line);
        if line.trim_ascii().is_empty() {
            return Outcome::Ignored;
        }
        let answer = stdio.read().expect("an answer");
        return match answer.get("id") {
            Some(_) => Outcome::Answered(answer),
            None => Outcome::Rejected(error(&answer)),
        };
    }
    let mut request = client.peer.request("");
    request.body = bytes.to_vec();
    let response = once(server.address(), &request);
    let is_sse = matches!(client.peer, Peer::Sse(_));
    match response.status {
        202 if is_sse => Outcome::Answered(client.peer.end()),
        200 if !is_sse => Outcome::Answered(response.messages().remove(0)),
        // The text of the response says why.
        400 if is_sse => {
            assert!(!response.body.is_empty(), "a rejection without a word");
            Outcome::Rejected(Value::Null)
        }
        400 => Outcome::Rejected(error(&response.messages()[0])),
        status => panic!("{status}: {}", response.text()),
    }
}

/// Whether a rejection says that `document` is no JSON (over SSE it says so in words), or, where it
/// is long, that it is beyond a limit.
fn is_clean(outcome: &Outcome, document: &[u8]) -> bool {
    const SHORT: usize = 300;
    match outcome {
        Outcome::Rejected(code) => {
            code.is_null() || *code == -32700 || document.len() > SHORT && *code == -32600
        }
        _ => false,
    }
}

pub(crate) fn json_of_every_kind_is_rejected_as_a_message(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for (name, is_valid, document) in all() {
        let outcome = send(&mut client, &server, &document);
        let is_rejected = matches!(outcome, Outcome::Rejected(_) | Outcome::Ignored);
        assert!(is_rejected, "{name}: {outcome:?}");
        if is_valid == Some(false) && outcome != Outcome::Ignored {
            assert!(is_clean(&outcome, &document), "{name}: {outcome:?}");
        }
    }
    client.is_served();
}

pub(crate) fn json_of_every_kind_is_answered_or_rejected_in_a_call(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let plain = subject.plain();
    let call = json!({
        "jsonrpc": "2.0",
        "id": "the call",
        "method": "tools/call",
        "params": plain.params(),
    });
    let call = call.to_string();
    let open = call.strip_suffix("}}").expect("the parameters come last");
    for (name, is_valid, document) in all() {
        let before = format!("{open},\"_meta\":{{\"document\":").into_bytes();
        let message = [&before, &document[..], b"}}}"].concat();
        match send(&mut client, &server, &message) {
            Outcome::Answered(answer) => {
                assert_ne!(is_valid, Some(false), "{name} is answered: {answer}");
                assert_eq!(answer["id"], "the call", "{name}: {answer}");
                plain.is_answered_by(&answer["result"]);
            }
            outcome => {
                assert_ne!(is_valid, Some(true), "{name}: {outcome:?}");
                assert!(is_clean(&outcome, &document), "{name}: {outcome:?}");
            }
        }
        client.is_served();
    }
}

/// The kinds of the documents are those that a parser finds in them.
#[test]
fn documents_are_of_their_kinds() {
    for (name, is_valid, document) in all() {
        let read = serde_json::from_slice::<Value>(&document);
        if let Some(is_valid) = is_valid {
            assert_eq!(read.is_ok(), is_valid, "{name}: {read:?}");
        }
    }
}
