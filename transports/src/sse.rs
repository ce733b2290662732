//! Legacy HTTP+SSE, MCP 2024-11-05 ("Transports", "HTTP with SSE").
//!
//! `GET /sse` opens a session's event stream: first an `endpoint` event with the URI to post to,
//! then one `message` event for each message of the server. `POST /messages?sessionId=...`
//! answers 202 with no body; whatever there is to say comes on the stream. Closing the GET ends
//! the session. rmcp ships no such transport: it speaks through a [`Conversation`].

mod event;
mod session;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use rmcp::ServerHandler;

use self::session::Sessions;
use crate::{
    conversation::{Conversation, NotTaken},
    http::{Body, Guard, HEALTH_PATH, HttpService, healthy, text},
    runtime::{Handle, Runtime},
};

/// Where a client opens its event stream.
pub const STREAM_PATH: &str = "/sse";
/// Where it posts its messages.
pub const MESSAGES_PATH: &str = "/messages";

/// Comments keep the stream from looking dead to whatever lies between, many of which close an
/// idle connection after 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What varies about an SSE server.
#[derive(Clone, Debug)]
pub struct SseOptions {
    /// Who may speak to it.
    pub guard: Guard,
    /// The largest message it takes, in bytes.
    pub max_body_bytes: usize,
}

/// Legacy HTTP+SSE in front of the rmcp handler `S`, of which every session gets a clone.
#[derive(Clone)]
pub struct Sse<R, S> {
    runtime: R,
    service: S,
    options: SseOptions,
    sessions: Sessions,
}

impl<R: Runtime, S: ServerHandler + Clone> Sse<R, S> {
    /// Serves `service` to every client that opens a stream.
    pub fn new(runtime: R, service: S, options: SseOptions) -> Self {
        Self {
            runtime,
            service,
            options,
            sessions: Sessions::default(),
        }
    }

    fn open_stream(&self) -> Response<Body> {
        let start = || Conversation::start(&self.runtime, self.service.clone(), event::message);
        let (session, outgoing) = match self.sessions.enter(start) {
            Ok(entered) => entered,
            Err(why) => {
                let message = format!("Service Unavailable: {why}");
                return text(StatusCode::SERVICE_UNAVAILABLE, message);
            }
        };
        let endpoint = event::endpoint(&format!("{MESSAGES_PATH}?sessionId={}", session.id()));
        let runtime = Handle::new(self.runtime.clone());
        let body = event::stream(endpoint, outgoing, session, runtime, KEEP_ALIVE);
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    async fn post(&self, request: Request<Incoming>) -> Response<Body> {
        let id = request.uri().query().and_then(session_id);
        let Some(id) = id else {
            return text(
                StatusCode::BAD_REQUEST,
                "Bad Request: post to the URI of the endpoint event, which has a sessionId",
            );
        };
        let Some(conversation) = self.sessions.get(id) else {
            return unknown_session();
        };
        let limit = self.options.max_body_bytes;
        let bytes = match Limited::new(request.into_body(), limit).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return text(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("Payload Too Large: a message may have {limit} bytes (--max-body)"),
                );
            }
            Err(error) => {
                return text(StatusCode::BAD_REQUEST, format!("Bad Request: {error}"));
            }
        };
        self.take(&conversation, &bytes).await
    }

    async fn take(&self, conversation: &Conversation, bytes: &Bytes) -> Response<Body> {
        let outcome = match conversation.accept(bytes).await {
            // Nobody could tell what an answer on the stream is about.
            Err(NotTaken::Refused(refusal)) if refusal.is_anonymous() => {
                return text(StatusCode::BAD_REQUEST, refusal.to_string());
            }
            Err(NotTaken::Refused(refusal)) => conversation.answer(refusal).await,
            outcome => outcome,
        };
        match outcome {
            Ok(()) => accepted(),
            Err(_) => unknown_session(),
        }
    }
}

impl<R: Runtime, S: ServerHandler + Clone> HttpService for Sse<R, S> {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let known = match path {
            HEALTH_PATH => return healthy(),
            STREAM_PATH => Method::GET,
            MESSAGES_PATH => Method::POST,
            _ => {
                return text(
                    StatusCode::NOT_FOUND,
                    "Not Found: the stream is at GET /sse",
                );
            }
        };
        if let Err(error) = self.options.guard.check(request.uri(), request.headers()) {
            return text(error.status(), error.to_string());
        }
        if request.method() != known {
            let mut response = text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("Method Not Allowed: {path} takes {known}"),
            );
            if let Ok(allow) = HeaderValue::from_str(known.as_str()) {
                response.headers_mut().insert(header::ALLOW, allow);
            }
            return response;
        }
        if known == Method::GET {
            self.open_stream()
        } else {
            self.post(request).await
        }
    }

    async fn end_streams(&self) {
        self.sessions.end().await;
    }
}

fn session_id(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("sessionId="))
}

fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn unknown_session() -> Response<Body> {
    text(
        StatusCode::NOT_FOUND,
        "Not Found: there is no such session; open a new stream at GET /sse",
    )
}
