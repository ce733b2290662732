//! Batches, which 2025-03-26 had and no other revision (MCP 2025-03-26, "Batching"). rmcp refuses them, so
//! they are taken apart here, and each message is answered as if it had come alone.

use bytes::Bytes;
use futures::future::join_all;
use http::{Response, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use serde_json::value::RawValue;

use super::{Answer, Inner, answers, open_session, single};
use crate::{
    fast_path::{MessageContext, FastTools, Framing, Revision},
    http::{Body, accepted},
    in_flight::Stage,
    rejection::{Batch, Rejection},
};

/// The messages in `bytes`, if they are a batch and the revision has them.
pub(super) fn of<'b>(
    facts: &MessageContext<'_>,
    bytes: &'b [u8],
) -> Option<Result<Vec<&'b RawValue>, Rejection>> {
    if facts.revision == Revision::V_2025_03_26 {
        Batch::read(bytes)
    } else {
        None
    }
}

/// What answers one message of a batch.
enum Part {
    /// These messages, often none.
    Messages(Vec<Bytes>),
    /// A response that is about the whole request: its session is unknown, say.
    Whole(Response<Body>),
}

impl<S: FastTools> Inner<S> {
    /// Answers a batch: with one array, or an event for each message.
    pub(super) async fn batch(
        &self,
        head: &Parts,
        facts: &MessageContext<'_>,
        messages: Vec<&RawValue>,
    ) -> Response<Body> {
        let parts = messages.into_iter();
        let parts = join_all(parts.map(|message| Box::pin(self.part(head, facts, message))));
        let mut answered = Vec::new();
        for part in parts.await {
            match part {
                Part::Messages(messages) => answered.extend(messages),
                Part::Whole(response) => return response,
            }
        }
        if answered.is_empty() {
            return accepted();
        }
        let answer = self.options.answer;
        let body = match answer {
            Answer::Json => [b"[", answered.join(&b","[..]).as_slice(), b"]"].concat(),
            Answer::EventStream => {
                let framed = answered.iter().map(|json| Framing::EVENT.framed(json));
                framed.collect::<Vec<_>>().concat()
            }
        };
        answers::whole(answer, body)
    }

    async fn part(&self, parts: &Parts, facts: &MessageContext<'_>, message: &RawValue) -> Part {
        if let Err(refusal) = Batch::admits(message) {
            return Part::Messages(vec![refusal.into_json().into()]);
        }
        let bytes = Bytes::copy_from_slice(message.get().as_bytes());
        let response = match self.fast(parts, facts, &bytes).await {
            Some(response) => response,
            None => self.forward_message(parts.clone(), bytes.clone()).await,
        };
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let is_stream = content_type.is_some_and(|value| value == "text/event-stream");
        let is_json = content_type.is_some_and(|value| value == "application/json");
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // rmcp could not read it.
            let refusal = Rejection::of(&bytes);
            return Part::Messages(vec![refusal.into_json().into()]);
        }
        if !status.is_success() && !is_json {
            return Part::Whole(response);
        }
        let Ok(body) = response.into_body().collect().await;
        let body = body.to_bytes();
        Part::Messages(match (is_stream, body.is_empty()) {
            (_, true) => Vec::new(),
            (true, false) => single::messages(&body)
                .map(Bytes::copy_from_slice)
                .collect(),
            (false, false) => vec![body],
        })
    }

    /// Whether the session of this request, if there are sessions, is one of a revision that has batches.
    pub(super) fn takes_batches(&self, parts: &Parts) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| {
            open_session(sessions, parts).is_some_and(|session| {
                session.in_flight.stage() == Stage::Open(Revision::V_2025_03_26)
            })
        })
    }
}
