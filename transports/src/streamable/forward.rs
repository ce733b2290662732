//! The way to rmcp, for what the front leaves.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use http_body_util::BodyExt;
use rmcp::{
    model::RequestId,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    Answer, Inner, MCP_PATH, StreamableOptions, answers,
    body::Forwarded,
    head,
    sessions::{Session, Sessions},
    single::{self, RmcpBody},
};
use crate::{
    timed_body::{TimedBody, BodyError},
    fast_path::{FastTools, Handshake},
    http::{Body, accepted, text},
};

/// rmcp's service, configured as `options` say.
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
    config.max_request_body_bytes = options.max_body_bytes;
    config.cancellation_token = ended;
    // An empty list of origins must refuse all of them, not switch the check off.
    let config = config.enforce_origin_validation();
    let sessions = sessions.unwrap_or_else(Sessions::none);
    StreamableHttpService::new(move || Ok(service.clone()), sessions, config)
}

/// What rmcp answers to each request of a handshake.
pub(super) async fn handshake<S: FastTools>(service: &S, options: &StreamableOptions) -> Handshake {
    let options = StreamableOptions {
        answer: Answer::Json,
        guard: crate::http::Guard::default(),
        ..options.clone()
    };
    let rmcp = rmcp(service.clone(), &options, None, CancellationToken::new());
    Handshake::learn(|revision, method, request| {
        let rmcp = rmcp.clone();
        async move {
            let mut asked = Request::post(MCP_PATH)
                .header("host", "localhost")
                .header("content-type", "application/json")
                .header("accept", "application/json, text/event-stream");
            if method != "initialize" {
                asked = asked.header("mcp-protocol-version", revision.name());
            }
            if revision.is_self_contained() {
                asked = asked.header("mcp-method", method);
            }
            let body = Forwarded::Read(Some(request.into()));
            let response = rmcp.handle(asked.body(body).ok()?).await;
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

/// What has to be known of a message in a session, whoever answers it.
#[derive(Deserialize)]
struct Sketch {
    id: Option<RequestId>,
    method: Option<String>,
    params: Option<Value>,
}

impl Sketch {
    /// The request that a notification cancels.
    fn cancels(&self) -> Option<RequestId> {
        if self.method.as_deref() != Some("notifications/cancelled") {
            return None;
        }
        let id = self.params.as_ref()?.get("requestId")?;
        serde_json::from_value(id.clone()).ok()
    }

    /// Whether it says of itself what sessions agree on: rmcp answers such a request outside of any.
    fn names_its_revision(&self) -> bool {
        let meta = self.params.as_ref().and_then(|params| params.get("_meta"));
        meta.is_some_and(|meta| meta.get(crate::fast_path::PROTOCOL_VERSION).is_some())
    }
}

/// A request that may still not come to its session: refused by rmcp, or given up by a client that left at
/// this moment. Its id is free then, for nobody will answer it.
struct OnItsWay<'r> {
    session: &'r Session,
    id: &'r RequestId,
    came: bool,
}

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        if !self.came {
            self.session.in_flight.cancel(self.id);
        }
    }
}

impl<S: FastTools> Inner<S> {
    /// Gives rmcp one message that has been read.
    pub(super) async fn forward_message(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let Some(sessions) = &self.sessions else {
            return self.forward_read(parts, bytes).await;
        };
        let Ok(sketch) = serde_json::from_slice::<Sketch>(&bytes) else {
            return self.forward_read(parts, bytes).await;
        };
        let Some(session) = session_id(&parts).and_then(|id| sessions.get(id)) else {
            let is_initialize = sketch.method.as_deref() == Some("initialize");
            if is_initialize && sessions.are_full() {
                return text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Service Unavailable: too many sessions are open; close one or try again later",
                );
            }
            return self.forward_read(parts, bytes).await;
        };
        if sketch.method.as_deref() == Some("initialize") {
            session.in_flight.asked_anew();
        }
        if let Some(id) = sketch.cancels()
            && session.in_flight.cancel(&id)
        {
            return accepted();
        }
        match &sketch.id {
            Some(id) if sketch.method.is_some() && !sketch.names_its_revision() => {
                self.forward_request(parts, bytes, &session, id).await
            }
            _ => self.forward_read(parts, bytes).await,
        }
    }

    /// Gives rmcp a message whose headers it may refuse: who must not speak here changes nothing in a session,
    /// and what is refused cancels nothing.
    pub(super) async fn forward_doubtful(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let is_refused = self.options.guard.check(&parts.uri, &parts.headers);
        let Some(sessions) = self.sessions.as_ref().filter(|_| is_refused.is_ok()) else {
            return self.forward_read(parts, bytes).await;
        };
        let sketch = serde_json::from_slice::<Sketch>(&bytes).ok();
        let Some(id) = sketch.and_then(|sketch| sketch.cancels()) else {
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

    /// Gives rmcp a request in a session, whose id is in flight until rmcp has answered it there.
    async fn forward_request(
        &self,
        parts: Parts,
        bytes: Bytes,
        session: &Session,
        id: &RequestId,
    ) -> Response<Body> {
        if let Err(refusal) = session.in_flight.enter(id, None) {
            return answers::refused(refusal);
        }
        let mut on_its_way = OnItsWay {
            session,
            id,
            came: false,
        };
        let response = self.ask(parts, Forwarded::Read(Some(bytes))).await;
        on_its_way.came = response.status() == StatusCode::OK;
        drop(on_its_way);
        self.shaped(response).await
    }

    pub(super) async fn forward_unread(&self, parts: Parts, mut body: TimedBody) -> Response<Body> {
        let (late, limit) = (body.late(), self.options.body_timeout);
        let response = self.forward(parts, Forwarded::Unread(body)).await;
        if late.load(Ordering::Relaxed) {
            return BodyError::Late(limit).into_response();
        }
        response
    }

    pub(super) async fn forward_read(&self, parts: Parts, bytes: Bytes) -> Response<Body> {
        let response = self.ask(parts, Forwarded::Read(Some(bytes))).await;
        self.shaped(response).await
    }

    async fn ask(&self, parts: Parts, body: Forwarded) -> Response<RmcpBody> {
        let request = Request::from_parts(parts, body);
        // Boxed, or rmcp's large future would swell every connection.
        Box::pin(self.rmcp.handle(request)).await
    }

    /// A response of rmcp's in the kind of answer that this server gives.
    async fn shaped(&self, response: Response<RmcpBody>) -> Response<Body> {
        let is_json_in_a_session =
            self.sessions.is_some() && self.front.is_some() && self.options.answer == Answer::Json;
        if is_json_in_a_session {
            single::unwrapped(response).await
        } else {
            response.map(Body::Rmcp)
        }
    }

    pub(super) async fn forward(&self, parts: Parts, body: Forwarded) -> Response<Body> {
        self.ask(parts, body).await.map(Body::Rmcp)
    }
}

/// The session that a request is sent in, if it names one.
pub(super) fn session_id(parts: &Parts) -> Option<&str> {
    parts.headers.get(head::SESSION_ID)?.to_str().ok()
}
