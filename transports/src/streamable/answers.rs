//! The responses that this side makes: rmcp's in status, type and value.

use http::{HeaderValue, Response, StatusCode, header};
use rmcp::model::ErrorCode;

use super::Answer;
use crate::{
    front::{Framing, Reply},
    http::Body,
    refusal::Refusal,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const NO_BUFFERING: HeaderValue = HeaderValue::from_static("no");

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
    let mut response = Response::new(Body::whole(bytes));
    let headers = response.headers_mut();
    match answer {
        Answer::Json => {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        Answer::EventStream => {
            headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
            headers.insert(header::CACHE_CONTROL, NO_CACHE);
            headers.insert("x-accel-buffering", NO_BUFFERING);
        }
    }
    response
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

/// A notification, or a response of the client's, was taken.
pub(super) fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A cancelled request has no answer: an event stream without events says so in every transport.
pub(super) fn cancelled() -> Response<Body> {
    whole(Answer::EventStream, bytes::Bytes::new())
}

/// A request that is not taken.
pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let mut response = whole(Answer::Json, refusal.into_json());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
