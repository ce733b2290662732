//! Legacy SSE over pipes in memory: messages posted, events read.

use serde_json::Value;
use testkit::http::Request;
use transports::{
    fast_path::Counters,
    http::{Guard, HttpService},
    runtime::Tokio,
    sse::{Sse, SseOptions},
};

use super::{
    Tools,
    http::{Peer, Standing},
    limits,
};

/// A client of an SSE server, with its stream open.
pub(crate) struct Events {
    peer: Peer<Sse<Tools>>,
    stream: Standing,
    endpoint: String,
}

/// An SSE server over `tools`.
pub(crate) fn sse(tools: &Tools, fast_path: bool) -> Sse<Tools> {
    let options = SseOptions {
        guard: Guard::default(),
        limits: limits(),
        fast_path,
    };
    Sse::new(&Tokio, tools.clone(), options)
}

impl Events {
    /// Opens a stream.
    pub(crate) async fn start(service: &Sse<Tools>) -> Self {
        let peer = Peer::new(service.clone());
        let request = Request::get("/sse").with("Host", "localhost");
        let (status, mut stream) = peer.open(&request.bytes()).await;
        assert_eq!(status, 200, "the stream opens");
        let endpoint = stream.event().await;
        Self {
            peer,
            stream,
            endpoint,
        }
    }

    /// Where messages are posted.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Posts one message; the status that answers it.
    pub(crate) async fn send(&mut self, message: &[u8]) -> u16 {
        let request = Request::message(&self.endpoint, message).with("Host", "localhost");
        self.ask(&request.bytes()).await
    }

    /// Sends the bytes of a whole request; the status that answers it.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> u16 {
        self.peer.ask(request).await.status
    }

    /// The next message.
    pub(crate) async fn receive(&mut self) -> Value {
        let event = self.stream.event().await;
        serde_json::from_str(&event).unwrap_or_else(|error| panic!("{error}: {event}"))
    }

    /// The messages that the fast path took and left.
    pub(crate) fn counters(&self) -> Option<&Counters> {
        self.peer.service().counters()
    }
}
