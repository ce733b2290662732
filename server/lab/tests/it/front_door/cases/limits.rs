//! Input that is no message, and messages that are too large: a server rejects them and lives on.

use serde_json::json;
use testkit::{
    client::Peer,
    http::{Response, once},
};

use crate::common::{Client, Server, Subject, client};

/// The `--max-body` of these cases, in bytes.
const LIMIT: usize = 2048;

pub(crate) fn what_is_no_json_is_refused_and_the_server_lives_on(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    for message in ["{", "nonsense", "{\"jsonrpc\":\"2.0\",\"id\":1", "\u{1}"] {
        match &mut client.peer {
            Peer::Stdio(stdio) => {
                stdio.write(message);
                let answer = stdio.read().expect("an answer");
                assert_eq!(answer["error"]["code"], -32700, "{message}");
                assert_eq!(answer.get("id"), None, "{answer}");
            }
            Peer::Sse(sse) => {
                let refused = once(server.address(), &sse.request(message));
                assert_eq!(refused.status, 400, "{message}");
            }
            Peer::Streamable(streamable) => {
                let refused = once(server.address(), &streamable.request(message));
                is_parse_error(&refused, message);
            }
        }
        client.is_served();
    }
}

/// Whether a POST of bytes that are not JSON got the status and the error of JSON-RPC.
fn is_parse_error(refused: &Response, message: &str) {
    assert_eq!(refused.status, 400, "{message:?}: {}", refused.text());
    let answers = refused.messages();
    assert_eq!(answers.len(), 1, "{message:?}: {}", refused.text());
    assert_eq!(answers[0]["error"]["code"], -32700, "{message:?}");
    assert_eq!(answers[0].get("id"), None, "{message:?}");
}

pub(crate) fn an_empty_body_is_a_parse_error(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let refused = once(server.address(), &client.peer.request(""));
    is_parse_error(&refused, "");
    client.is_served();
}

pub(crate) fn what_is_too_large_is_refused_and_the_server_lives_on(subject: &Subject) {
    let mut server = Server::start(subject, &["--max-body", &LIMIT.to_string()]);
    let mut client = Client::ready(&mut server);
    let message = subject.message_of(LIMIT + 1);
    match &mut client.peer {
        Peer::Stdio(stdio) => {
            stdio.write(&message);
            let answer = stdio.read().expect("an answer");
            assert_eq!(answer["error"]["code"], -32600, "{answer}");
            assert!(
                answer["error"]["message"].to_string().contains("2048"),
                "{answer}"
            );
            assert_eq!(answer.get("id"), None, "{answer}");
        }
        Peer::Sse(sse) => {
            let refused = once(server.address(), &sse.request(&message));
            assert_eq!(refused.status, 413, "{}", refused.text());
        }
        Peer::Streamable(streamable) => {
            let refused = once(server.address(), &streamable.request(&message));
            assert_eq!(refused.status, 413, "{}", refused.text());
        }
    }
    client.is_served();
}

pub(crate) fn what_is_just_small_enough_is_taken(subject: &Subject) {
    let mut server = Server::start(subject, &["--max-body", &LIMIT.to_string()]);
    let mut client = Client::ready(&mut server);
    client.peer.begin(&subject.message_of(LIMIT));
    let answer = client.peer.end();
    assert_eq!(answer["id"], "large", "{answer}");
    assert_eq!(answer["result"]["isError"], false, "{answer}");
}

/// Messages that are JSON and hold more than a server reads.
fn bloated(subject: &Subject) -> [String; 3] {
    let with = |values: &str| {
        let params = json!({"name": subject.plain().tool, "arguments": {"a": "VALUES"}});
        let message = client::request(&json!(1), "tools/call", &params);
        message.replace("\"VALUES\"", values)
    };
    let nested =
        |open: &str, close: &str| format!("{}1{}", open.repeat(9_000), close.repeat(9_000));
    let members = (0..9_000).map(|number| format!("\"{number}\":1"));
    [
        with(&nested("[", "]")),
        with(&nested(r#"{"a":"#, "}")),
        with(&format!("{{{}}}", members.collect::<Vec<_>>().join(","))),
    ]
}

pub(crate) fn json_that_is_too_deep_or_has_too_many_values_is_refused(subject: &Subject) {
    let mut server = Server::start(subject, &["--max-values", "8000"]);
    let mut client = Client::ready(&mut server);
    for message in bloated(subject) {
        let what = &message[..100];
        match &mut client.peer {
            Peer::Stdio(stdio) => {
                stdio.write(&message);
                let answer = stdio.read().expect("an answer");
                assert_eq!(answer["error"]["code"], -32600, "{what}: {answer}");
                assert!(answer.to_string().contains("8000 values"), "{answer}");
            }
            Peer::Sse(sse) => {
                let refused = once(server.address(), &sse.request(&message));
                assert_eq!(refused.status, 400, "{what}: {}", refused.text());
            }
            Peer::Streamable(streamable) => {
                let refused = once(server.address(), &streamable.request(&message));
                assert_eq!(refused.status, 400, "{what}: {}", refused.text());
                let answers = refused.messages();
                assert_eq!(answers[0]["error"]["code"], -32600, "{what}");
            }
        }
        client.is_served();
    }
}

pub(crate) fn deep_json_ends_no_server(subject: &Subject) {
    let mut server = Server::start(subject, &["--max-values", "1000000"]);
    let mut client = Client::ready(&mut server);
    for message in &bloated(subject)[..2] {
        let what = &message[..100];
        match &mut client.peer {
            Peer::Stdio(stdio) => {
                stdio.write(message);
                let answer = stdio.read().expect("an answer");
                assert_eq!(answer["error"]["code"], -32700, "{what}: {answer}");
            }
            Peer::Sse(sse) => {
                let refused = once(server.address(), &sse.request(message));
                assert_eq!(refused.status, 400, "{what}: {}", refused.text());
            }
            Peer::Streamable(streamable) => {
                let refused = once(server.address(), &streamable.request(message));
                is_parse_error(&refused, message);
            }
        }
        client.is_served();
    }
}
