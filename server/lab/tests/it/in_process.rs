//! Servers without sockets: the real tools behind the real transports, spoken to over pipes in
//! memory.

pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod lines;

use std::time::Duration;

use transports::{
    Limits,
    http::Guard,
    runtime::{Handle, Tokio},
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::{SuperviseOptions, Supervised},
};
use workloads::{
    AppState, DemoServer,
    catalog_client::{CatalogClient, CatalogClientOptions},
    database::{Database, DatabaseOptions},
};

/// The handler of every server.
pub(crate) type Tools = Supervised<DemoServer>;

/// Longer than anything takes that comes at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// No server listens there.
const NO_UPSTREAM: &str = "http://127.0.0.1:1";

/// The tools, with a database in memory and an upstream that is unreachable.
pub(crate) async fn tools() -> Tools {
    tools_of("in-process").await
}

/// The same, naming `server_type` in every result.
pub(crate) async fn tools_of(server_type: &'static str) -> Tools {
    tools_with(server_type, |_, _| {}).await
}

/// The same, after `change`.
pub(crate) async fn tools_with(
    server_type: &'static str,
    change: impl FnOnce(&mut AppState, &mut SuperviseOptions),
) -> Tools {
    let runtime = Handle::new(Tokio);
    let database = Database::open(&DatabaseOptions::new("sqlite::memory:")).await;
    let database = database.expect("a database in memory");
    let upstream = CatalogClient::new(&CatalogClientOptions::new(NO_UPSTREAM));
    let mut state = AppState {
        upstream: Some(upstream.expect("the URL is one")),
        ..AppState::new(server_type, runtime.clone(), database)
    };
    let mut options = SuperviseOptions::new(runtime, PATIENCE);
    change(&mut state, &mut options);
    Supervised::new(DemoServer::new(state), options)
}

/// Limits under which a message that is too large is cheap to send.
pub(crate) fn limits() -> Limits {
    Limits {
        max_message_bytes: 64 * 1024,
        ..Limits::default()
    }
}

/// Streamable HTTP over `tools`.
pub(crate) async fn streamable(
    tools: &Tools,
    answer: Answer,
    has_sessions: bool,
    fast_path: bool,
) -> Streamable<Tools> {
    let options = StreamableOptions {
        answer,
        session_ttl: has_sessions.then_some(Duration::from_mins(5)),
        guard: Guard::default(),
        limits: limits(),
        fast_path,
    };
    Streamable::start(&Tokio, tools.clone(), options).await
}
