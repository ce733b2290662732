//! The server: which tools there are, and nothing about what they do.
//!
//! The tools are methods of [`DemoServer`] in the files below, a router each; [`DemoServer::new`] adds the routers up, and
//! `fast_tools!` at the end says which of the tools the fast path may take.

mod cached;
mod choice;
mod lessons;
mod plain;
mod shop;

use std::{sync::Arc, time::Duration};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::router::tool::ToolRouter,
    model::{
        CompleteRequestMethod, CompleteRequestParams, CompleteResult, ListPromptsRequestMethod,
        ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult,
        ListResourcesRequestMethod, ListResourcesResult, PaginatedRequestParams,
    },
    service::RequestContext,
    tool_handler,
};
use transports::runtime::{Handle, PerShard};

use crate::{
    database::Database, lessons::Lessons, tuning::Tuning, store::Store, catalog_client::CatalogClient,
};

/// What the tools stand on.
#[derive(Clone, Debug)]
pub struct AppState {
    /// The field `server_type` of every result, for example `http-json-tokio`.
    pub server_type: &'static str,
    /// The runtime that the server runs on.
    pub runtime: Handle,
    /// Where `query_products` looks.
    pub database: Database,
    /// Where `fetch_external_data` goes; without one the tool says that there is none.
    pub upstream: Option<CatalogClient>,
    /// Where CPU-bound work runs, and what is cached.
    pub tuning: Tuning,
    /// Where carts, orders and popularity are; without one the tools of the shop say that there is none.
    pub store: Option<Store>,
    /// After how long `checkout` says how far it has come: a little before its call is given up, which would
    /// leave open what became of the order.
    pub checkout_limit: Duration,
}

/// The tool set as an rmcp server. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct DemoServer {
    parts: PerShard<AppState>,
    tool_router: Arc<ToolRouter<Self>>,
    lessons: Option<Arc<Lessons>>,
}

impl AppState {
    /// The parts that no server is without; what is optional is not there.
    #[must_use]
    pub fn new(server_type: &'static str, runtime: Handle, database: Database) -> Self {
        Self {
            server_type,
            runtime,
            database,
            upstream: None,
            tuning: Tuning::default(),
            store: None,
            checkout_limit: Duration::from_secs(10),
        }
    }
}

impl DemoServer {
    /// A server of all tools over `parts`.
    #[must_use]
    pub fn new(parts: AppState) -> Self {
        Self::sharded(PerShard::shared(parts.runtime.clone(), parts))
    }

    /// A server of all tools over what each shard of its runtime has for itself.
    #[must_use]
    pub fn sharded(parts: PerShard<AppState>) -> Self {
        Self {
            parts,
            tool_router: Arc::new(Self::usual_tools()),
            lessons: None,
        }
    }

    /// The tools that every server has.
    fn usual_tools() -> ToolRouter<Self> {
        Self::plain_tools() + Self::shop_tools()
    }
}

/// rmcp answers the listings of capabilities that a server never declared with empty lists. A client
/// that asks all the same is told that the method is not there: -32601 is the answer to what a
/// server does not have (JSON-RPC 2.0, section 5.1).
#[tool_handler(
    router = self.tool_router,
    name = "mcp-transport-lab",
    instructions = "Tools of known cost (none, CPU, SQL, HTTP) for measuring MCP servers; every result names the server_type that made it."
)]
impl ServerHandler for DemoServer {
    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<
            ListResourceTemplatesRequestMethod,
        >())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }
}

transports::fast_tools!(DemoServer, unless is_withheld: echo, calculate_fibonacci, process_json_data, query_products, fetch_external_data, simulate_database_query, aggregate_json, scan_text, search_products, get_user_cart, checkout, lesson_waits, lesson_json, lesson_orders, lesson_token, lesson_notify, lesson_listing);
