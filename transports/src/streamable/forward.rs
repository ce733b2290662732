//! Forwards to rmcp what the fast path does not answer.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use rmcp::{
    model::RequestId,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Inner, MCP_PATH, StreamableOptions,
    post_headers::SESSION_ID,
    responses::{self, RmcpBody},
    sessions::{Session, Sessions},
};
use crate::{
    fast_path::{FastTools, HandshakeResults, PROTOCOL_VERSION},
    http::{Body, Guard, accepted, text},
    timed_body::{BodyError, TimedBody},
};

/// Configures rmcp's service as `options` say.
pub(super) fn rmcp<S: FastTools>(
    service: S,
    options: &StreamableOptions,
    sessions: Option<Arc<Sessions>>,
    ended: CancellationToken,
) -> StreamableHttpService<S, Sessions> {
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = sessions.is_some();
    config.json_response = options.answer == Answer::Json;
    config
        .allowed_hosts
        .clone_from(&options.guard.allowed_hosts);
    config
        .allowed_origins
        .clone_from(&options.guard.allowed_origins);
    config.max_request_body_bytes = options.limits.max_message_bytes;
    config.cancellation_token = ended;
    // An empty list of origins must reject all of them, not switch the check off.
    let config = config.enforce_origin_validation();
    let sessions = sessions.unwrap_or_else(Sessions::disabled);
    StreamableHttpService::new(move || Ok(service.clone()), sessions, config)
}

/// Asks rmcp for its answer to each request of a handshake.
pub(super) async fn handshake<S: FastTools>(
    service: &S,
    options: &StreamableOptions,
) -> HandshakeResults {
    let options = StreamableOptions {
        answer: Answer::Json,
        guard: Guard::default(),
        ..options.clone()
    };
    let rmcp = rmcp(service.clone(), &options, None, CancellationToken::new());
    HandshakeResults::learn(|revision, method, request| {
        let rmcp = rmcp.clone();
        async move {
            let mut builder = Request::post(MCP_PATH)
                .header("host", "localhost")
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream");
            if method != "initialize" {
                builder = builder.header("mcp-protocol-version", revision.name());
            }
            if revision.is_self_contained() {
                builder = builder.header("mcp-method", method);
            }
            let body = ForwardedBody::Read(Some(request.into()));
            let response = rmcp.handle(builder.body(body).ok()?).await;
            if response.status() != StatusCode::OK {
                return None;
            }
            let body = response.into_body().collect().await;
            let Ok(body) = body;
            Some(body.to_bytes().to_vec())
        }
    })
    .await
}

/// The members of a message that matter in a session.
#[derive(Deserialize)]
struct Envelope {
    id: Option<RequestId>,
    method: Option<String>,
    params: Option<Value>,
}

impl Envelope {
    /// Returns the request that a notification cancels.
    fn cancels(&self) -> Option<RequestId> {
        if self.method.as_deref() != Some("notifications/cancelled") {
            return None;
        }
        let id = self.params.as_ref()?.get("requestId")?;
        serde_json::from_value(id.clone()).ok()
    }

    /// Whether the message names its revision. rmcp answers such a request outside of the session.
    fn names_its_revision(&self) -> bool {
        let meta = self.params.as_ref().and_then(|params| params.get("_meta"));
        meta.is_some_and(|meta| meta.get(PROTOCOL_VERSION).is_some())
    }
}

/// The reserved id of a request that may not reach its session: rmcp may reject it, or its client
/// may disconnect. Dropping this frees the id unless the request arrived, because then nothing
/// answers it.
struct Reservation<'r> {
    session: &'r Session,
    id: &'r RequestId,
    has_arrived: bool,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.has_arrived {
            self.session.in_flight.cancel(self.id);
        }
    }
}

impl<S: FastTools> Inner<S> {
    /// Forwards one message that was read.
    pub(super) async fn forward_message(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let Some(sessions) = &self.sessions else {
            return self.forward_read(parts, bytes).await;
        };
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&bytes) else {
            return self.forward_read(parts, bytes).await;
        };
        let Some(session) = session_id(&parts).and_then(|id| sessions.get(id)) else {
            if envelope.method.as_deref() != Some("initialize") {
                return self.forward_read(parts, bytes).await;
            }
            if sessions.are_full() {
                return too_many_sessions();
            }
            let response = self.forward_read(parts, bytes).await;
            // Another client may have taken the last place meanwhile; rmcp reports that as 500.
            if response.status() == StatusCode::INTERNAL_SERVER_ERROR && sessions.are_full() {
                return too_many_sessions();
            }
            return response;
        };
        if envelope.method.as_deref() == Some("initialize") {
            session.in_flight.handshake.record_second();
        }
        if let Some(id) = envelope.cancels()
            && session.in_flight.cancel(&id)
        {
            return accepted();
        }
        match &envelope.id {
            Some(id) if envelope.method.is_some() && !envelope.names_its_revision() => {
                self.forward_request(parts, bytes, &session, id).await
            }
            _ => self.forward_read(parts, bytes).await,
        }
    }

    /// Forwards a message whose headers rmcp may reject. A client that is not allowed changes
    /// nothing in a session, and a rejected message cancels nothing.
    pub(super) async fn forward_unusual(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let is_allowed = self.options.guard.check(&parts.uri, &parts.headers).is_ok();
        let Some(sessions) = self.sessions.as_ref().filter(|_| is_allowed) else {
            return self.forward_read(parts, bytes).await;
        };
        let envelope = serde_json::from_slice::<Envelope>(&bytes).ok();
        let Some(id) = envelope.and_then(|envelope| envelope.cancels()) else {
            return self.forward_message(parts, bytes).await;
        };
        let session = session_id(&parts).and_then(|id| sessions.get(id));
        let response = self.forward_read(parts, bytes).await;
        if let Some(session) = session
            && response.status() == StatusCode::ACCEPTED
        {
            session.in_flight.cancel(&id);
        }
        response
    }

    /// Forwards a request in a session. Its id is in flight until rmcp has answered it there.
    async fn forward_request(
        &self,
        parts: Parts,
        bytes: Bytes,
        session: &Session,
        id: &RequestId,
    ) -> Response<Body> {
        if let Err(rejection) = session.in_flight.admit_for_sdk(id) {
            return responses::rejected(rejection);
        }
        let mut reservation = Reservation {
            session,
            id,
            has_arrived: false,
        };
        let response = self.ask(parts, ForwardedBody::Read(Some(bytes))).await;
        reservation.has_arrived = response.status() == StatusCode::OK;
        drop(reservation);
        self.in_answer_form(response).await
    }

    pub(super) async fn forward_unread(&self, parts: Parts, mut body: TimedBody) -> Response<Body> {
        let (late, limit) = (body.late(), self.options.limits.body_timeout);
        let response = self.forward(parts, ForwardedBody::Unread(body)).await;
        if late.load(Ordering::Relaxed) {
            return BodyError::Late(limit).into_response();
        }
        response
    }

    pub(super) async fn forward_read(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let response = self.ask(parts, ForwardedBody::Read(Some(bytes))).await;
        self.in_answer_form(response).await
    }

    async fn ask(&self, parts: Parts, body: ForwardedBody) -> Response<RmcpBody> {
        let request = Request::from_parts(parts, body);
        // Boxed, because rmcp's large future would grow every connection.
        Box::pin(self.rmcp.handle(request)).await
    }

    /// Converts rmcp's response to the form of this server's answers.
    async fn in_answer_form(&self, response: Response<RmcpBody>) -> Response<Body> {
        let is_json_in_a_session = self.sessions.is_some()
            && self.fast_path.is_some()
            && self.options.answer == Answer::Json;
        if is_json_in_a_session {
            responses::stream_to_json(response).await
        } else {
            response.map(Body::Rmcp)
        }
    }

    pub(super) async fn forward(&self, parts: Parts, body: ForwardedBody) -> Response<Body> {
        self.ask(parts, body).await.map(Body::Rmcp)
    }
}

/// Returns the session that a request names.
pub(super) fn session_id(parts: &Parts) -> Option<&str> {
    parts.headers.get(SESSION_ID)?.to_str().ok()
}

fn too_many_sessions() -> Response<Body> {
    text(
        StatusCode::SERVICE_UNAVAILABLE,
        "Service Unavailable: too many sessions are open; close one or try again later",
    )
}

/// The body of a request to rmcp.
pub(super) enum ForwardedBody {
    /// rmcp reads it.
    Unread(TimedBody),
    /// It was read.
    Read(Option<Bytes>),
}

impl HttpBody for ForwardedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Unread(body) => Pin::new(body).poll_frame(context),
            Self::Read(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Unread(body) => body.is_end_stream(),
            Self::Read(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Unread(body) => body.size_hint(),
            Self::Read(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}
