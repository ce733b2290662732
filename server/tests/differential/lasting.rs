//! The bodies of the corpus over stdio and legacy SSE, one at a time: what comes back is the same with the fast
//! path and without, whatever its order.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;
use transports::{conversation::Opening, front::Framing, runtime::Tokio, sse::Sse};

use crate::{
    corpus::{self, REVISIONS},
    in_process::{
        PATIENCE, Tools,
        events::{Events, sse},
        lines::Lines,
        tools,
    },
    stateless::report,
};

/// How long an answer is waited for that may never come.
const GRACE: Duration = Duration::from_secs(1);
/// The id of the request that is sent after each message: when it is answered, so is the message, but for
/// calls that take their time.
const LAST: &str = "last";

/// A server that conversations are begun with.
enum Server {
    Stdio(Opening<Tools>),
    Sse(Sse<Tools>),
}

enum Client {
    Stdio(Lines),
    Sse(Box<Events>),
}

/// What came of one message.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// How it was received, where the wire says so.
    status: u16,
    answers: Vec<Value>,
    /// The conversation is over.
    ended: bool,
}

impl Server {
    fn new(is_stdio: bool, tools: &Tools, fast_path: bool) -> Self {
        if is_stdio {
            Self::Stdio(Opening::new(&Tokio, tools.clone(), Framing::LINE, fast_path))
        } else {
            Self::Sse(sse(tools, fast_path))
        }
    }

    /// A conversation in `revision`.
    async fn open(&self, revision: &str) -> Client {
        let mut client = match self {
            Self::Stdio(opening) => Client::Stdio(Lines::start(opening)),
            Self::Sse(service) => Client::Sse(Box::new(Events::start(service).await)),
        };
        let is_self_contained = revision == "2026-07-28";
        let first = if is_self_contained {
            r#"{"jsonrpc":"2.0","id":0,"method":"tools/list","params":{@}}"#.to_owned()
        } else {
            format!(
                r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"a","version":"1"}}}}}}"#
            )
        };
        client.send(&corpus::filled(first.as_bytes(), is_self_contained)).await;
        let opened = client.receive().await.expect("the conversation opens");
        assert!(opened.get("result").is_some(), "{opened}");
        if !is_self_contained {
            client.send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        }
        client
    }

    fn count_taken(&self) -> u64 {
        let counters = match self {
            Self::Stdio(opening) => opening.counters(),
            Self::Sse(service) => transports::http::HttpService::counters(service),
        };
        counters.expect("the fast path is on").count_taken()
    }
}

impl Client {
    async fn send(&mut self, message: &[u8]) -> u16 {
        match self {
            Self::Stdio(lines) => u16::from(lines.send(message).await),
            Self::Sse(events) => events.send(message).await,
        }
    }

    async fn receive(&mut self) -> Option<Value> {
        match self {
            Self::Stdio(lines) => lines.receive().await,
            Self::Sse(events) => Some(events.receive().await),
        }
    }

    /// Sends `message` and collects what comes back.
    async fn ask(&mut self, message: &[u8]) -> Outcome {
        let mut outcome = Outcome {
            status: self.send(message).await,
            answers: Vec::new(),
            ended: false,
        };
        let last = corpus::filled(
            format!(r#"{{"jsonrpc":"2.0","id":"{LAST}","method":"ping","params":{{@}}}}"#).as_bytes(),
            false,
        );
        let taken = self.send(&last).await;
        let mut awaits_last = !matches!(taken, 0 | 404);
        outcome.ended = !awaits_last;
        let mut awaits_answer = asks(message);
        while awaits_last || awaits_answer && !outcome.ended {
            let patience = if awaits_last { PATIENCE } else { GRACE };
            match timeout(patience, self.receive()).await {
                Ok(Some(answer)) if answer["id"] == LAST => awaits_last = false,
                Ok(Some(answer)) => {
                    outcome.answers.push(answer);
                    awaits_answer = false;
                }
                Ok(None) => {
                    outcome.ended = true;
                    awaits_last = false;
                }
                Err(_) => {
                    assert!(!awaits_last, "nothing after {}", message.escape_ascii());
                    awaits_answer = false;
                }
            }
        }
        outcome.answers.sort_by_key(Value::to_string);
        outcome
    }
}

/// Whether `message` is a request that somebody will answer.
fn asks(message: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(message).unwrap_or_default();
    value["method"].is_string() && (value["id"].is_string() || value["id"].is_i64())
}

async fn corpus_over(is_stdio: bool) {
    let tools = tools().await;
    let mut failures = Vec::new();
    for revision in REVISIONS {
        let (fast, rmcp) = (Server::new(is_stdio, &tools, true), Server::new(is_stdio, &tools, false));
        let mut clients = (fast.open(revision).await, rmcp.open(revision).await);
        let messages = corpus::messages();
        for (name, body) in &messages {
            let mut message = corpus::filled(body, revision == "2026-07-28");
            message.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
            let (answered, expected) = (clients.0.ask(&message).await, clients.1.ask(&message).await);
            if answered != expected {
                failures.push(format!(
                    "{name} in {revision}\n{}\nfast path: {answered:?}\nrmcp:      {expected:?}\n",
                    message.escape_ascii()
                ));
            }
            if answered.ended || expected.ended {
                clients = (fast.open(revision).await, rmcp.open(revision).await);
            }
        }
        let taken = fast.count_taken();
        println!("{revision}: {} messages, {taken} taken", messages.len());
        assert!(taken > 50, "{taken} taken in {revision}");
    }
    report(&failures);
}

#[tokio::test]
async fn the_corpus_is_answered_equally_over_stdio() {
    corpus_over(true).await;
}

#[tokio::test]
async fn the_corpus_is_answered_equally_over_sse() {
    corpus_over(false).await;
}
