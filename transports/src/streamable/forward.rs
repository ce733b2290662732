//! Forwards to rmcp what the fast path does not answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full};
use rmcp::{
    model::RequestId,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Inner, MCP_PATH, StreamableOptions, no_session,
    post_headers::{SESSION_ID, names_self_contained_revision},
    responses::{self, RmcpBody},
    sessions::{Session, Sessions},
};
use crate::{
    fast_path::{FastTools, HandshakeResults, PROTOCOL_VERSION},
    http::{Body, Subject, accepted, unavailable},
    rejection::{self, Rejection},
    supervise::CallOrigin,
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
    // The guard has checked Host and Origin. rmcp parses its lists anew for each request, which is
    // 3% of what it does for one.
    config.allowed_hosts.clear();
    config.max_request_body_bytes = options.limits.max_message_bytes;
    config.cancellation_token = ended;
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
            let body = Full::new(Bytes::from(request));
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
                sessions.count_rejection();
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

    /// Forwards a message whose headers rmcp may reject. A rejected message cancels nothing.
    pub(super) async fn forward_unusual(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let Some(sessions) = &self.sessions else {
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
        if let Err(rejection) = session.in_flight.admit_for_sdk(id, None) {
            return responses::rejected(rejection);
        }
        let mut reservation = Reservation {
            session,
            id,
            has_arrived: false,
        };
        let response = match self.ask_for_answer(parts, bytes).await {
            Ok(response) => response,
            Err(rejection) => return responses::rejected(rejection),
        };
        reservation.has_arrived = response.status() == StatusCode::OK;
        drop(reservation);
        self.in_answer_form(response).await
    }

    pub(super) async fn forward_read(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        match self.ask_for_answer(parts, bytes).await {
            Ok(response) => self.in_answer_form(response).await,
            Err(rejection) => responses::rejected(rejection),
        }
    }

    /// Asks rmcp. A body that is no message is rejected with the error of JSON-RPC, where rmcp says
    /// that JSON is no supported media type.
    async fn ask_for_answer(
        &self,
        parts: Parts,
        bytes: Bytes,
    ) -> Result<Response<RmcpBody>, Rejection> {
        let is_json = names_json(&parts);
        let response = self.ask(parts, bytes.clone()).await;
        if is_json && response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            rejection::parse(&bytes)?;
        }
        Ok(response)
    }

    async fn ask(&self, parts: Parts, bytes: Bytes) -> Response<RmcpBody> {
        let origin = parts.extensions.get::<CallOrigin>();
        let owner = origin.and_then(CallOrigin::subject).map(Subject::id);
        // Boxed, because rmcp's large future would grow every connection.
        let response = Box::pin(async move {
            self.start_session(&parts).await;
            let request = Request::from_parts(parts, Full::new(bytes));
            self.rmcp.handle(request).await
        })
        .await;
        // rmcp names a session where it has opened it.
        if let Some(sessions) = &self.sessions
            && let Some(id) = response.headers().get(SESSION_ID)
            && let Ok(id) = id.to_str()
        {
            if let Some(owner) = owner {
                sessions.bind(id, owner);
            }
            if let Err(error) = sessions.share(id).await {
                return unavailable(&error).map(|_| Full::from(error.to_string()).boxed());
            }
        }
        response
    }

    /// Finds the session of a request, if another instance of the server opened it.
    pub(super) async fn find_session(
        &self,
        parts: &Parts,
        subject: Option<Subject<'_>>,
    ) -> Result<(), Response<Body>> {
        let Some((sessions, id)) = self.sessions.as_ref().zip(session_id(parts)) else {
            return Ok(());
        };
        if !sessions.may_be_elsewhere(id) || names_self_contained_revision(&parts.headers) {
            return Ok(());
        }
        // Boxed, because it is rare and would grow every connection.
        match Box::pin(sessions.find(id, subject.map(Subject::id))).await {
            Ok(true) => Ok(()),
            // Another request may bring the session here meanwhile: it has another token.
            Ok(false) => Err(no_session()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Converts rmcp's response to the form of this server's answers.
    async fn in_answer_form(&self, response: Response<RmcpBody>) -> Response<Body> {
        let is_json_in_a_session = self.sessions.is_some()
            && self.fast_path.is_some()
            && self.options.answer == Answer::Json;
        if is_json_in_a_session {
            responses::stream_to_json(response).await
        } else {
            response.map(Body::rmcp)
        }
    }

    /// Forwards a request whose body means nothing.
    ///
    /// rmcp has ended the session when it answers a DELETE with 202, "accepted". The answer here is
    /// 204: official clients report any success but 200 and 204 as a failure.
    pub(super) async fn forward(&self, parts: Parts) -> Response<Body> {
        let ends_session = parts.method == Method::DELETE;
        let sessions = self.sessions.as_ref().filter(|_| ends_session);
        let ended = sessions.and_then(|sessions| sessions.entry(session_id(&parts)?));
        let mut response = self.ask(parts, Bytes::new()).await.map(Body::rmcp);
        if ends_session && response.status() == StatusCode::ACCEPTED {
            if let (Some(sessions), Some((id, session))) = (sessions, ended)
                && let Err(error) = sessions.forget(&id, &session).await
            {
                return unavailable(error);
            }
            response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
        }
        response
    }
}

/// Whether the content type is JSON.
fn names_json(parts: &Parts) -> bool {
    let value = parts.headers.get(header::CONTENT_TYPE);
    let essence = value.and_then(|value| value.as_bytes().split(|byte| *byte == b';').next());
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
    })
}

/// Returns the session that a request names.
pub(super) fn session_id(parts: &Parts) -> Option<&str> {
    parts.headers.get(SESSION_ID)?.to_str().ok()
}

pub(super) fn too_many_sessions() -> Response<Body> {
    unavailable("too many sessions are open; close one or try again later")
}
