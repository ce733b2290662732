//! What the tests share: stores, an upstream, a client of the tools, and ways to hold a service up.

mod hold;
mod redis;

use std::{path::Path, time::Duration};

use rmcp::{
    RoleClient, ServiceExt,
    handler::server::wrapper::{Json, Parameters},
    model::{CallToolRequestParams, CallToolResult},
    service::RunningService,
};
use serde_json::Value;
use transports::runtime::{Handle, Tokio};
use workloads::{
    DemoServer, AppState,
    database::{Database, DatabaseOptions},
    pool::PoolOptions,
    store::{Order, Store, StoreOptions},
    tools::checkout::CheckoutResult,
    catalog_client::{CatalogClient, CatalogClientOptions},
    upstream_api::Server,
};

pub(crate) use self::{
    hold::{Hold, Lock, proxy},
    redis::redis_url,
};

pub(crate) const SERVER_TYPE: &str = "test-tokio";

/// Longer than anything that is not held up takes, and shorter than anybody waits for a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The upstream, on a free port.
pub(crate) fn upstream() -> Server {
    Server::start_anywhere(&Tokio).expect("a port")
}

/// The store at `url`, with whatever is in it.
pub(crate) async fn open(url: &str) -> Store {
    let options = StoreOptions {
        url: url.to_owned(),
        pool: PoolOptions::of(4),
        runtime: Handle::new(Tokio),
    };
    Store::open(&options).await.expect("a store")
}

/// The URL of a new `SQLite` store in `folder`, which is filled when it is opened.
pub(crate) fn sqlite_url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("store.db").display())
}

/// The tools over an upstream and a store, either of which may be missing.
pub(crate) async fn lab(upstream_url: Option<&str>, store: Option<Store>) -> DemoServer {
    lab_within(upstream_url, store, PATIENCE).await
}

/// The same; `checkout` says after `checkout_limit` how far it has come.
pub(crate) async fn lab_within(
    upstream_url: Option<&str>,
    store: Option<Store>,
    checkout_limit: Duration,
) -> DemoServer {
    let upstream = upstream_url.map(|url| {
        let options = CatalogClientOptions {
            time_limit: PATIENCE,
            ..CatalogClientOptions::new(url)
        };
        CatalogClient::new(&options).expect("a base URL")
    });
    let database = DatabaseOptions::new("sqlite::memory:");
    let database = Database::open(&database).await.expect("a database");
    DemoServer::new(AppState {
        upstream,
        store,
        checkout_limit,
        ..AppState::new(SERVER_TYPE, Handle::new(Tokio), database)
    })
}

/// An MCP client of some tools, over a pipe in memory.
pub(crate) struct Client(RunningService<RoleClient, ()>);

impl Client {
    pub(crate) async fn of(lab: DemoServer) -> Self {
        let (client, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let running = lab.serve(server).await.expect("handshake");
            running.waiting().await.expect("serving");
        });
        Self(().serve(client).await.expect("handshake"))
    }

    async fn call(&self, tool: &str, arguments: Value) -> CallToolResult {
        let Value::Object(arguments) = arguments else {
            panic!("arguments are an object, not {arguments}");
        };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        self.0.call_tool(params).await.expect("a result")
    }

    /// The JSON in the first piece of content of a call that must succeed.
    pub(crate) async fn answer(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(false), "{tool}: {result:?}");
        let answer: Value = serde_json::from_str(&text(&result)).expect("JSON text");
        assert_eq!(Some(&answer), result.structured_content.as_ref());
        answer
    }

    /// The message of a call that must fail in band.
    pub(crate) async fn refusal(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await;
        assert_eq!(result.is_error, Some(true), "{tool}: {result:?}");
        text(&result)
    }
}

fn text(result: &CallToolResult) -> String {
    let content = result.content.first().expect("content");
    content.as_text().expect("text content").text.clone()
}

/// Calls `checkout` as the fast path does: who drops the future cancels the call.
pub(crate) async fn check_out(lab: DemoServer, arguments: Value) -> Result<CheckoutResult, String> {
    let arguments = serde_json::from_value(arguments).expect("arguments");
    match lab.checkout(Parameters(arguments)).await {
        Ok(Json(result)) => Ok(result),
        Err(error) => Err(error.to_string()),
    }
}

/// The newest order of `user_id`.
pub(crate) async fn newest_order(store: &Store, user_id: &str) -> Option<Order> {
    let history = store.history(user_id, 1).await.expect("a history");
    history.into_iter().next()
}

/// Waits until `user_id` has an order that is not named `old`.
pub(crate) async fn newer_order(store: &Store, user_id: &str, old: &str) -> Order {
    let newer = async {
        loop {
            match newest_order(store, user_id).await {
                Some(order) if order.order_id != old => return order,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let newer = tokio::time::timeout(PATIENCE, newer).await;
    newer.expect("another order in time")
}

#[track_caller]
pub(crate) fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
}
