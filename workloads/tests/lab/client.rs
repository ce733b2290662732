//! What the tests share: a lab with a client that speaks MCP to it.

use std::time::Duration;

use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::{RunningService, ServiceError},
};
use serde_json::Value;
use transports::runtime::{Handle, Tokio};
use workloads::{
    DemoServer, AppState,
    database::{Database, DatabaseOptions},
    catalog_client::{CatalogClient, CatalogClientOptions},
};

pub(crate) const SERVER_TYPE: &str = "test-tokio";

/// A client that has shaken hands with a lab over a pipe in memory.
pub(crate) struct Client {
    service: RunningService<RoleClient, ()>,
}

impl Client {
    /// A lab over `upstream`, with a database in memory.
    pub(crate) async fn connect(upstream: Option<CatalogClient>) -> Self {
        let lab = DemoServer::new(AppState {
            upstream,
            ..AppState::new(SERVER_TYPE, Handle::new(Tokio), database().await)
        });
        let (client, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let running = lab.serve(server).await.expect("handshake");
            running.waiting().await.expect("serving");
        });
        Self {
            service: ().serve(client).await.expect("handshake"),
        }
    }

    /// The rmcp client underneath.
    pub(crate) fn service(&self) -> &RunningService<RoleClient, ()> {
        &self.service
    }

    /// The whole outcome of a call.
    pub(crate) async fn call(
        &self,
        tool: &str,
        arguments: Value,
    ) -> Result<CallToolResult, ServiceError> {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object, not {arguments}");
        };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.service.call_tool(params).await
    }

    /// The result of a call that must succeed, after checking that text and structure agree.
    pub(crate) async fn answer(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await.expect("a result");
        assert_eq!(result.is_error, Some(false), "{result:?}");
        let structured = result
            .structured_content
            .clone()
            .expect("structured content");
        let text: Value = serde_json::from_str(&text(&result)).expect("JSON text");
        assert_eq!(text, structured);
        assert_eq!(structured["server_type"], SERVER_TYPE);
        structured
    }

    /// The message of a call that must fail in band.
    pub(crate) async fn refusal(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await.expect("a result");
        assert_eq!(result.is_error, Some(true), "{result:?}");
        assert_eq!(result.structured_content, None);
        text(&result)
    }
}

fn text(result: &CallToolResult) -> String {
    let [content] = result.content.as_slice() else {
        panic!("one piece of content, not {result:?}");
    };
    content.as_text().expect("text content").text.clone()
}

/// A client of `base_url` that gives up after `time_limit`.
pub(crate) fn upstream(base_url: &str, time_limit: Duration) -> CatalogClient {
    CatalogClient::new(&CatalogClientOptions {
        time_limit,
        ..CatalogClientOptions::new(base_url)
    })
    .expect("a valid base URL")
}

/// One database in memory per test: each test has a runtime of its own.
async fn database() -> Database {
    let options = DatabaseOptions::new("sqlite::memory:");
    Database::open(&options).await.expect("a database")
}
