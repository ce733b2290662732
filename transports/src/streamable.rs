//! Streamable HTTP (MCP 2025-03-26 and later, "Transports"): rmcp's own service behind hyper.
//!
//! The protocol is rmcp's: methods, headers, sessions, event streams. This module gives it
//! its configuration, the routes around it, and an end to its standing streams.

use std::{sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
        session::local::{LocalSessionManager, SessionConfig},
    },
};
use tokio_util::sync::CancellationToken;

use crate::http::{Body, Guard, HEALTH_PATH, HttpService, healthy, text};

/// The one endpoint that MCP is spoken at.
pub const MCP_PATH: &str = "/mcp";

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One JSON message. rmcp does so without sessions only: in a session its replies are event
    /// streams for every revision before 2026-07-28.
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
    /// Who may speak to the server.
    pub guard: Guard,
    /// The largest request body that is taken, in bytes.
    pub max_body_bytes: usize,
}

/// Streamable HTTP in front of the rmcp handler `S`, of which every session, or without sessions
/// every request, gets a clone.
#[derive(Clone)]
pub struct Streamable<S: ServerHandler> {
    rmcp: StreamableHttpService<S, LocalSessionManager>,
    ended: CancellationToken,
}

impl<S: ServerHandler + Clone> Streamable<S> {
    /// Serves `service` at [`MCP_PATH`].
    pub fn new(service: S, options: StreamableOptions) -> Self {
        let mut session = SessionConfig::default();
        session.keep_alive = options.session_ttl;
        let mut sessions = LocalSessionManager::default();
        sessions.session_config = session;

        let ended = CancellationToken::new();
        let mut config = StreamableHttpServerConfig::default();
        config.legacy_session_mode = options.session_ttl.is_some();
        config.json_response = options.answer == Answer::Json;
        config.allowed_hosts = options.guard.allowed_hosts;
        config.allowed_origins = options.guard.allowed_origins;
        config.max_request_body_bytes = options.max_body_bytes;
        config.cancellation_token = ended.clone();
        // An empty list of origins must refuse all of them, not switch the check off.
        let config = config.enforce_origin_validation();
        let rmcp =
            StreamableHttpService::new(move || Ok(service.clone()), Arc::new(sessions), config);
        Self { rmcp, ended }
    }
}

impl<S: ServerHandler + Clone> HttpService for Streamable<S> {
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        match request.uri().path() {
            MCP_PATH => self.rmcp.handle(request).await.map(Body::Rmcp),
            HEALTH_PATH => healthy(),
            _ => text(
                StatusCode::NOT_FOUND,
                "Not Found: MCP is spoken at POST /mcp",
            ),
        }
    }

    async fn end_streams(&self) {
        self.ended.cancel();
    }
}
