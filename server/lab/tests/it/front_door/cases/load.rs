//! Many callers at once.

use std::{collections::HashMap, thread};

use crate::common::{Client, Server, Subject, Wire};

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
                    let question = (subject.tools.question)(caller, call);
                    let result = client.call(question.tool, &question.arguments);
                    client.content(&result);
                    question.is_answered_by(&result);
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
            let question = (server.subject.tools.question)(caller, call);
            let id = client.begin("tools/call", &question.params());
            asked.insert(id.to_string(), question);
        }
    }
    for _ in 0..CALLERS * CALLS {
        let answer = client.peer.end();
        let question = asked.remove(&answer["id"].to_string());
        question
            .expect("asked once")
            .is_answered_by(&answer["result"]);
    }
}
