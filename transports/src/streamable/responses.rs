//! Responses: rmcp's in status, content type and value.
//!
//! In a session rmcp answers with event streams only. A server that answers JSON waits for the
//! first message of the stream: if that is the response, no other message follows.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, combinators::BoxBody};
use rmcp::model::ErrorCode;
use serde::{Deserialize, de::IgnoredAny};

use super::Answer;
use crate::{
    fast_path::{Framing, Reply},
    http::{Body, event_stream, json},
    rejection::Rejection,
};

/// Responds with a reply that the fast path wrote in the framing of `answer`.
pub(super) fn reply(
    answer: Answer,
    is_self_contained: bool,
    reply: Reply,
    bytes: Vec<u8>,
) -> Response<Body> {
    let status = match reply {
        Reply::Error(code) if is_self_contained => error_status(code),
        _ => StatusCode::OK,
    };
    if status == StatusCode::OK {
        return whole(answer, bytes);
    }
    // An error with a status of its own is one JSON message, whatever the form of other answers.
    let Framing { prefix, suffix } = answer.framing();
    let json = bytes::Bytes::from(bytes).slice(prefix.len()..);
    let json = json.slice(..json.len() - suffix.len());
    let mut response = whole(Answer::Json, json);
    *response.status_mut() = status;
    response
}

/// Responds with messages that are all there.
pub(super) fn whole(answer: Answer, bytes: impl Into<bytes::Bytes>) -> Response<Body> {
    match answer {
        Answer::Json => json(bytes),
        Answer::EventStream => event_stream(Body::whole(bytes)),
    }
}

/// Returns the HTTP status of a JSON-RPC error from 2026-07-28 on (MCP, "Error Responses").
fn error_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// Responds to a cancelled request, which has no answer: with an event stream without events.
pub(super) fn cancelled() -> Response<Body> {
    whole(Answer::EventStream, bytes::Bytes::new())
}

/// Responds to a rejected request.
pub(super) fn rejected(rejection: Rejection) -> Response<Body> {
    let mut response = whole(Answer::Json, rejection.into_json());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// The body of rmcp's responses.
pub(super) type RmcpBody = BoxBody<Bytes, Infallible>;

/// Turns rmcp's event stream into JSON if it is one response message; leaves other responses as
/// they are.
pub(super) async fn stream_to_json(response: Response<RmcpBody>) -> Response<Body> {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if content_type.is_none_or(|value| value != "text/event-stream") {
        return response.map(Body::rmcp);
    }
    let (parts, mut body) = response.into_parts();
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        read.extend_from_slice(&data);
        let Some(message) = first_message(&read) else {
            continue;
        };
        if !is_response(message) {
            break;
        }
        let mut json = whole(Answer::Json, Bytes::copy_from_slice(message));
        for (name, value) in &parts.headers {
            if name.as_str().starts_with("mcp-") {
                json.headers_mut().insert(name.clone(), value.clone());
            }
        }
        return json;
    }
    let body = Resumed {
        beginning: Some(read.freeze()),
        rest: body,
    };
    Response::from_parts(parts, Body::rmcp(body.boxed()))
}

/// Returns the data of the first whole event that has any.
fn first_message(stream: &[u8]) -> Option<&[u8]> {
    let (whole, _) = stream.split_at(memchr::memmem::rfind(stream, b"\n\n")? + 1);
    messages(whole).next()
}

/// Returns the data of every event in `stream`. Each is one line, because compact JSON has no line
/// breaks.
pub(super) fn messages(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    stream.split(|byte| *byte == b'\n').filter_map(|line| {
        let data = line.strip_prefix(b"data:")?.trim_ascii();
        (!data.is_empty()).then_some(data)
    })
}

/// Whether `message` answers a request.
fn is_response(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        method: Option<IgnoredAny>,
    }
    serde_json::from_slice::<Kind>(message).is_ok_and(|kind| kind.method.is_none())
}

/// A body whose beginning was read.
struct Resumed {
    beginning: Option<Bytes>,
    rest: RmcpBody,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.beginning.take() {
            Some(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            _ => Pin::new(&mut self.rest).poll_frame(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_is_the_data_of_the_first_event_that_has_any() {
        let stream =
            b"id: 0\nretry: 3000\ndata: \n\nid: 1\ndata: {\"id\":1}\n\ndata: {\"id\":2}\n\n";
        assert_eq!(first_message(stream), Some(&b"{\"id\":1}"[..]));
        assert_eq!(messages(stream).count(), 2);
        assert_eq!(first_message(b"data: {\"half\":"), None);
    }

    #[test]
    fn a_message_with_a_method_is_not_a_response() {
        assert!(is_response(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
        assert!(!is_response(
            br#"{"jsonrpc":"2.0","method":"notifications/progress"}"#
        ));
    }
}
