//! The intended differences between the fast path and rmcp. `docs/differences.md` has the same
//! table.

use transports::streamable::Answer as Kind;

use super::request::Request;
use crate::in_process::http::{Answer, Content};

/// One request and both answers to it.
pub(crate) struct Exchange<'e> {
    pub(crate) request: &'e Request,
    pub(crate) kind: Kind,
    pub(crate) has_sessions: bool,
    pub(crate) fast: &'e Answer,
    pub(crate) rmcp: &'e Answer,
}

/// An intended difference.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    /// Whether this is what `exchange` shows, and all that it shows.
    explains: fn(exchange: &Exchange<'_>) -> bool,
    rmcp: &'static str,
    here: &'static str,
    reason: &'static str,
}

pub(crate) const DIFFERENCES: [Difference; 16] = [
    Difference {
        name: "batches",
        explains: is_batch,
        rmcp: "415: an array is no message",
        here: "taken apart, each message answered as if it had come alone",
        reason: "MCP 2025-03-26: servers MUST accept batches; no other revision has them",
    },
    Difference {
        name: "JSON in sessions",
        explains: is_json_in_a_session,
        rmcp: "an event stream for every revision before 2026-07-28",
        here: "http-json answers one JSON message where the first message is the last",
        reason: "it is what the server is for; the specification leaves the choice to the server",
    },
    Difference {
        name: "cancelled requests",
        explains: needs_more_than_one_exchange,
        rmcp: "in a session its event stream ends, with no more than an empty first event",
        here: "an event stream without any event, from http-json too",
        reason: "a cancelled request has no answer, so there is no message to send",
    },
    Difference {
        name: "disconnection",
        explains: needs_more_than_one_exchange,
        rmcp: "without sessions a closed connection cancels the call, in every revision",
        here: "it does from 2026-07-28 on, and not before",
        reason: "up to 2025-11-25 disconnection SHOULD NOT be taken for cancellation",
    },
    Difference {
        name: "ids in flight",
        explains: needs_more_than_one_exchange,
        rmcp: "a second request with the id of one in flight leaves one of the two waiting for over a minute",
        here: "the second is answered with -32600 at once, with the fast path and without",
        reason: "ids must be unique in a session, and a mistake must not hang",
    },
    Difference {
        name: "unreadable messages",
        explains: needs_more_than_one_exchange,
        rmcp: "415 with a text",
        here: "400 with -32700, or -32600 for JSON that is no message, with the fast path and without",
        reason: "JSON-RPC 2.0 has a code for each, and JSON is a supported media type",
    },
    Difference {
        name: "tools/call without a tool",
        explains: needs_more_than_one_exchange,
        rmcp: "-32601: params that do not fit make it a request of an unknown method",
        here: "-32602, with the fast path and without",
        reason: "JSON-RPC 2.0: the method is there, its params are wrong",
    },
    Difference {
        name: "headers that come twice",
        explains: needs_more_than_one_exchange,
        rmcp: "takes the first `Host`, `Origin`, `Content-Type`, `Mcp-Session-Id`, `MCP-Protocol-Version`",
        here: "400, with the fast path and without",
        reason: "RFC 9112 section 3.2: two programs on the way could each take another one",
    },
    Difference {
        name: "clients that finish sending",
        explains: needs_more_than_one_exchange,
        rmcp: "hyper's default answers such a client or drops its call, by chance",
        here: "answered; from 2026-07-28 on a call that has to wait is cancelled",
        reason: "RFC 9112 section 9.6 lets a client do so, but over TCP it looks like one that leaves",
    },
    Difference {
        name: "slow bodies",
        explains: needs_more_than_one_exchange,
        rmcp: "waits for a body for ever",
        here: "408 after 30 s, with the fast path and without",
        reason: "a slow body holds a connection (slowloris)",
    },
    Difference {
        name: "ended sessions",
        explains: needs_more_than_one_exchange,
        rmcp: "202 for the DELETE of a session",
        here: "204, with the fast path and without",
        reason: "the session is ended by then, and official clients take any success but 200 and 204 for a failure",
    },
    Difference {
        name: "undeclared capabilities",
        explains: needs_more_than_one_exchange,
        rmcp: "lists nothing where prompts, resources or completions are not declared",
        here: "-32601, with the fast path and without",
        reason: "JSON-RPC 2.0: the method is not there, and a client must be able to tell",
    },
    Difference {
        name: "sessions over the limit",
        explains: needs_more_than_one_exchange,
        rmcp: "500 where a session cannot be made",
        here: "503 for the first above 10,000, with the fast path and without",
        reason: "each session costs memory and a task, and the client may try again later",
    },
    Difference {
        name: "calls beyond the limits of all calls",
        explains: needs_more_than_one_exchange,
        rmcp: "runs every call at once, whatever it needs",
        here: "a call waits for memory and for a processor, and is then answered with -32000, or with 503 before its message is read; after a second in line where the client has finished sending; with the fast path and without",
        reason: "a few bytes can ask for gigabytes, and for minutes of CPU time",
    },
    Difference {
        name: "start of sessions",
        explains: needs_more_than_one_exchange,
        rmcp: "its handler sees `initialize` and `notifications/initialized` when they come",
        here: "with the first message that the fast path does not answer",
        reason: "rmcp's side of a session costs memory and two tasks, and a client of fast tools needs neither",
    },
    Difference {
        name: "event ids",
        explains: needs_more_than_one_exchange,
        rmcp: "numbers the events of a session, and begins each stream with an empty one",
        here: "an answer of the fast path is one event without an id",
        reason: "ids are for resuming a stream, and this one has come whole",
    },
];

impl Difference {
    /// The one that explains `exchange`.
    pub(crate) fn explaining(exchange: &Exchange<'_>) -> Option<&'static Self> {
        DIFFERENCES.iter().find(|known| (known.explains)(exchange))
    }
}

fn is_batch(exchange: &Exchange<'_>) -> bool {
    let revision = exchange.request.value("mcp-protocol-version");
    let is_array = exchange.request.body.trim_ascii_start().first() == Some(&b'[');
    is_array
        && revision.is_none_or(|name| name == b"2025-03-26")
        && exchange.rmcp.status == 400
        && match &exchange.rmcp.body {
            Content::Json(answer) if answer["error"]["code"] == -32600 => true,
            // An element with a number beyond `f64` or half a surrogate pair: taken apart, it alone
            // is in error, and the batch is answered.
            Content::Json(answer) if answer["error"]["code"] == -32700 => {
                let answers = match &exchange.fast.body {
                    Content::Json(answers) => answers.as_array(),
                    Content::Events(answers) => Some(answers),
                    _ => None,
                };
                answers.is_some_and(|all| all.iter().any(|one| one["error"]["code"] == -32700))
            }
            _ => false,
        }
}

fn is_json_in_a_session(exchange: &Exchange<'_>) -> bool {
    let (fast, rmcp) = (exchange.fast, exchange.rmcp);
    exchange.has_sessions
        && exchange.kind == Kind::Json
        && fast.status == rmcp.status
        && fast.session_id.is_some() == rmcp.session_id.is_some()
        && fast.content_type.as_deref() == Some("application/json")
        && rmcp.content_type.as_deref() == Some("text/event-stream")
        && fast.messages() == rmcp.messages()
}

/// No single request shows it: the tests of `transports` and the cases of `front_door` cover these.
fn needs_more_than_one_exchange(_: &Exchange<'_>) -> bool {
    false
}

#[test]
fn the_table_is_that_of_the_documentation() {
    let document = include_str!("../../../../../docs/differences.md");
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let documented: Vec<&str> = rows.skip(1).collect();
    let table = DIFFERENCES.map(
        |Difference {
             name,
             rmcp,
             here,
             reason,
             ..
         }| { format!("| {name} | {rmcp} | {here} | {reason} |") },
    );
    assert_eq!(
        documented, table,
        "docs/differences.md and the test's table"
    );
}
