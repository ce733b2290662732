//! Many at once.

use std::{collections::HashMap, thread};

use serde_json::{Value, json};

use crate::common::{Client, Server, Subject, Wire, client};

const CALLERS: usize = 50;
const CALLS: usize = 4;

pub(crate) fn fifty_callers_at_once_get_their_own_answers(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    if subject.wire == Wire::Stdio {
        return all_on_one_stream(&mut server);
    }
    let clients: Vec<_> = (0..CALLERS).map(|_| Client::ready(&mut server)).collect();
    thread::scope(|scope| {
        for (caller, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                for call in 0..CALLS {
                    let (tool, arguments, pointer, expected) = question(caller, call);
                    let result = client.right(tool, &arguments);
                    assert_eq!(result.pointer(pointer), Some(&expected), "{result}");
                }
            });
        }
    });
}

/// stdio has one client: all questions are in flight on its one stream.
fn all_on_one_stream(server: &mut Server) {
    let mut client = Client::ready(server);
    let mut asked = HashMap::new();
    for caller in 0..CALLERS {
        for call in 0..CALLS {
            let (tool, arguments, pointer, expected) = question(caller, call);
            let id = client.begin("tools/call", &client::call(tool, &arguments));
            asked.insert(id.to_string(), (pointer, expected));
        }
    }
    for _ in 0..CALLERS * CALLS {
        let answer = client.peer.end();
        let (pointer, expected) = asked.remove(&answer["id"].to_string()).expect("asked once");
        let content = &answer["result"]["structuredContent"];
        assert_eq!(content.pointer(pointer), Some(&expected), "{answer}");
    }
}

/// What `caller` asks in its turn `call`, and where in the result which value must stand. Every
/// caller asks each tool, each for something of its own.
fn question(caller: usize, call: usize) -> (&'static str, Value, &'static str, Value) {
    match (caller + call) % 4 {
        0 => {
            let message = format!("caller {caller}, call {call}");
            (
                "echo",
                json!({"message": message}),
                "/message",
                json!(message),
            )
        }
        1 => {
            let n = caller % 20;
            (
                "calculate_fibonacci",
                json!({"n": n}),
                "/result",
                json!(fibonacci(n)),
            )
        }
        2 => {
            let limit = 1 + caller;
            let last = format!("/products/{caller}/id");
            let arguments = json!({"category": "Music", "limit": limit});
            // Music is every twentieth product; the first of 50 or more is i = 4,910.
            (
                "query_products",
                arguments,
                last.leak(),
                json!(4911 + 20 * caller),
            )
        }
        _ => {
            let id = 1 + 1000 * caller + call;
            let endpoint = format!("/products/{id}");
            (
                "fetch_external_data",
                json!({"endpoint": endpoint}),
                "/body/id",
                json!(id),
            )
        }
    }
}

fn fibonacci(n: usize) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}
