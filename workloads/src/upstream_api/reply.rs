//! Answers: JSON of some status, or a long body piece by piece.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;
use transports::http::Body;

/// An answer that is not 200: its status, and what is wrong and what to do, for people.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: String,
    allow: Option<&'static str>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    error: &'a str,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            allow: None,
        }
    }

    /// 400: the request itself is wrong.
    pub(super) fn bad(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 404: the request is right, but there is nothing there.
    pub(super) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    /// 405: the route takes another method (RFC 9110, section 15.5.6, wants it named).
    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("this route takes {allow} only"),
            )
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = json(to_bytes(&ProblemJson { error: &self.error }));
        *response.status_mut() = self.status;
        if let Some(allow) = self.allow {
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

/// 200 with this JSON.
pub(super) fn json(json: Bytes) -> Response<Body> {
    of_type("application/json", Body::whole(json))
}

/// 200 with a body that is sent piece by piece.
pub(super) fn streamed<B>(content_type: &'static str, body: B) -> Response<Body>
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    of_type(content_type, Body::stream(body))
}

fn of_type(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The JSON of `value`, which must be made of strings, finite numbers and lists.
pub(super) fn to_bytes(value: &impl Serialize) -> Bytes {
    match serde_json::to_vec(value) {
        Ok(json) => json.into(),
        Err(error) => unreachable!("strings and finite numbers always serialise: {error}"),
    }
}
