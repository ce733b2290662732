//! The corpus, to servers without sessions: every request stands alone.

use serde_json::{Value, json};
use transports::streamable::Answer as Kind;

use super::{compare::Pair, corpus, request::post};
use crate::in_process::{Tools, http::Content, tools};

/// Failures that are printed; more of them seldom say more.
const PRINTED: usize = 20;

/// Fails with the first of `failures`, if there are any.
pub(crate) fn report(failures: &[String]) {
    let printed = failures[..failures.len().min(PRINTED)].join("\n");
    let count = failures.len();
    assert!(count == 0, "{count} answers differ\n\n{printed}");
}

async fn corpus_to(kind: Kind) {
    let taken = corpus_to_tools(&tools().await, kind).await;
    assert!(taken > 1_000, "{taken}");
}

/// Sends the corpus to `tools`, and returns how much of it the fast path took.
pub(crate) async fn corpus_to_tools(tools: &Tools, kind: Kind) -> usize {
    let mut pair = Pair::start(tools, kind, false).await;
    let cases = corpus::requests();
    let mut failures = Vec::new();
    for (name, request) in &cases {
        if let Err(failure) = pair.check(name, request).await {
            failures.push(failure);
        }
    }
    let tally = pair.tally;
    println!("{kind:?}: {tally:?}");
    report(&failures);
    assert_eq!(tally.asked, cases.len());
    assert_eq!(tally.equal + tally.explained, tally.asked);
    tally.taken
}

#[tokio::test]
async fn the_corpus_is_answered_equally_with_json() {
    corpus_to(Kind::Json).await;
}

#[tokio::test]
async fn the_corpus_is_answered_equally_with_event_streams() {
    corpus_to(Kind::EventStream).await;
}

/// rmcp has no answer to a batch, but one to each of its messages.
#[tokio::test]
async fn a_batch_is_answered_as_its_messages_are() {
    let tools = tools().await;
    for kind in [Kind::Json, Kind::EventStream] {
        let mut pair = Pair::start(&tools, kind, false).await;
        let messages: Vec<Vec<u8>> = corpus::messages()
            .into_iter()
            .map(|(_, body)| corpus::filled(&body, false))
            .filter(|body| {
                serde_json::from_slice::<Value>(body).is_ok_and(|value| value.is_object())
            })
            .filter(|body| !corpus::shakes_hands(body) && body.len() < 4096)
            .collect();
        let mut failures = Vec::new();
        for batch in messages.chunks(7) {
            let mut expected = Vec::new();
            for message in batch {
                let (_, rmcp) = pair.ask(&post(message.clone())).await;
                match &rmcp.body {
                    // What rmcp cannot read at all has an answer of its own in a batch.
                    Content::Text(_) if rmcp.status == 415 => expected.push(Value::Null),
                    Content::Text(text) => panic!("{text}"),
                    _ => expected.extend(rmcp.messages().iter().cloned()),
                }
            }
            let body = [b"[", batch.join(&b","[..]).as_slice(), b"]"].concat();
            let request = post(body);
            let (fast, _) = pair.ask(&request).await;
            let mut answered = fast.messages().to_vec();
            for (answer, expected) in answered.iter_mut().zip(&expected) {
                if expected.is_null() && answer["error"]["code"] == json!(-32600) {
                    *answer = Value::Null;
                }
            }
            if answered != expected {
                failures.push(format!(
                    "{request}\nanswered: {answered:?}\nexpected: {expected:?}\n"
                ));
            }
        }
        report(&failures);
    }
}
