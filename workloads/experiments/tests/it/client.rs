//! A server with the experiments, and a client that speaks MCP to it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use experiments::{ExperimentOptions, ExperimentServer};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, ProgressNotificationParam},
    service::{NotificationContext, RunningService},
};
use serde_json::Value;
use transports::runtime::{Handle, Tokio};
use workloads::{
    AppState, DemoServer,
    catalog_client::{CatalogClient, CatalogClientOptions},
    database::{Database, DatabaseOptions},
};

pub(crate) const SERVER_TYPE: &str = "test-tokio";

/// A client of a server, connected over a pipe in memory.
pub(crate) struct Client {
    service: RunningService<RoleClient, Listener>,
}

/// Keeps the messages of progress notifications in the order of their arrival.
#[derive(Clone, Default)]
pub(crate) struct Listener {
    heard: Arc<Mutex<Vec<ProgressNotificationParam>>>,
}

impl ClientHandler for Listener {
    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.heard.lock().expect("no panic").push(progress);
    }
}

/// The tools of the experiments, beside the extra tools that a test adds.
pub(crate) fn experiments() -> ExperimentOptions {
    ExperimentOptions {
        experiments: true,
        ..ExperimentOptions::default()
    }
}

/// A server with a database in memory and the tools that `options` name.
pub(crate) async fn server(
    upstream: Option<CatalogClient>,
    options: &ExperimentOptions,
) -> ExperimentServer {
    server_over("sqlite::memory:", upstream, options).await
}

/// A server over the database at `url`.
pub(crate) async fn server_over(
    url: &str,
    upstream: Option<CatalogClient>,
    options: &ExperimentOptions,
) -> ExperimentServer {
    let database = Database::open(&DatabaseOptions::new(url)).await;
    let database = database.expect("a database");
    let demo = DemoServer::new(AppState {
        upstream,
        ..AppState::new(SERVER_TYPE, Handle::new(Tokio), database)
    });
    ExperimentServer::new(demo, options)
}

impl Client {
    /// A client of `server`.
    pub(crate) async fn connect(server: ExperimentServer) -> Self {
        let (client, pipe) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let running = server.serve(pipe).await.expect("handshake");
            running.waiting().await.expect("serving");
        });
        Self {
            service: Listener::default().serve(client).await.expect("handshake"),
        }
    }

    /// A client of a server with the experiments and without an upstream or a store.
    pub(crate) async fn alone() -> Self {
        Self::connect(server(None, &experiments()).await).await
    }

    /// The names of the tools that the server lists.
    pub(crate) async fn tools(&self) -> Vec<String> {
        let listed = self.service.list_all_tools().await.expect("a listing");
        listed.into_iter().map(|tool| tool.name.into()).collect()
    }

    /// The rmcp client underneath.
    pub(crate) fn service(&self) -> &RunningService<RoleClient, Listener> {
        &self.service
    }

    /// The progress notifications so far.
    pub(crate) fn heard(&self) -> Vec<ProgressNotificationParam> {
        let listener = self.service.service();
        listener.heard.lock().expect("no panic").clone()
    }

    /// The result of a call.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> CallToolResult {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object, not {arguments}");
        };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.service.call_tool(params).await.expect("a result")
    }

    /// The result of a call that must succeed, after checking that text and structure agree.
    pub(crate) async fn answer(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(false), "{result:?}");
        let structured = result.structured_content.clone().expect("structure");
        let text: Value = serde_json::from_str(&text(&result, 0)).expect("JSON text");
        assert_eq!(text, structured);
        assert_eq!(structured["server_type"], SERVER_TYPE);
        structured
    }

    /// The message of a call that must fail in band.
    pub(crate) async fn rejection(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{result:?}");
        text(&result, 0)
    }
}

/// Piece `at` of a result's content.
pub(crate) fn text(result: &CallToolResult, at: usize) -> String {
    let content = result.content.get(at).expect("so many pieces of content");
    content.as_text().expect("text content").text.clone()
}

/// A client of `base_url` that gives up after two seconds.
pub(crate) fn upstream(base_url: &str) -> CatalogClient {
    CatalogClient::new(&CatalogClientOptions {
        time_limit: Duration::from_secs(2),
        ..CatalogClientOptions::new(base_url)
    })
    .expect("a valid base URL")
}
