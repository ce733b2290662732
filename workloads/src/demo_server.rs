//! The server of the tools, and what the tools stand on.
//!
//! What a tool does is in its own file below `tools`; which tools there are is the list in
//! `tools.rs`.

use std::{sync::Arc, time::Duration};

use rmcp::{
    ServerHandler, handler::server::router::tool::ToolRouter, tool_handler,
    transport::streamable_http_server::session::SessionStore,
};
use serde::Serialize;
use transports::{
    admission::{Admission, AdmissionOptions, NotAdmitted, Stop},
    fast_path::FastResult,
    runtime::{Handle, PerShard},
};

use crate::{
    cache::{Cache, Cacheable, Cached},
    catalog_client::CatalogClient,
    database::Database,
    store::Store,
    tools::{self, ToolError},
};

/// What the tools stand on.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The field `server_type` of every result, for example `http-json-tokio`.
    pub server_type: &'static str,
    /// The runtime that the server runs on.
    pub runtime: Handle,
    /// The database of `query_products`.
    pub database: Database,
    /// The catalogue API. Without it, the tools that need it say so.
    pub upstream: Option<CatalogClient>,
    /// Carts, orders and popularity. Without it, the tools that need it say so.
    pub store: Option<Store>,
    /// What all calls use at once: memory, and processors.
    pub admission: Admission,
    /// Where CPU-bound work runs.
    pub cpu_offload: CpuOffload,
    /// Results of earlier calls. Without it, every call computes its own result.
    pub cache: Option<Cache>,
    /// Where all instances of the server find the sessions. Without it, each instance has its own.
    pub session_store: Option<Arc<dyn SessionStore>>,
    /// After how long `checkout` reports how far it has come. It is a little shorter than the time
    /// limit of a call, whose end would leave open what became of the order.
    pub checkout_limit: Duration,
}

/// Where CPU-bound work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuOffload {
    /// On the thread that reads the network: everything else on that thread waits.
    Inline,
    /// On a thread that may block, unless moving the work would take longer than doing it.
    #[default]
    Blocking,
}

/// How long a piece of CPU-bound work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuWork {
    /// Not much longer than moving it to another thread and back, which took 13 us where it was
    /// measured. It is never moved.
    Short,
    /// Longer.
    Long,
}

impl AppState {
    /// The parts that every server has, without the optional ones.
    #[must_use]
    pub fn new(server_type: &'static str, runtime: Handle, database: Database) -> Self {
        Self {
            server_type,
            admission: Admission::new(AdmissionOptions::new(runtime.clone())),
            runtime,
            database,
            upstream: None,
            store: None,
            cpu_offload: CpuOffload::default(),
            cache: None,
            session_store: None,
            checkout_limit: Duration::from_secs(10),
        }
    }

    /// The catalogue API.
    ///
    /// # Errors
    /// When the server was started without one.
    pub fn catalogue(&self) -> Result<&CatalogClient, ToolError> {
        self.upstream.as_ref().ok_or(ToolError::NoUpstream)
    }

    /// The store of carts and orders.
    ///
    /// # Errors
    /// When the server was started without one.
    pub fn store(&self) -> Result<&Store, ToolError> {
        self.store.as_ref().ok_or(ToolError::NoStore)
    }

    /// Runs CPU-bound `work` where [`Self::cpu_offload`] puts work of its `length`. Work that is
    /// moved waits for a processor, and tells from its [`Stop`] when its client has left.
    ///
    /// # Errors
    /// When the wait is too long, or the client leaves.
    ///
    /// # Panics
    /// When `work` panics.
    pub async fn compute<T: Send + 'static>(
        &self,
        length: CpuWork,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, NotAdmitted> {
        match (self.cpu_offload, length) {
            (CpuOffload::Inline, _) | (_, CpuWork::Short) => Ok(work(&Stop::default())),
            (CpuOffload::Blocking, CpuWork::Long) => self.admission.compute(work).await,
        }
    }
}

/// The tool set as an rmcp server. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct DemoServer {
    state: PerShard<AppState>,
    tool_router: Arc<ToolRouter<Self>>,
}

impl DemoServer {
    /// A server of all tools over `state`.
    #[must_use]
    pub fn new(state: AppState) -> Self {
        Self::sharded(PerShard::shared(state.runtime.clone(), state))
    }

    /// A server of all tools on a runtime each of whose shards has a state of its own.
    #[must_use]
    pub fn sharded(state: PerShard<AppState>) -> Self {
        Self {
            state,
            tool_router: Arc::new(tools::router()),
        }
    }

    /// The state of the shard that runs the caller.
    #[must_use]
    pub fn state(&self) -> &AppState {
        self.state.here()
    }

    /// The result of `work` for `arguments`, or the cached one of an earlier call of `tool`.
    pub(crate) async fn cached<A, R, F>(
        &self,
        tool: &'static str,
        arguments: A,
        work: impl FnOnce(Self, A) -> F,
    ) -> Cached<R>
    where
        A: Serialize,
        R: FastResult + Cacheable + Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let Some(cache) = &self.state().cache else {
            return Cached::Fresh(work(self.clone(), arguments).await);
        };
        // The work outlives this call when others wait for it, so it owns all that it needs.
        let result = cache.get(tool, arguments, |arguments| work(self.clone(), arguments));
        Cached::Shared(result.await)
    }
}

#[tool_handler(
    router = self.tool_router,
    name = "mcp-transport-lab",
    instructions = "Tools of known cost (none, CPU, SQL, HTTP) for measuring MCP servers; every result names the server_type that made it."
)]
impl ServerHandler for DemoServer {}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use std::thread;

    use transports::runtime::Tokio;

    use super::*;
    use crate::database::DatabaseOptions;

    #[tokio::test]
    async fn only_long_work_that_may_move_is_moved() {
        let database = DatabaseOptions::new("sqlite::memory:");
        let database = Database::open(&database).await.unwrap();
        let state = AppState::new("test", Handle::new(Tokio), database);
        for (cpu_offload, length, moves) in [
            (CpuOffload::Inline, CpuWork::Short, false),
            (CpuOffload::Inline, CpuWork::Long, false),
            (CpuOffload::Blocking, CpuWork::Short, false),
            (CpuOffload::Blocking, CpuWork::Long, true),
        ] {
            let state = AppState {
                cpu_offload,
                ..state.clone()
            };
            let there = state.compute(length, |_| thread::current().id()).await;
            let moved = there.unwrap() != thread::current().id();
            assert_eq!(moved, moves, "{cpu_offload:?} {length:?}");
        }
    }
}
