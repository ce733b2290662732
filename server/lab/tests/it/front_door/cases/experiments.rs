//! The tools of the experiments, which a server has with `--experiments on`.

use nix::sys::signal::Signal::SIGTERM;
use serde_json::{Value, json};

use super::progress::sent;
use crate::common::{Client, Server, Subject, client};

/// A call of every experiment on the fast path, and some of its result.
fn experiments() -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "experiment_waits",
            json!({"count": 3, "delay_ms": 1}),
            json!({"count": 3, "together": false}),
        ),
        (
            "experiment_json",
            json!({"bytes": 100_000, "parser": "value"}),
            json!({"parser": "value"}),
        ),
        (
            "experiment_orders",
            json!({"customer": 7, "queries": "join", "transaction": true}),
            json!({"lines": 100, "orders": 20, "statements": 3}),
        ),
        (
            "experiment_token",
            json!({"token": "experiment-00007"}),
            json!({"active": true, "client_id": "client-00007"}),
        ),
        (
            "experiment_notify",
            json!({"messages": 10}),
            json!({"messages": 10, "via": "memory"}),
        ),
        (
            "experiment_listing",
            json!({"cached": true, "delay_ms": 1}),
            json!({"cached": true}),
        ),
    ]
}

pub(crate) fn experiments_answer_and_take_the_fast_path(subject: &Subject) {
    let mut server = Server::start(subject, &["--experiments", "on"]);
    let mut client = Client::ready(&mut server);
    for (tool, arguments, expected) in experiments() {
        let result = client.right(tool, &arguments);
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(result[name], *value, "{tool}.{name}: {result}");
        }
    }
    server.signal(SIGTERM);
    server.ended_well();
    let taken = subject.fast_handshake() + experiments().len();
    let taken = format!("fast path: {taken} taken");
    let said = server.log().whole().join("\n");
    assert_eq!(said.contains(&taken), subject.has_fast_path(), "{said}");
}

pub(crate) fn a_long_result_comes_whole_or_in_pieces(subject: &Subject) {
    let mut server = Server::start(subject, &["--experiments", "on"]);
    let mut client = Client::ready(&mut server);
    let arguments = json!({"bytes": 300_000, "chunk_bytes": 100_000});
    // Without a token there are no pieces.
    let result = client.call("experiment_result", &arguments);
    let whole = result["content"][1]["text"].as_str().expect("the text");
    assert_eq!(whole.len(), 300_000);

    let mut call = client::call("experiment_result", &arguments);
    call["_meta"] = json!({"progressToken": "t"});
    let id = json!("in pieces");
    let mut messages = sent(&server, &mut client, &id, &call);
    let mut joined = String::new();
    for piece in 1..=3 {
        let params = messages.next()["params"].take();
        assert_eq!(params["progressToken"], "t", "{params}");
        assert_eq!(
            params["progress"].as_f64(),
            Some(100_000.0 * f64::from(piece))
        );
        joined += params["message"].as_str().expect("a piece");
    }
    assert!(joined == whole, "the pieces are not the whole");
    let answer = messages.next();
    assert_eq!(answer["id"], id, "{answer}");
    let summary = answer["result"]["content"][0]["text"].as_str();
    let summary: Value = serde_json::from_str(summary.expect("a summary")).expect("JSON");
    let expected = json!({"bytes": 300_000, "chunks": 3, "server_type": subject.server_type()});
    assert_eq!(summary, expected);
}

pub(crate) fn extra_tools_say_back_their_arguments(subject: &Subject) {
    let listed = |flags: &[&str]| {
        let mut server = Server::start(subject, flags);
        let answer = Client::ready(&mut server).request("tools/list", &json!({}));
        answer["result"]["tools"].as_array().expect("tools").len()
    };
    let without = listed(&[]);
    assert_eq!(
        listed(&["--experiments", "on", "--extra-tools", "45"]),
        without + 7 + 45
    );
    let mut server = Server::start(subject, &["--extra-tools", "45"]);
    let mut client = Client::ready(&mut server);
    let arguments = json!({"id": "inv_1", "version": 3});
    let result = client.right("delete_invoice", &arguments);
    assert_eq!(
        (&result["arguments"], &result["tool"]),
        (&arguments, &json!("delete_invoice"))
    );
    let unknown = client.request("tools/call", &client::call("experiment_waits", &json!({})));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}
