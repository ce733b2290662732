//! The responses that this side makes: rmcp's in status, type and value.

use http::{Response, StatusCode};
use rmcp::model::ErrorCode;

use super::Answer;
use crate::{
    fast_path::{Framing, Reply},
    http::{Body, event_stream, json},
    rejection::Rejection,
};

/// A reply that the front has written in the framing of `answer`.
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
    // An error that has a status of its own is one message, however others are answered.
    let Framing { prefix, suffix } = answer.framing();
    let json = bytes::Bytes::from(bytes).slice(prefix.len()..);
    let json = json.slice(..json.len() - suffix.len());
    let mut response = whole(Answer::Json, json);
    *response.status_mut() = status;
    response
}

/// A response with all of its messages.
pub(super) fn whole(answer: Answer, bytes: impl Into<bytes::Bytes>) -> Response<Body> {
    match answer {
        Answer::Json => json(bytes),
        Answer::EventStream => event_stream(Body::whole(bytes)),
    }
}

/// The status of a JSON-RPC error from 2026-07-28 on (MCP, "Error Responses").
fn error_status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::UNSUPPORTED_PROTOCOL_VERSION
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::HEADER_MISMATCH => StatusCode::BAD_REQUEST,
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// A cancelled request has no answer: an event stream without events says so in every transport.
pub(super) fn cancelled() -> Response<Body> {
    whole(Answer::EventStream, bytes::Bytes::new())
}

/// A request that is not taken.
pub(super) fn refused(refusal: Rejection) -> Response<Body> {
    let mut response = whole(Answer::Json, refusal.into_json());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
