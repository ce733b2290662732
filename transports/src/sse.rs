//! Legacy HTTP+SSE, MCP 2024-11-05 ("Transports", "HTTP with SSE").
//!
//! `GET /sse` opens a session's event stream: first an `endpoint` event with the URI to post to,
//! then one `message` event for each message of the server. `POST /messages?sessionId=...` answers
//! 202 without a body; the answers come on the stream. Closing the GET ends the session. rmcp ships
//! no such transport: it gets a [`Conversation`].

mod sessions;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration};

use bytes::Bytes;
use futures::future::{Either, select};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;

use self::sessions::{Session, Sessions};
use crate::{
    admission::Admission,
    conversation::{BatchPart, Conversation, ConversationFactory, MessageError, Outgoing},
    fast_path::{Counters, FastTools, Framing, Receipt},
    http::{
        Body, Guard, HEALTH_PATH, HttpService, Subject, accepted, beside_endpoint, event_stream,
        healthy, text, unavailable,
    },
    limits::Limits,
    log_limit::LogLimit,
    metrics::{Metrics, SESSIONS, Shed, count_shed},
    runtime::{Handle, Runtime},
    supervise::Caller,
    timed_body::{Read, TimedBody, not_admitted, too_large},
};

/// The path where a client opens its event stream.
pub const STREAM_PATH: &str = "/sse";
/// The path where a client posts its messages.
pub const MESSAGES_PATH: &str = "/messages";

/// The pause after which a stream carries a comment. Many proxies close a connection that is idle
/// for 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How an SSE server serves.
#[derive(Clone, Debug)]
pub struct SseOptions {
    /// The hosts and origins that it accepts.
    pub guard: Guard,
    /// What it takes from its clients.
    pub limits: Limits,
    /// Whether the [fast path](crate::fast_path) answers calls where it can.
    pub fast_path: bool,
}

/// Legacy HTTP+SSE in front of the rmcp handler `S`. Every session gets a clone of the handler.
#[derive(Clone)]
pub struct Sse<S> {
    runtime: Handle,
    conversations: ConversationFactory<S>,
    options: SseOptions,
    sessions: Sessions,
    unread: Arc<LogLimit>,
    metrics: Option<Metrics>,
}

impl<S: FastTools> Sse<S> {
    /// Serves `service` to every client that opens a stream.
    pub fn new(runtime: &impl Runtime, service: S, options: SseOptions) -> Self {
        let (framing, limits) = (Framing::MESSAGE_EVENT, options.limits);
        let conversations =
            ConversationFactory::new(runtime, service, framing, options.fast_path, limits)
                .handshake_only();
        let sessions = Sessions::new(limits.max_sessions);
        let metrics = conversations.metrics();
        if let Some(metrics) = &metrics {
            let sessions = sessions.clone();
            metrics.gauge(SESSIONS.0, SESSIONS.1, &[], move || sessions.count() as f64);
        }
        Self {
            runtime: Handle::new(runtime.clone()),
            conversations,
            sessions,
            options,
            unread: Arc::default(),
            metrics,
        }
    }

    fn open_stream(&self, subject: Option<Subject<'_>>) -> Response<Body> {
        let owner = subject.map(Subject::id);
        match self.sessions.open(owner, || self.conversations.start()) {
            Ok((session, outgoing)) => {
                event_stream(events(outgoing, session, self.runtime.clone()))
            }
            Err(error) => unavailable(error),
        }
    }

    async fn post(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        subject: Option<Subject<'_>>,
    ) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Some(id) = parts.uri.query().and_then(session_id) else {
            return text(
                StatusCode::BAD_REQUEST,
                "Bad Request: post to the URI of the endpoint event, which has a sessionId",
            );
        };
        let owner = subject.map(Subject::id);
        let Some(conversation) = self.sessions.get(id, owner) else {
            return unknown_session();
        };
        let limits = &self.options.limits;
        let limit = limits.max_message_bytes;
        let body = TimedBody::new(body, self.runtime.clone(), limits.body_timeout);
        let admission = self.conversations.admission();
        let (bytes, reserved) = match body.read(limit, admission).await {
            Read::Whole(bytes, reserved) => (bytes, reserved),
            Read::NotAdmitted(reason) => return not_admitted(reason),
            Read::TooLarge => return too_large(limit),
            Read::Failed(error) => return error.into_response(),
        };
        if let Some(metrics) = &self.metrics {
            metrics.count_received(bytes.len());
        }
        if conversation.is_full() {
            return self.unread();
        }
        let caller = Caller {
            session: Some(id),
            client: Some(client),
            subject,
            headers: Some(&parts.headers),
        };
        let receipt = Receipt {
            reserved: reserved.as_ref(),
            ..Receipt::default()
        };
        let outcome = match conversation.batch(&bytes) {
            Ok(None) => take_message(&conversation, &bytes, &caller, receipt).await,
            Ok(Some(parts)) => {
                let access = &self.options.guard.access;
                if let Err(error) = access.admit_batch(&caller, parts.len()) {
                    return error.into_response();
                }
                take_batch(&conversation, parts, &caller, receipt).await
            }
            Err(rejection) => Err(rejection.into()),
        };
        match outcome {
            Ok(()) => accepted(),
            Err(MessageError::Rejected(rejection)) => {
                text(StatusCode::BAD_REQUEST, rejection.to_string())
            }
            Err(MessageError::Ended) => unknown_session(),
        }
    }
}

impl<S> Sse<S> {
    /// Responds to a message of a client that leaves too much of its stream unread.
    fn unread(&self) -> Response<Body> {
        count_shed(Shed::UnreadAnswers);
        if let Some(left_out) = self.unread.admit() {
            tracing::warn!(
                max_queued_bytes = self.options.limits.max_queued_bytes,
                left_out,
                "a message was rejected: its client does not read its event stream"
            );
        }
        unavailable("read the answers on the event stream before sending more")
    }
}

/// Takes one message. A rejection is answered on the stream if it names its request; otherwise the
/// client could not tell there what it answers.
async fn take_message(
    conversation: &Conversation,
    bytes: &[u8],
    caller: &Caller<'_>,
    receipt: Receipt<'_>,
) -> Result<(), MessageError> {
    let mut answer = Vec::new();
    let outcome = match conversation.dispatch_received(bytes, caller, receipt, &mut answer) {
        Ok(None) => conversation.push(answer),
        Ok(Some(for_sdk)) => conversation.forward(bytes, caller, for_sdk).await,
        Err(error) => Err(error),
    };
    match outcome {
        Err(MessageError::Rejected(rejection)) if !rejection.is_anonymous() => {
            conversation.answer(rejection)
        }
        outcome => outcome,
    }
}

/// Takes the messages of a batch. Every rejection is answered on the stream, so that the other
/// messages are taken.
async fn take_batch(
    conversation: &Conversation,
    parts: Vec<BatchPart<'_>>,
    caller: &Caller<'_>,
    receipt: Receipt<'_>,
) -> Result<(), MessageError> {
    for part in parts {
        let outcome = match part {
            Ok(message) => take_message(conversation, message, caller, receipt).await,
            Err(rejection) => Err(rejection.into()),
        };
        match outcome {
            Err(MessageError::Rejected(rejection)) => conversation.answer(rejection)?,
            outcome => outcome?,
        }
    }
    Ok(())
}

impl<S: FastTools> HttpService for Sse<S> {
    async fn respond(&self, request: Request<Incoming>, client: SocketAddr) -> Response<Body> {
        let path = request.uri().path();
        if path == HEALTH_PATH {
            return healthy();
        }
        let access = &self.options.guard.access;
        let subject = match access.admit(request.headers(), client.ip()) {
            Ok(subject) => subject,
            Err(error) => return error.into_response(),
        };
        let guard = &self.options.guard;
        if let Some(response) = beside_endpoint(self, guard, &request) {
            return response;
        }
        let method = match path {
            STREAM_PATH => Method::GET,
            MESSAGES_PATH => Method::POST,
            _ => {
                return text(
                    StatusCode::NOT_FOUND,
                    "Not Found: the stream is at GET /sse",
                );
            }
        };
        if let Err(error) = guard.check(request.uri(), request.headers()) {
            return error.into_response();
        }
        if request.method() != method {
            let mut response = text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("Method Not Allowed: {path} takes {method}"),
            );
            if let Ok(allow) = HeaderValue::from_str(method.as_str()) {
                response.headers_mut().insert(header::ALLOW, allow);
            }
            return response;
        }
        if method == Method::GET {
            self.open_stream(subject)
        } else {
            self.post(request, client, subject).await
        }
    }

    async fn end_streams(&self) {
        self.sessions.end_all().await;
    }

    fn counters(&self) -> Option<&Counters> {
        self.conversations.counters()
    }

    fn admission(&self) -> Option<&Admission> {
        self.conversations.admission()
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }
}

/// The body of a session's stream (WHATWG HTML, "Server-sent events"): the `endpoint` event, then
/// the messages of `outgoing`, and a comment after each [`KEEP_ALIVE`] without one. It ends with
/// `outgoing`; dropping it ends `session`.
fn events(outgoing: Outgoing, session: Session, runtime: Handle) -> Body {
    let id = session.id();
    let endpoint = format!("event: endpoint\ndata: {MESSAGES_PATH}?sessionId={id}\n\n");
    let state = (Some(endpoint.into()), outgoing, session);
    let events = futures::stream::unfold(state, move |(first, mut outgoing, session)| {
        let runtime = runtime.clone();
        async move {
            let event = match first {
                Some(first) => first,
                None => next_event(&mut outgoing, &runtime).await?,
            };
            let frame = Ok::<_, Infallible>(Frame::data(event));
            Some((frame, (None, outgoing, session)))
        }
    });
    Body::stream(StreamBody::new(events))
}

async fn next_event(outgoing: &mut Outgoing, runtime: &Handle) -> Option<Bytes> {
    let mut received = pin!(outgoing.recv());
    // An event that is ready needs no timer.
    if let Poll::Ready(event) = futures::poll!(received.as_mut()) {
        return event;
    }
    match select(received, pin!(runtime.sleep(KEEP_ALIVE))).await {
        Either::Left((event, _)) => event,
        Either::Right(_) => Some(Bytes::from_static(b": keep-alive\n\n")),
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
