//! A server of tools that misbehave.

use std::{net::SocketAddr, time::Duration};

use rmcp::{
    ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};
use tokio::task::JoinHandle;
use transports::{
    http::{Guard, HttpOptions, HttpService, bind, serve_http},
    runtime::{Handle, Tokio},
    shutdown::Shutdown,
    sse::{Sse, SseOptions},
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::Supervised,
};

const DRAIN: Duration = Duration::from_secs(20);
/// Short, so that a test can wait for it.
const HEAD_TIMEOUT: Duration = Duration::from_millis(250);
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Wait {
    ms: u32,
}

/// Tools that do what tools should not.
#[derive(Clone)]
struct Misbehaving {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Misbehaving {
    /// Panics.
    #[tool(description = "Panics")]
    async fn panic(&self) -> String {
        tokio::task::yield_now().await;
        panic!("a tool that panics")
    }

    /// Never ends.
    #[tool(description = "Never ends")]
    async fn hang(&self) -> String {
        std::future::pending().await
    }

    /// Takes its time.
    #[tool(description = "Takes its time")]
    async fn wait(&self, Parameters(Wait { ms }): Parameters<Wait>) -> String {
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
        }
        "waited".into()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Misbehaving {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// A server that runs in this process.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    served: JoinHandle<std::io::Result<()>>,
}

impl Started {
    pub(crate) fn streamable(answer: Answer, call_timeout: Duration) -> Self {
        let options = StreamableOptions {
            answer,
            session_ttl: None,
            guard: Guard::default(),
            max_body_bytes: MAX_BODY_BYTES,
        };
        let service = Streamable::new(handler(call_timeout), options);
        Self::serve(service, DRAIN)
    }

    pub(crate) fn sse(call_timeout: Duration) -> Self {
        Self::sse_with(call_timeout, DRAIN)
    }

    pub(crate) fn sse_with(call_timeout: Duration, drain_timeout: Duration) -> Self {
        let options = SseOptions {
            guard: Guard::default(),
            max_body_bytes: MAX_BODY_BYTES,
        };
        Self::serve(
            Sse::new(Tokio, handler(call_timeout), options),
            drain_timeout,
        )
    }

    fn serve(service: impl HttpService, drain_timeout: Duration) -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new(drain_timeout);
        let options = HttpOptions {
            head_timeout: HEAD_TIMEOUT,
            ..HttpOptions::default()
        };
        let served = serve_http(Tokio, listener, service, options, shutdown.clone());
        Self {
            address,
            shutdown,
            served: tokio::spawn(served),
        }
    }

    /// Shuts down and waits until the server has ended.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.served.await.unwrap().unwrap();
    }
}

pub(crate) fn handler(call_timeout: Duration) -> Supervised<impl ServerHandler + Clone> {
    let tools = Misbehaving {
        tool_router: Misbehaving::tool_router(),
    };
    Supervised::new(tools, Handle::new(Tokio), call_timeout)
}
