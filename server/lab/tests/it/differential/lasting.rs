//! Messages over stdio and legacy SSE, one at a time: the answers are the same with the fast path
//! and without, in any order.

use std::time::Duration;

use rand::SeedableRng;
use serde_json::Value;
use tokio::time::timeout;
use transports::{conversation::ConversationFactory, fast_path::Framing, runtime::Tokio, sse::Sse};

use super::{
    compare::canonical,
    corpus::{self, CALL, REVISIONS},
    generate::{self, Random},
    stateless::report,
};
use crate::in_process::{
    PATIENCE, Tools,
    events::{Events, sse},
    limits,
    lines::Lines,
    tools,
};

/// How long an answer is waited for that may never come.
const GRACE: Duration = Duration::from_secs(1);
/// Generated messages in each revision.
const GENERATED: u64 = 1000;
/// The id of the request that is sent after each message: when it is answered, so is the message,
/// but for calls that take their time.
const LAST: &str = "last";

/// A server that conversations are begun with.
enum Server {
    Stdio(Box<ConversationFactory<Tools>>),
    Sse(Box<Sse<Tools>>),
}

enum Client {
    Stdio(Lines),
    Sse(Box<Events>),
}

/// The server's reaction to one message.
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
            Self::Stdio(Box::new(ConversationFactory::new(
                &Tokio,
                tools.clone(),
                Framing::LINE,
                fast_path,
                limits(),
            )))
        } else {
            Self::Sse(Box::new(sse(tools, fast_path)))
        }
    }

    /// A conversation in `revision`.
    async fn open(&self, revision: &str) -> Client {
        let mut client = match self {
            Self::Stdio(factory) => Client::Stdio(Lines::start(factory)),
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
        client
            .send(&corpus::filled(first.as_bytes(), is_self_contained))
            .await;
        let opened = client.receive().await.expect("the conversation opens");
        assert!(opened.get("result").is_some(), "{opened}");
        if !is_self_contained {
            client
                .send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
                .await;
        }
        client
    }

    fn count_taken(&self) -> u64 {
        let counters = match self {
            Self::Stdio(factory) => factory.counters(),
            Self::Sse(service) => transports::http::HttpService::counters(service.as_ref()),
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
            format!(r#"{{"jsonrpc":"2.0","id":"{LAST}","method":"ping","params":{{@}}}}"#)
                .as_bytes(),
            false,
        );
        let taken = self.send(&last).await;
        let mut awaits_last = !matches!(taken, 0 | 404);
        outcome.ended = !awaits_last;
        // What a post is refused with is all that there will be.
        let mut awaits_answer = asks(message) && outcome.status < 400;
        while awaits_last || awaits_answer && !outcome.ended {
            let patience = if awaits_last { PATIENCE } else { GRACE };
            match timeout(patience, self.receive()).await {
                Ok(Some(answer)) if answer["id"] == LAST => awaits_last = false,
                Ok(Some(answer)) => {
                    outcome.answers.push(canonical(answer));
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

/// Whether `message` is a request that a server answers.
fn asks(message: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(message).unwrap_or_default();
    value["method"].is_string() && (value["id"].is_string() || value["id"].is_i64())
}

/// Messages of the corpus and generated ones.
fn messages(revision: &str) -> Vec<corpus::Message> {
    let corpus = corpus::messages().into_iter();
    let filled = corpus.map(|(name, body)| (name, corpus::filled(&body, revision == "2026-07-28")));
    let mut messages: Vec<corpus::Message> = filled.collect();
    for case in 0..GENERATED {
        let body = generate::request(&mut Random::seed_from_u64(case)).body;
        messages.push((format!("generated from {case}"), body));
    }
    // Here a line break ends a message.
    for (_, body) in &mut messages {
        let breaks = body.iter_mut().filter(|byte| **byte == b'\n');
        breaks.for_each(|byte| *byte = b' ');
    }
    messages
}

fn failure(name: &str, message: &[u8], answered: &Outcome, expected: &Outcome) -> String {
    let message = message.escape_ascii();
    format!("{name}\n{message}\nfast path: {answered:?}\nrmcp:      {expected:?}\n")
}

async fn all_over(is_stdio: bool) {
    let tools = tools().await;
    for revision in REVISIONS {
        let mut failures = Vec::new();
        let server = |fast_path| Server::new(is_stdio, &tools, fast_path);
        let (fast, rmcp) = (server(true), server(false));
        let mut clients = (fast.open(revision).await, rmcp.open(revision).await);
        let messages = messages(revision);
        for (name, message) in &messages {
            let answered = clients.0.ask(message).await;
            let expected = clients.1.ask(message).await;
            if answered != expected {
                failures.push(failure(
                    &format!("{name} in {revision}"),
                    message,
                    &answered,
                    &expected,
                ));
            }
            // Shaking hands once more changes what is said afterwards, for as long as the
            // conversation lasts.
            let is_anew = corpus::shakes_hands(message);
            if is_anew && !answered.ended && !expected.ended {
                let call = corpus::filled(CALL.as_bytes(), revision == "2026-07-28");
                let answered = clients.0.ask(&call).await;
                let expected = clients.1.ask(&call).await;
                if answered != expected {
                    failures.push(failure(
                        &format!("a call after {name} in {revision}"),
                        message,
                        &answered,
                        &expected,
                    ));
                }
            }
            if answered.ended || expected.ended || is_anew {
                clients = (fast.open(revision).await, rmcp.open(revision).await);
            }
        }
        let taken = fast.count_taken();
        println!("{revision}: {} messages, {taken} taken", messages.len());
        report(&failures);
        assert!(taken > 300, "{taken} taken in {revision}");
    }
}

#[tokio::test]
async fn messages_are_answered_equally_over_stdio() {
    all_over(true).await;
}

#[tokio::test]
async fn messages_are_answered_equally_over_sse() {
    all_over(false).await;
}
