//! The server of the experiments, and how it joins the tools that it wraps.

use std::sync::Arc;

use http::StatusCode;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::router::tool::ToolRouter,
    model::{
        CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams,
        ServerConfig, Tool,
    },
    service::RequestContext,
    tool_handler,
};
use serde::de::DeserializeOwned;
use transports::fast_path::{FastCall, FastTools, RawValue};
use workloads::{AppState, DemoServer, catalog_client::Fetched};

use crate::{
    ExperimentError, extra, json::Documents, listing::Listings, notify::Notices, token::Tokens,
};

/// The tools to add.
#[derive(Clone, Debug, Default)]
pub struct ExperimentOptions {
    /// Whether to add the tools of the experiments.
    pub experiments: bool,
    /// How many of the extra tools to add: at most [`MAX_EXTRA_TOOLS`](extra::MAX_EXTRA_TOOLS).
    pub extra_tools: usize,
    /// The URL of the store. If it is a Redis, `experiment_notify` can publish through it.
    pub store_url: Option<String>,
}

/// A [`DemoServer`] with the tools of the experiments. Cheap to clone: clones share everything.
///
/// Calls of its own tools stay here; everything else goes to the inner server.
#[derive(Clone)]
pub struct ExperimentServer {
    demo: DemoServer,
    experiments: Experiments,
}

/// The tools of the experiments alone, as a server of their own.
#[derive(Clone)]
pub(crate) struct Experiments {
    demo: DemoServer,
    tool_router: Arc<ToolRouter<Self>>,
    state: Arc<State>,
}

/// What the tools keep between calls. Nothing is connected or made before a call needs it.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) documents: Arc<Documents>,
    pub(crate) listings: Listings,
    pub(crate) notices: Notices,
    pub(crate) tokens: Tokens,
}

impl ExperimentServer {
    /// Adds the tools that `options` name to `demo`. With the default options it adds nothing.
    #[must_use]
    pub fn new(demo: DemoServer, options: &ExperimentOptions) -> Self {
        let experiments = Experiments {
            demo: demo.clone(),
            tool_router: Arc::new(Experiments::router(options)),
            state: Arc::new(State {
                notices: Notices::new(options.store_url.as_deref()),
                ..State::default()
            }),
        };
        Self { demo, experiments }
    }

    /// The names of the tools that `options` add, in alphabetical order.
    #[must_use]
    pub fn tool_names(options: &ExperimentOptions) -> Vec<String> {
        let tools = Experiments::router(options).list_all();
        tools.into_iter().map(|tool| tool.name.into()).collect()
    }

    /// The server that it wraps.
    #[must_use]
    pub fn demo(&self) -> &DemoServer {
        &self.demo
    }
}

impl Experiments {
    /// The tools that `options` name.
    fn router(options: &ExperimentOptions) -> ToolRouter<Self> {
        let mut router = ToolRouter::new();
        if options.experiments {
            router.merge(Self::json_tool() + Self::listing_tool() + Self::notify_tool());
            router.merge(Self::orders_tool() + Self::result_tool() + Self::token_tool());
            router.merge(Self::waits_tool());
        }
        router.merge(extra::router(options.extra_tools));
        router
    }

    /// What the tools of the inner server use.
    pub(crate) fn app(&self) -> &AppState {
        self.demo.state()
    }

    /// What the tools keep between calls.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Gets `endpoint` of the upstream, which answers with status 200 and `wanted`.
    pub(crate) async fn ask_upstream<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        wanted: &'static str,
    ) -> Result<T, ExperimentError> {
        let upstream = self.app().catalogue()?;
        let Fetched {
            url, status, body, ..
        } = upstream.get(endpoint).await?;
        if status == StatusCode::OK
            && let Ok(answer) = serde_json::from_value(body)
        {
            return Ok(answer);
        }
        Err(ExperimentError::Unexpected {
            url: url.into(),
            status: status.as_u16(),
            wanted,
        })
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Experiments {}

// `experiment_result` is missing: it sends progress notifications while it runs.
transports::fast_tools!(Experiments: experiment_json, experiment_listing, experiment_notify, experiment_orders, experiment_token, experiment_waits);

/// Tools come from both servers; the description is that of [`DemoServer`].
impl ServerHandler for ExperimentServer {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.experiments.tool_router.has_route(&request.name) {
            return self.experiments.call_tool(request, context).await;
        }
        self.demo.call_tool(request, context).await
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut listing = self.demo.list_tools(request, context).await?;
        listing
            .tools
            .extend(self.experiments.tool_router.list_all());
        listing.tools.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.experiments
            .get_tool(name)
            .or_else(|| self.demo.get_tool(name))
    }

    fn get_info(&self) -> ServerConfig {
        self.demo.get_info()
    }
}

impl FastTools for ExperimentServer {
    fn fast_tools(&self) -> Vec<&'static str> {
        let mut own = self.experiments.fast_tools();
        own.retain(|name| self.experiments.tool_router.has_route(name));
        let mut names = self.demo.fast_tools();
        names.append(&mut own);
        names
    }

    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall {
        match self.demo.fast_call(name, arguments) {
            FastCall::UnknownTool => self.experiments.fast_call(name, arguments),
            call => call,
        }
    }
}
