//! What the tests share: services, a server over them, and an MCP client of that server.

mod hold;

use std::{path::Path, time::Duration};

use fixtures::{Server as CatalogueApi, services::Service};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    service::{RunningService, ServiceError},
};
use serde_json::Value;
use tokio::sync::OnceCell;
use transports::{
    fast_path::{FastCall, FastTools, RawValue},
    runtime::{Handle, Tokio},
};
use workloads::{
    AppState, DemoServer,
    catalog_client::{CatalogClient, CatalogClientOptions},
    database::{Database, DatabaseOptions},
    pool::PoolOptions,
    store::{Order, Store, StoreOptions},
};

pub(crate) use self::hold::{Hold, Lock, proxy};

pub(crate) const SERVER_TYPE: &str = "test-tokio";

/// Longer than anything takes that is not held up, and shorter than anybody waits for a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// The categories as they were published.
pub(crate) const CATEGORIES: [&str; 20] = [
    "Electronics",
    "Books",
    "Clothing",
    "Sports",
    "Home",
    "Garden",
    "Toys",
    "Food",
    "Beauty",
    "Automotive",
    "Music",
    "Movies",
    "Games",
    "Office",
    "Health",
    "Pets",
    "Travel",
    "Tools",
    "Jewelry",
    "Baby",
];

/// The catalogue API, on a free port.
pub(crate) fn catalogue_api() -> CatalogueApi {
    CatalogueApi::start_anywhere(&Tokio).expect("a port")
}

/// A client of `base_url` that gives up after `time_limit`.
pub(crate) fn catalogue_client(base_url: &str, time_limit: Duration) -> CatalogClient {
    CatalogClient::new(&CatalogClientOptions {
        time_limit,
        ..CatalogClientOptions::new(base_url)
    })
    .expect("a base URL")
}

/// The store at `url`, with whatever is in it.
pub(crate) async fn open_store(url: &str) -> Store {
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

/// The URL of a Redis that holds the store's content. It is started on first use, and ends with
/// this process.
pub(crate) async fn redis_url() -> &'static str {
    static URL: OnceCell<String> = OnceCell::const_new();
    URL.get_or_init(|| async {
        let Service { url, .. } = Service::up("redis");
        let store = open_store(&url).await;
        store.seed(|_| {}).await.expect("a store to fill");
        store.close().await;
        url
    })
    .await
}

/// An address that was free a moment ago, and on which no server listens.
pub(crate) fn unused_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// What a server of the tools stands on: a database in memory, and nothing else yet.
pub(crate) async fn state() -> AppState {
    let database = DatabaseOptions::new("sqlite::memory:");
    let database = Database::open(&database).await.expect("a database");
    AppState {
        checkout_limit: PATIENCE,
        ..AppState::new(SERVER_TYPE, Handle::new(Tokio), database)
    }
}

/// The same over a catalogue API and a store, either of which may be missing.
pub(crate) async fn state_over(upstream_url: Option<&str>, store: Option<Store>) -> AppState {
    AppState {
        upstream: upstream_url.map(|url| catalogue_client(url, PATIENCE)),
        store,
        ..state().await
    }
}

/// An MCP client of a server, over a pipe in memory.
pub(crate) struct Client(RunningService<RoleClient, ()>);

impl Client {
    /// A client of a server over `state`.
    pub(crate) async fn of(state: AppState) -> Self {
        let (client, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(async move {
            let running = DemoServer::new(state).serve(server).await;
            running
                .expect("handshake")
                .waiting()
                .await
                .expect("serving");
        });
        Self(().serve(client).await.expect("handshake"))
    }

    /// A client of a server that has neither a catalogue API nor a store.
    pub(crate) async fn alone() -> Self {
        Self::of(state().await).await
    }

    /// A client of a server over the catalogue API at `base_url`, which it gives up after
    /// `time_limit`.
    pub(crate) async fn over(base_url: &str, time_limit: Duration) -> Self {
        Self::of(AppState {
            upstream: Some(catalogue_client(base_url, time_limit)),
            ..state().await
        })
        .await
    }

    /// The rmcp client underneath.
    pub(crate) fn service(&self) -> &RunningService<RoleClient, ()> {
        &self.0
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
        self.0.call_tool(params).await
    }

    /// The result of a call that must succeed, after checking that text and structure agree.
    pub(crate) async fn answer(&self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments).await.expect("a result");
        assert_eq!(result.is_error, Some(false), "{tool}: {result:?}");
        let text: Value = serde_json::from_str(&text(&result)).expect("JSON text");
        assert_eq!(Some(&text), result.structured_content.as_ref());
        assert_eq!(text["server_type"], SERVER_TYPE);
        text
    }

    /// The message of a call that must fail in band.
    pub(crate) async fn refusal(&self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments).await.expect("a result");
        assert_eq!(result.is_error, Some(true), "{tool}: {result:?}");
        assert_eq!(result.structured_content, None);
        text(&result)
    }
}

/// The text of a result that has one piece of content.
pub(crate) fn text(result: &CallToolResult) -> String {
    let [content] = result.content.as_slice() else {
        panic!("one piece of content, not {result:?}");
    };
    content.as_text().expect("text content").text.clone()
}

/// The `result` of a call on the fast path. Dropping the future cancels the call.
pub(crate) async fn fast_call(server: &DemoServer, tool: &'static str, arguments: Value) -> Value {
    let arguments = RawValue::from_string(arguments.to_string()).expect("JSON");
    let outcome = match server.fast_call(tool, Some(&arguments)) {
        FastCall::Ready(outcome) => outcome,
        FastCall::Running(call) => call.await,
        FastCall::UnknownTool | FastCall::InvalidArguments => {
            panic!("the fast path does not take {tool}")
        }
    };
    serde_json::from_slice(outcome.serialized().expect("a result").json()).expect("JSON")
}

/// The structured result of a `checkout` on the fast path, or the message of its error.
pub(crate) async fn check_out(state: AppState, arguments: Value) -> Result<Value, String> {
    let result = fast_call(&DemoServer::new(state), "checkout", arguments).await;
    if result["isError"] == false {
        return Ok(result["structuredContent"].clone());
    }
    Err(result["content"][0]["text"]
        .as_str()
        .expect("a message")
        .to_owned())
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
