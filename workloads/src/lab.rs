//! The server: which tools there are, and nothing about what they do.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{
        router::tool::ToolRouter,
        wrapper::{Json, Parameters},
    },
    model::{
        CompleteRequestMethod, CompleteRequestParams, CompleteResult, ListPromptsRequestMethod,
        ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult,
        ListResourcesRequestMethod, ListResourcesResult, PaginatedRequestParams,
    },
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use transports::runtime::Handle;

use crate::{
    database::Database,
    tools::{
        ToolError,
        echo::{self, EchoArguments, EchoResult},
        fetch_external_data::{self, FetchArguments, FetchResult},
        fibonacci::{self, FibonacciArguments, FibonacciResult},
        query_products::{self, QueryArguments, QueryResult},
    },
    upstream::Upstream,
};

/// What the tools stand on.
#[derive(Clone, Debug)]
pub struct LabParts {
    /// The field `server_type` of every result, for example `http-json-tokio`.
    pub server_type: &'static str,
    /// The runtime that the server runs on.
    pub runtime: Handle,
    /// Where `query_products` looks.
    pub database: Database,
    /// Where `fetch_external_data` goes; without one the tool says that there is none.
    pub upstream: Option<Upstream>,
}

/// The tool set as an rmcp server. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Lab {
    parts: Arc<LabParts>,
    tool_router: Arc<ToolRouter<Self>>,
}

#[tool_router]
impl Lab {
    /// A server of all tools over `parts`.
    #[must_use]
    pub fn new(parts: LabParts) -> Self {
        Self {
            parts: Arc::new(parts),
            tool_router: Arc::new(Self::tool_router()),
        }
    }

    /// Returns the message: the floor of a transport.
    #[tool(
        description = "Returns the message it was given, unchanged.",
        annotations(title = "Echo", read_only_hint = true, open_world_hint = false)
    )]
    #[must_use]
    pub fn echo(&self, Parameters(arguments): Parameters<EchoArguments>) -> Json<EchoResult> {
        Json(echo::echo(arguments, self.parts.server_type))
    }

    /// Computes a Fibonacci number by naive recursion: CPU work.
    ///
    /// # Errors
    /// When `n` is outside of 0 to 40.
    #[tool(
        description = "Computes the n-th Fibonacci number by naive recursion, for n from 0 to 40.",
        annotations(title = "Fibonacci", read_only_hint = true, open_world_hint = false)
    )]
    pub async fn calculate_fibonacci(
        &self,
        Parameters(arguments): Parameters<FibonacciArguments>,
    ) -> Result<Json<FibonacciResult>, ToolError> {
        let LabParts {
            server_type,
            runtime,
            ..
        } = &*self.parts;
        fibonacci::calculate(arguments, server_type, runtime)
            .await
            .map(Json)
    }

    /// Finds products by category and price: SQL work.
    ///
    /// # Errors
    /// When the category is unknown, a bound is no price, the limit is outside of 1 to 100, or the
    /// database cannot answer.
    #[tool(
        description = "Finds products of one category within a price range, cheapest first, and counts how many match in all.",
        annotations(
            title = "Query products",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn query_products(
        &self,
        Parameters(arguments): Parameters<QueryArguments>,
    ) -> Result<Json<QueryResult>, ToolError> {
        let LabParts {
            server_type,
            database,
            ..
        } = &*self.parts;
        query_products::query(arguments, server_type, database)
            .await
            .map(Json)
    }

    /// Gets a path of the configured upstream: HTTP work.
    ///
    /// # Errors
    /// When the endpoint is no plain path, or the upstream does not answer with JSON in time.
    #[tool(
        description = "Fetches a path of the configured upstream API with HTTP GET and returns its status, duration and JSON body.",
        annotations(
            title = "Fetch external data",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    pub async fn fetch_external_data(
        &self,
        Parameters(arguments): Parameters<FetchArguments>,
    ) -> Result<Json<FetchResult>, ToolError> {
        let LabParts {
            server_type,
            upstream,
            ..
        } = &*self.parts;
        fetch_external_data::fetch(arguments, server_type, upstream.as_ref())
            .await
            .map(Json)
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
impl ServerHandler for Lab {
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

transports::fast_tools!(Lab: echo, calculate_fibonacci, query_products, fetch_external_data);
