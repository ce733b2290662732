//! Streamable HTTP (MCP 2025-03-26 and later, "Transports"): the [fast path](crate::fast_path), and
//! behind it rmcp's own service.
//!
//! rmcp implements the protocol: methods, headers, sessions, event streams. This module reads a
//! message once, has the fast path answer it if it can, and gives rmcp all other messages. Around
//! both it keeps the routes, the time limit of bodies, the ids in flight in a session, and the end
//! of open streams.

mod batch;
mod forward;
mod post_headers;
mod responses;
mod sessions;
mod shared;
mod start;

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Method, Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use rmcp::transport::streamable_http_server::StreamableHttpService;
use tokio_util::sync::CancellationToken;

use self::{
    forward::session_id,
    post_headers::{
        PostHeaders, SESSION_ID, UnusualHeaders, header_twice, names_self_contained_revision,
    },
    sessions::{Session, Sessions},
};
use crate::{
    admission::Admission,
    conversation::ForSdk,
    fast_path::{
        Counters, Dispatch, FallbackReason, FastPath, FastTools, Framing, MessageContext,
        PendingCall, Reply, Revision,
    },
    handshake::HandshakeState,
    http::{
        Body, Guard, HEALTH_PATH, HttpService, Subject, accepted, beside_endpoint, healthy, text,
        unavailable,
    },
    limits::Limits,
    metrics::{Metrics, SESSIONS},
    presence::{Presence, With},
    rejection,
    runtime::{Handle, Runtime},
    supervise::{CallOrigin, Caller},
    timed_body::{Read, TimedBody, not_admitted, too_large},
};

/// The longest `initialize` that a session keeps for rmcp. Usual ones have some 300 bytes.
const MAX_INITIALIZE_BYTES: usize = 4096;

/// The path of the one MCP endpoint.
pub const MCP_PATH: &str = "/mcp";

/// The form of the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One JSON message. Without the fast path rmcp does so without sessions only: in a session its
    /// replies are event streams for every revision before 2026-07-28.
    Json,
    /// An event stream of one or more messages.
    EventStream,
}

/// How a Streamable HTTP server serves.
#[derive(Clone, Debug)]
pub struct StreamableOptions {
    /// The form of its answers.
    pub answer: Answer,
    /// Sessions (`Mcp-Session-Id`) end after this long without traffic. Without a value there are
    /// no sessions.
    pub session_ttl: Option<Duration>,
    /// The hosts and origins that it accepts.
    pub guard: Guard,
    /// What it takes from its clients.
    pub limits: Limits,
    /// Whether the [fast path](crate::fast_path) answers messages where it can.
    pub fast_path: bool,
}

/// Streamable HTTP in front of the handler `S`. Every session gets a clone of the handler; without
/// sessions every request that rmcp answers gets one.
pub struct Streamable<S>(Arc<Inner<S>>);

struct Inner<S> {
    service: S,
    rmcp: StreamableHttpService<S, Sessions>,
    fast_path: Option<FastPath<S>>,
    sessions: Option<Arc<Sessions>>,
    options: StreamableOptions,
    has_hook: bool,
    admission: Option<Admission>,
    metrics: Option<Metrics>,
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
    /// Serves `service` at [`MCP_PATH`]. With the fast path it first asks rmcp for its answers to a
    /// handshake.
    pub async fn start(runtime: &impl Runtime, service: S, options: StreamableOptions) -> Self {
        let runtime = Handle::new(runtime.clone());
        let ended = CancellationToken::new();
        let ttl = options.session_ttl;
        let store = service.session_store();
        let sessions = ttl.map(|ttl| Sessions::start(&runtime, ttl, options.limits, store));
        let fast_path = if options.fast_path {
            let handshake = forward::handshake(&service, &options).await;
            Some(FastPath::new(service.clone(), handshake))
        } else {
            None
        };
        let has_hook = service.has_hook();
        let admission = service.admission().cloned();
        let metrics = service.telemetry().metrics;
        if let (Some(metrics), Some(sessions)) = (&metrics, &sessions) {
            let sessions = Arc::downgrade(sessions);
            metrics.gauge(SESSIONS.0, SESSIONS.1, &[], move || {
                sessions.upgrade().map_or(0, |open| open.count()) as f64
            });
        }
        let rmcp = forward::rmcp(service.clone(), &options, sessions.clone(), ended.clone());
        Self(Arc::new(Inner {
            service,
            rmcp,
            fast_path,
            sessions,
            options,
            has_hook,
            admission,
            metrics,
            runtime,
            ended,
        }))
    }
}

impl<S: FastTools> HttpService for Streamable<S> {
    async fn respond(&self, request: Request<Incoming>, client: SocketAddr) -> Response<Body> {
        if request.uri().path() == HEALTH_PATH {
            return healthy();
        }
        let access = &self.0.options.guard.access;
        let subject = match access.admit(request.headers(), client.ip()) {
            Ok(subject) => subject,
            Err(error) => return error.into_response(),
        };
        if request.uri().path() == MCP_PATH {
            return self.0.mcp(request, client, subject).await;
        }
        beside_endpoint(self, &self.0.options.guard, &request).unwrap_or_else(|| {
            text(
                StatusCode::NOT_FOUND,
                "Not Found: the MCP endpoint is POST /mcp",
            )
        })
    }

    /// From 2026-07-28 on a client that leaves cancels its request.
    fn ends_with_client(&self, request: &Request<Incoming>) -> bool {
        request.method() == Method::GET || names_self_contained_revision(request.headers())
    }

    async fn end_streams(&self) {
        self.0.ended.cancel();
    }

    fn counters(&self) -> Option<&Counters> {
        self.0.fast_path.as_ref().map(FastPath::counters)
    }

    fn admission(&self) -> Option<&Admission> {
        self.0.admission.as_ref()
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.0.metrics.as_ref()
    }
}

impl<S: FastTools> Inner<S> {
    async fn mcp(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        subject: Option<Subject<'_>>,
    ) -> Response<Body> {
        let (mut parts, incoming) = request.into_parts();
        let StreamableOptions { limits, guard, .. } = &self.options;
        let is_post = parts.method == Method::POST;
        let headers = if is_post && parts.uri.authority().is_none() {
            PostHeaders::read(&parts.headers, guard)
        } else {
            Err(UnusualHeaders)
        };
        if let Some(refusal) = self.refuse(&parts, headers.is_ok()) {
            return refusal;
        }
        if let Err(response) = self.find_session(&parts, subject).await {
            return response;
        }
        if self.is_in_a_foreign_session(&parts, subject) {
            return no_session();
        }
        if !is_post {
            self.record_traffic(&parts);
            return self.forward(parts).await;
        }
        let body = TimedBody::new(incoming, self.runtime.clone(), limits.body_timeout);
        let admission = self.admission.as_ref();
        let (bytes, reserved) = match body.read(limits.max_message_bytes, admission).await {
            Read::Whole(bytes, reserved) => (bytes, reserved),
            Read::NotAdmitted(reason) => return not_admitted(reason),
            Read::TooLarge => return too_large(limits.max_message_bytes),
            Read::Failed(error) => return error.into_response(),
        };
        if let Some(metrics) = &self.metrics {
            metrics.count_received(bytes.len());
        }
        if let Err(rejection) = rejection::count_values(&bytes, limits.max_values) {
            return responses::rejected(rejection);
        }
        let caller = Caller {
            session: None,
            client: Some(client),
            subject,
            headers: Some(&parts.headers),
        };
        let context = headers.and_then(|headers| headers.context(self.sessions.is_none(), caller));
        let Ok(mut context) = context else {
            self.count_fallback(FallbackReason::Headers);
            self.record_origin(&mut parts, (client, subject), false);
            let response = self.forward_unusual(parts, bytes).await;
            return response.map(|body| body.holding(reserved));
        };
        context.receipt.reserved = reserved.as_ref();
        match self.answer_here(&parts, &context, &bytes).await {
            Ok(response) => response,
            Err(for_sdk) => {
                self.record_origin(&mut parts, (client, subject), for_sdk.is_checked);
                let response = self.forward_message(parts, bytes).await;
                response.map(|body| body.holding(reserved))
            }
        }
    }

    /// Answers a request that may not be here. Usual headers have passed the guard already, and came
    /// once.
    fn refuse(&self, parts: &Parts, has_usual_headers: bool) -> Option<Response<Body>> {
        if has_usual_headers {
            return None;
        }
        let guard = &self.options.guard;
        if let Err(error) = guard.check(&parts.uri, &parts.headers) {
            return Some(error.into_response());
        }
        let name = header_twice(&parts.headers)?;
        let message = format!("Bad Request: there are two {name} headers");
        Some(text(StatusCode::BAD_REQUEST, message))
    }

    /// Answers a message, or a batch of them, unless the SDK has to.
    async fn answer_here(
        &self,
        parts: &Parts,
        context: &MessageContext<'_>,
        bytes: &[u8],
    ) -> Result<Response<Body>, ForSdk> {
        if self.fast_path.is_some()
            && let Some(messages) = self.batch_messages(context, bytes)
            && self.takes_batches(parts)
        {
            return Ok(match messages {
                Ok(messages) => {
                    let access = &self.options.guard.access;
                    match access.admit_batch(&context.caller, messages.len()) {
                        Ok(()) => self.answer_batch(parts, context, messages).await,
                        Err(error) => error.into_response(),
                    }
                }
                Err(rejection) => responses::rejected(rejection),
            });
        }
        self.answer_fast(parts, context, bytes).await
    }

    /// Has the fast path answer a message, if it can.
    async fn answer_fast(
        &self,
        parts: &Parts,
        context: &MessageContext<'_>,
        bytes: &[u8],
    ) -> Result<Response<Body>, ForSdk> {
        let fast_path = self.fast_path.as_ref().ok_or_else(ForSdk::default)?;
        let mut context = *context;
        let session;
        if let Some(sessions) = &self.sessions
            && !context.stateless
        {
            if !parts.headers.contains_key(SESSION_ID)
                && let Some(response) = self
                    .open_session(fast_path, sessions, &context, bytes)
                    .await
            {
                return Ok(response);
            }
            let Some((settled, revision)) = settled_session(sessions, parts) else {
                self.count_fallback(FallbackReason::Session);
                return Err(ForSdk::default());
            };
            session = settled;
            context.in_flight = Some(&session.in_flight);
            context.settled = Some(revision);
            context.caller.session = session_id(parts);
        }
        let answer = self.options.answer;
        let mut out = Vec::with_capacity(512);
        let is_self_contained = context.revision.is_self_contained();
        match fast_path.take(bytes, &context, answer.framing(), &mut out) {
            Dispatch::Answered(reply) => {
                Ok(responses::reply(answer, is_self_contained, reply, out))
            }
            Dispatch::Accepted => Ok(accepted()),
            Dispatch::Rejected(rejection) => Ok(responses::rejected(rejection)),
            Dispatch::Cancelled => Ok(responses::cancelled()),
            Dispatch::Pending(call) => Ok(self.wait(call).await),
            Dispatch::Fallback(fallback) => Err(fallback.into()),
        }
    }

    /// Opens a session, if `bytes` are an `initialize` that the fast path can answer.
    async fn open_session(
        &self,
        fast_path: &FastPath<S>,
        sessions: &Sessions,
        context: &MessageContext<'_>,
        bytes: &[u8],
    ) -> Option<Response<Body>> {
        if bytes.len() > MAX_INITIALIZE_BYTES || sessions.are_full() {
            return None;
        }
        let answer = self.options.answer;
        let mut out = Vec::with_capacity(512);
        let revision = fast_path.open(bytes, context, answer.framing(), &mut out)?;
        let owner = context.caller.subject.map(Subject::id);
        // Boxed, because it is rare and would grow every connection.
        let id = match Box::pin(sessions.open(revision, bytes, owner)).await {
            Ok(id) => id,
            Err(error) => return Some(unavailable(error)),
        };
        let mut response = responses::reply(answer, false, Reply::Result, out);
        let id = HeaderValue::from_str(&id).ok()?;
        response.headers_mut().insert(SESSION_ID, id);
        Some(response)
    }

    /// Waits for a call. Up to 2025-11-25 the call goes on when its client disconnects.
    async fn wait(&self, call: Box<PendingCall>) -> Response<Body> {
        let is_self_contained = call.ends_with_its_stream();
        let finished = if is_self_contained {
            call.await
        } else {
            DetachOnDrop::new(call, &self.runtime).await
        };
        let answer = self.options.answer;
        finished.map_or_else(responses::cancelled, |finished| {
            responses::reply(answer, is_self_contained, finished.reply, finished.bytes)
        })
    }

    /// Records who sends a message, for the hook and for a new session, before the SDK gets the
    /// message.
    fn record_origin(
        &self,
        parts: &mut Parts,
        (client, subject): (SocketAddr, Option<Subject<'_>>),
        is_checked: bool,
    ) {
        if !self.has_hook && subject.is_none() {
            return;
        }
        let sessions = self.sessions.as_ref();
        let sessions = sessions.filter(|_| !names_self_contained_revision(&parts.headers));
        let session = session_id(parts)
            .filter(|id| sessions.is_some_and(|sessions| sessions.get(id).is_some()));
        let caller = Caller {
            session,
            client: Some(client),
            subject,
            headers: None,
        };
        let origin = CallOrigin::new(&caller, is_checked);
        parts.extensions.insert(origin);
    }

    /// Whether a request names a session that another token has made. Its id alone opens none.
    fn is_in_a_foreign_session(&self, parts: &Parts, subject: Option<Subject<'_>>) -> bool {
        let (Some(subject), Some(sessions)) = (subject, &self.sessions) else {
            return false;
        };
        session_id(parts).is_some_and(|id| sessions.is_foreign(id, subject))
    }

    fn record_traffic(&self, parts: &Parts) {
        if let (Some(sessions), Some(id)) = (&self.sessions, session_id(parts)) {
            sessions.get(id);
        }
    }

    fn count_fallback(&self, reason: FallbackReason) {
        if let Some(fast_path) = &self.fast_path {
            fast_path.counters().count_fallback(reason);
        }
    }
}

/// Answers like rmcp, so that a session of another token cannot be told from none.
fn no_session() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "Not Found: Session not found")
}

/// Returns the session of a request and its revision, once the client has agreed on one there.
fn settled_session(sessions: &Sessions, parts: &Parts) -> Option<(Arc<Session>, Revision)> {
    let session = sessions.get(session_id(parts)?)?;
    match session.in_flight.handshake.state() {
        HandshakeState::Settled(revision) => Some((session, revision)),
        HandshakeState::New | HandshakeState::Unsettled => None,
    }
}

/// A call that goes on in the background when it is dropped before its end. MCP, "Streamable HTTP":
/// up to 2025-11-25 disconnection SHOULD NOT be taken for cancellation.
struct DetachOnDrop<F>
where
    F: Future + Unpin + Send + 'static,
{
    call: Option<F>,
    runtime: Handle,
}

impl<F: Future + Unpin + Send + 'static> DetachOnDrop<F> {
    fn new(call: F, runtime: &Handle) -> Self {
        Self {
            call: Some(call),
            runtime: runtime.clone(),
        }
    }
}

impl<F: Future + Unpin + Send + 'static> Future for DetachOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(call) = &mut self.call else {
            return Poll::Pending;
        };
        let outcome = Pin::new(call).poll(context);
        if outcome.is_ready() {
            self.call = None;
        }
        outcome
    }
}

impl<F: Future + Unpin + Send + 'static> Drop for DetachOnDrop<F> {
    fn drop(&mut self) {
        if let Some(future) = self.call.take() {
            // It does not wait in line any more.
            let presence = Presence::Left;
            self.runtime.spawn(Box::pin(async move {
                With { presence, future }.await;
            }));
        }
    }
}
