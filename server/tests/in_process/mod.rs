//! Servers without sockets: the real tools behind the real transports, spoken to over pipes in memory.

pub(crate) mod events;
pub(crate) mod http;
pub(crate) mod lines;

use std::time::Duration;

use transports::{
    http::Guard,
    runtime::{Handle, Tokio},
    streamable::{Answer, BODY_TIMEOUT, MAX_SESSIONS, Streamable, StreamableOptions},
    supervise::Supervised,
};
use workloads::{
    DemoServer, AppState,
    database::{Database, DatabaseOptions},
    catalog_client::{CatalogClient, CatalogClientOptions},
};

/// The handler of every server.
pub(crate) type Tools = Supervised<DemoServer>;

/// Longer than anything takes that comes at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The largest request body that is taken: small, so that a larger one is cheap to send.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Nobody listens there.
const NO_UPSTREAM: &str = "http://127.0.0.1:1";

/// The tools, with a database in memory and an upstream that nobody reaches.
pub(crate) async fn tools() -> Tools {
    tools_of("in-process").await
}

/// The same, naming `server_type` in every result.
pub(crate) async fn tools_of(server_type: &'static str) -> Tools {
    tools_by(server_type, DemoServer::new).await
}

/// The same, of the server that `make` makes of its parts.
pub(crate) async fn tools_by(
    server_type: &'static str,
    make: impl FnOnce(AppState) -> DemoServer,
) -> Tools {
    let runtime = Handle::new(Tokio);
    let database = DatabaseOptions::new("sqlite::memory:");
    let database = Database::open(&database).await;
    let upstream = CatalogClient::new(&CatalogClientOptions::new(NO_UPSTREAM));
    let database = database.expect("a database in memory");
    let lab = make(AppState {
        upstream: Some(upstream.expect("the URL is one")),
        ..AppState::new(server_type, runtime.clone(), database)
    });
    Supervised::new(lab, runtime, PATIENCE)
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
        max_sessions: MAX_SESSIONS,
        guard: Guard::default(),
        max_body_bytes: MAX_BODY_BYTES,
        body_timeout: BODY_TIMEOUT,
        fast_path,
    };
    Streamable::start(&Tokio, tools.clone(), options).await
}
