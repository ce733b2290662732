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
use hyper::body::Incoming;

use self::session::Sessions;
use crate::{
    timed_body::{self, TimedBody, Read},
    conversation::{Conversation, NotTaken, Opening, Part},
    fast_path::{Counters, FastTools, Framing},
    http::{
        Body, COUNTERS_PATH, Guard, HEALTH_PATH, HttpService, accepted, counted, event_stream,
        healthy, text,
    },
    runtime::{Handle, Runtime},
};

/// Where a client opens its event stream.
pub const STREAM_PATH: &str = "/sse";
/// Where it posts its messages.
pub const MESSAGES_PATH: &str = "/messages";

/// The default of [`SseOptions::body_timeout`].
pub const BODY_TIMEOUT: Duration = timed_body::BODY_TIMEOUT;

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
    /// How long a message may take to arrive, once the head of its request is here.
    pub body_timeout: Duration,
    /// Whether calls are answered by the [fast path](crate::fast_path) where they can be.
    pub fast_path: bool,
}

/// Legacy HTTP+SSE in front of the rmcp handler `S`, of which every session gets a clone.
#[derive(Clone)]
pub struct Sse<S> {
    runtime: Handle,
    opening: Opening<S>,
    options: SseOptions,
    sessions: Sessions,
}

impl<S: FastTools> Sse<S> {
    /// Serves `service` to every client that opens a stream.
    pub fn new(runtime: &impl Runtime, service: S, options: SseOptions) -> Self {
        let opening = Opening::new(runtime, service, Framing::MESSAGE_EVENT, options.fast_path)
            .handshake_only();
        Self {
            runtime: Handle::new(runtime.clone()),
            opening,
            options,
            sessions: Sessions::default(),
        }
    }

    fn open_stream(&self) -> Response<Body> {
        let (session, outgoing) = match self.sessions.enter(|| self.opening.start()) {
            Ok(entered) => entered,
            Err(why) => {
                let message = format!("Service Unavailable: {why}");
                return text(StatusCode::SERVICE_UNAVAILABLE, message);
            }
        };
        let endpoint = event::endpoint(&format!("{MESSAGES_PATH}?sessionId={}", session.id()));
        let body = event::stream(
            endpoint,
            outgoing,
            session,
            self.runtime.clone(),
            KEEP_ALIVE,
        );
        event_stream(body)
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
        let SseOptions {
            max_body_bytes: limit,
            body_timeout,
            ..
        } = self.options;
        let body = TimedBody::new(request.into_body(), self.runtime.clone(), body_timeout);
        let bytes = match body.read(limit).await {
            Read::Whole(bytes) => bytes,
            Read::TooLarge(_) => {
                return text(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format!("Payload Too Large: a message may have {limit} bytes (--max-body)"),
                );
            }
            Read::Failed(error) => return error.into_response(),
        };
        self.take(&conversation, &bytes).await
    }

    async fn take(&self, conversation: &Conversation, bytes: &Bytes) -> Response<Body> {
        let batch = match conversation.batch(bytes) {
            Ok(batch) => batch,
            Err(refusal) => return text(StatusCode::BAD_REQUEST, refusal.to_string()),
        };
        let outcome = match batch {
            None => take_one(conversation, bytes).await,
            Some(parts) => take_all(conversation, parts).await,
        };
        match outcome {
            Ok(()) => accepted(),
            Err(NotTaken::Refused(refusal)) => text(StatusCode::BAD_REQUEST, refusal.to_string()),
            Err(NotTaken::Ended) => unknown_session(),
        }
    }
}

/// Takes one message. What is refused is answered on the stream, unless nobody could tell there what the
/// answer is about.
async fn take_one(conversation: &Conversation, bytes: &[u8]) -> Result<(), NotTaken> {
    let mut answer = Vec::new();
    let taken = match conversation.turn(bytes, &mut answer) {
        Ok(true) if answer.is_empty() => Ok(()),
        Ok(true) => conversation.send(answer.into()).await,
        Ok(false) => conversation.accept(bytes).await,
        Err(refused) => Err(refused),
    };
    match taken {
        Err(NotTaken::Refused(refusal)) if !refusal.is_anonymous() => {
            conversation.answer(refusal).await
        }
        taken => taken,
    }
}

/// Takes the messages of a batch. Whatever is refused is answered on the stream, for the rest is not.
async fn take_all(conversation: &Conversation, parts: Vec<Part<'_>>) -> Result<(), NotTaken> {
    for part in parts {
        let taken = match part {
            Ok(message) => take_one(conversation, message).await,
            Err(refusal) => Err(refusal.into()),
        };
        match taken {
            Err(NotTaken::Refused(refusal)) => conversation.answer(refusal).await?,
            taken => taken?,
        }
    }
    Ok(())
}

impl<S: FastTools> HttpService for Sse<S> {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let known = match path {
            HEALTH_PATH => return healthy(),
            COUNTERS_PATH => return counted(self.counters()),
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

    fn counters(&self) -> Option<&Counters> {
        self.opening.counters()
    }
}

fn session_id(query: &str) -> Option<&str> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("sessionId="))
}

fn unknown_session() -> Response<Body> {
    text(
        StatusCode::NOT_FOUND,
        "Not Found: there is no such session; open a new stream at GET /sse",
    )
}
