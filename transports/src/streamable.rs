//! Streamable HTTP (MCP 2025-03-26 and later, "Transports"): the [fast path](crate::fast_path), and behind it
//! rmcp's own service.
//!
//! The protocol is rmcp's: methods, headers, sessions, event streams. This module reads a message once,
//! has the front answer it if it can, and gives rmcp everything else. Around both it keeps the routes, the time that a
//! body may take, which ids are in flight in a session, and an end to standing streams.

mod answers;
mod batch;
mod body;
mod forward;
mod head;
mod detach_on_drop;
mod sessions;
mod single;

use std::{sync::Arc, time::Duration};

use futures::future::{AbortHandle, Abortable};
use http::{Method, Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use tokio_util::sync::CancellationToken;

use self::{
    body::Forwarded,
    forward::session_id,
    head::Head,
    detach_on_drop::DetachOnDrop,
    sessions::{Session, Sessions},
};
use crate::{
    timed_body::{self, TimedBody, Read},
    fast_path::{Counters, MessageContext, FastTools, Framing, FastPath, FallbackReason, RunningReply, Dispatch},
    http::{
        Body, COUNTERS_PATH, Guard, HEALTH_PATH, HttpService, accepted, counted, healthy, text,
    },
    in_flight::{Stage, Taking},
    runtime::{Handle, Runtime},
};

/// The one endpoint that MCP is spoken at.
pub const MCP_PATH: &str = "/mcp";
/// The default of [`StreamableOptions::body_timeout`].
pub const BODY_TIMEOUT: Duration = timed_body::BODY_TIMEOUT;
/// The default of [`StreamableOptions::max_sessions`].
pub const MAX_SESSIONS: usize = 10_000;

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One JSON message. Without the fast path rmcp does so without sessions only: in a session its
    /// replies are event streams for every revision before 2026-07-28.
    Json,
    /// An event stream of one or more messages.
    EventStream,
}

/// What varies about a Streamable HTTP server.
#[derive(Clone, Debug)]
pub struct StreamableOptions {
    /// How requests are answered.
    pub answer: Answer,
    /// Sessions (`Mcp-Session-Id`) end after this long without traffic; without a value there are
    /// none.
    pub session_ttl: Option<Duration>,
    /// Sessions that may be open at once; each costs memory and a task.
    pub max_sessions: usize,
    /// Who may speak to the server.
    pub guard: Guard,
    /// The largest request body that is taken, in bytes.
    pub max_body_bytes: usize,
    /// How long a request's body may take to arrive, once its head is here.
    pub body_timeout: Duration,
    /// Whether messages are answered by the [fast path](crate::fast_path) where they can be.
    pub fast_path: bool,
}

/// Streamable HTTP in front of the handler `S`, of which every session, or without sessions
/// every request that rmcp answers, gets a clone.
pub struct Streamable<S>(Arc<Inner<S>>);

struct Inner<S> {
    rmcp: StreamableHttpService<S, Sessions>,
    front: Option<FastPath<S>>,
    sessions: Option<Arc<Sessions>>,
    options: StreamableOptions,
    runtime: Handle,
    ended: CancellationToken,
}

impl<S> Clone for Streamable<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Answer {
    fn framing(self) -> Framing {
        match self {
            Self::Json => Framing::NONE,
            Self::EventStream => Framing::EVENT,
        }
    }
}

impl<S: FastTools> Streamable<S> {
    /// Serves `service` at [`MCP_PATH`]. With the fast path rmcp is asked first for what it answers to a
    /// handshake.
    pub async fn start(runtime: &impl Runtime, service: S, options: StreamableOptions) -> Self {
        let runtime = Handle::new(runtime.clone());
        let ended = CancellationToken::new();
        let ttl = options.session_ttl;
        let sessions = ttl.map(|ttl| Sessions::new(&runtime, ttl, options.max_sessions));
        let front = if options.fast_path {
            let handshake = forward::handshake(&service, &options).await;
            Some(FastPath::new(service.clone(), handshake))
        } else {
            None
        };
        let rmcp = forward::rmcp(service, &options, sessions.clone(), ended.clone());
        Self(Arc::new(Inner {
            rmcp,
            front,
            sessions,
            options,
            runtime,
            ended,
        }))
    }
}

impl<S: FastTools> HttpService for Streamable<S> {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        match request.uri().path() {
            MCP_PATH => self.0.mcp(request).await,
            HEALTH_PATH => healthy(),
            COUNTERS_PATH => counted(self.counters()),
            _ => text(
                StatusCode::NOT_FOUND,
                "Not Found: MCP is spoken at POST /mcp",
            ),
        }
    }

    async fn end_streams(&self) {
        self.0.ended.cancel();
    }

    fn counters(&self) -> Option<&Counters> {
        self.0.front.as_ref().map(FastPath::counters)
    }
}

impl<S: FastTools> Inner<S> {
    async fn mcp(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, incoming) = request.into_parts();
        let arriving = TimedBody::new(incoming, self.runtime.clone(), self.options.body_timeout);
        if parts.method != Method::POST {
            self.touch(&parts);
            return self.forward(parts, Forwarded::Unread(arriving)).await;
        }
        let head = Head::read(&parts.headers, &self.options.guard);
        // In a session everything is read here, for its ids are kept here.
        if self.sessions.is_none() && (head.is_err() || self.front.is_none()) {
            self.count(FallbackReason::Headers);
            return self.forward_unread(parts, arriving).await;
        }
        let bytes = match arriving.read(self.options.max_body_bytes).await {
            Read::Whole(bytes) => bytes,
            Read::TooLarge(bytes) => return self.forward_read(parts, bytes).await,
            Read::Failed(error) => return error.into_response(),
        };
        let facts = head.and_then(|head| head.facts(self.sessions.is_none()));
        let is_doubtful = facts.is_err();
        let answered = match facts {
            Ok(facts) => self.answered_here(&parts, &facts, &bytes).await,
            Err(_) => None,
        };
        match answered {
            Some(response) => response,
            None if is_doubtful => {
                self.count(FallbackReason::Headers);
                self.forward_doubtful(parts, bytes).await
            }
            None => self.forward_message(parts, bytes).await,
        }
    }

    /// Answers a message, or a batch of them, if that is not rmcp's to do.
    async fn answered_here(
        &self,
        parts: &Parts,
        facts: &MessageContext<'_>,
        bytes: &[u8],
    ) -> Option<Response<Body>> {
        if self.front.is_some()
            && let Some(messages) = batch::of(facts, bytes)
            && self.takes_batches(parts)
        {
            return Some(match messages {
                Ok(messages) => self.batch(parts, facts, messages).await,
                Err(refusal) => answers::refused(refusal),
            });
        }
        self.fast(parts, facts, bytes).await
    }

    /// Has the front answer a message, if it can.
    async fn fast(&self, parts: &Parts, facts: &MessageContext<'_>, bytes: &[u8]) -> Option<Response<Body>> {
        let front = self.front.as_ref()?;
        let session = match &self.sessions {
            Some(sessions) if !facts.stateless => {
                let session = open_session(sessions, parts);
                if session.is_none() {
                    front.counters().left(FallbackReason::Session);
                    return None;
                }
                session
            }
            _ => None,
        };
        let facts = MessageContext {
            in_flight: session.as_deref().map(|session| &*session.in_flight),
            ..*facts
        };
        // A session's client may have several connections: its cancellation may come before the call is entered.
        let taking = session.as_ref().map(|session| session.in_flight.taking());
        let answer = self.options.answer;
        let mut out = Vec::with_capacity(512);
        let is_self_contained = facts.revision.is_self_contained();
        match front.take(bytes, &facts, answer.framing(), &mut out) {
            Dispatch::Answered(reply) => Some(answers::reply(answer, is_self_contained, reply, out)),
            Dispatch::Accepted => Some(accepted()),
            Dispatch::Rejected(refusal) => Some(answers::refused(refusal)),
            Dispatch::Pending(reply) => Some(self.run(reply, session, taking).await),
            Dispatch::Fallback(_) => None,
        }
    }

    /// Waits for a call. Up to 2025-11-25 it goes on when its client has gone.
    async fn run(
        &self,
        reply: Box<RunningReply>,
        session: Option<Arc<Session>>,
        taking: Option<Taking>,
    ) -> Response<Body> {
        let is_self_contained = reply.ends_with_its_stream();
        let Some(session) = session else {
            let (reply, bytes) = if is_self_contained {
                reply.await
            } else {
                DetachOnDrop::new(reply, &self.runtime).await
            };
            return answers::reply(self.options.answer, is_self_contained, reply, bytes);
        };
        let id = reply.id().clone();
        let (ends, registration) = AbortHandle::new_pair();
        if let Err(refusal) = session.in_flight.enter(&id, Some(ends.clone())) {
            return answers::refused(refusal);
        }
        drop(taking);
        let in_flight = session.in_flight.clone();
        let call = Box::pin(async move {
            let outcome = Abortable::new(reply, registration).await.ok()?;
            in_flight.done(&id, &ends).map(|_answered| outcome)
        });
        match DetachOnDrop::new(call, &self.runtime).await {
            Some((reply, bytes)) => {
                answers::reply(self.options.answer, is_self_contained, reply, bytes)
            }
            // It was cancelled.
            None => answers::cancelled(),
        }
    }

    fn touch(&self, parts: &Parts) {
        if let (Some(sessions), Some(id)) = (&self.sessions, session_id(parts)) {
            sessions.get(id);
        }
    }

    fn count(&self, reason: FallbackReason) {
        if let Some(front) = &self.front {
            front.counters().left(reason);
        }
    }
}

/// The session that a request is sent in, once the client has agreed on a revision there.
fn open_session(sessions: &Sessions, parts: &Parts) -> Option<Arc<Session>> {
    let session = sessions.get(session_id(parts)?)?;
    matches!(session.in_flight.stage(), Stage::Open(_)).then_some(session)
}
