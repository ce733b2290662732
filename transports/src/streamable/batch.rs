//! Batches, which only 2025-03-26 has (MCP 2025-03-26, "Batching"). rmcp rejects them, so this
//! module splits them and answers each message as if it had come alone.

use bytes::Bytes;
use futures::future::join_all;
use http::{Response, header, request::Parts};
use http_body_util::BodyExt;
use serde_json::value::RawValue;

use super::{Answer, Inner, responses, settled_session};
use crate::{
    fast_path::{FastTools, Framing, MessageContext, Revision},
    http::{Body, accepted},
    rejection::{Batch, Rejection},
};

/// The answer to one message of a batch.
enum PartAnswer {
    /// The messages that answer it; a notification has none.
    Messages(Vec<Bytes>),
    /// A response to the whole request, for instance because its session is unknown.
    Whole(Response<Body>),
}

impl<S: FastTools> Inner<S> {
    /// Splits `bytes` into messages, if they are a batch and the revision has batches.
    pub(super) fn batch_messages<'b>(
        &self,
        context: &MessageContext<'_>,
        bytes: &'b [u8],
    ) -> Option<Result<Vec<&'b RawValue>, Rejection>> {
        let has_batches = context.revision == Revision::V_2025_03_26;
        let max_messages = self.options.limits.max_batch_messages;
        has_batches
            .then(|| Batch::read(bytes, max_messages))
            .flatten()
    }

    /// Answers a batch: with one array, or an event for each message.
    pub(super) async fn answer_batch(
        &self,
        parts: &Parts,
        context: &MessageContext<'_>,
        messages: Vec<&RawValue>,
    ) -> Response<Body> {
        let messages = messages.into_iter();
        let answers = messages.map(|message| Box::pin(self.answer_part(parts, context, message)));
        let mut answered = Vec::new();
        for answer in join_all(answers).await {
            match answer {
                PartAnswer::Messages(messages) => answered.extend(messages),
                PartAnswer::Whole(response) => return response,
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
        responses::whole(answer, body)
    }

    async fn answer_part(
        &self,
        parts: &Parts,
        context: &MessageContext<'_>,
        message: &RawValue,
    ) -> PartAnswer {
        if let Err(rejection) = Batch::admits(message) {
            return PartAnswer::Messages(vec![rejection.into_json().into()]);
        }
        let bytes = Bytes::copy_from_slice(message.get().as_bytes());
        let response = match self.answer_fast(parts, context, &bytes).await {
            Ok(response) => response,
            Err(for_sdk) => {
                let mut parts = parts.clone();
                if let Some(client) = context.caller.client {
                    let caller = (client, context.caller.subject);
                    self.record_origin(&mut parts, caller, for_sdk.is_checked);
                }
                self.forward_message(parts, bytes).await
            }
        };
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let is_stream = content_type.is_some_and(|value| value == "text/event-stream");
        let is_json = content_type.is_some_and(|value| value == "application/json");
        if !status.is_success() && !is_json {
            return PartAnswer::Whole(response);
        }
        let Ok(body) = response.into_body().collect().await;
        let body = body.to_bytes();
        PartAnswer::Messages(match (is_stream, body.is_empty()) {
            (_, true) => Vec::new(),
            (true, false) => responses::messages(&body)
                .map(Bytes::copy_from_slice)
                .collect(),
            (false, false) => vec![body],
        })
    }

    /// Whether the session of this request, if there are sessions, has a revision with batches.
    pub(super) fn takes_batches(&self, parts: &Parts) -> bool {
        self.sessions.as_ref().is_none_or(|sessions| {
            settled_session(sessions, parts)
                .is_some_and(|(_, revision)| revision == Revision::V_2025_03_26)
        })
    }
}
