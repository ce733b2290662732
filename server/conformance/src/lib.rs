//! What the official conformance suite (`@modelcontextprotocol/conformance`) asks of a server: the
//! tools, resources, prompts and completions of its fixtures, as an [`App`] of the library
//! [`server`].
//!
//! The fixtures use all that a server of this library can: tools on the fast path (`contents`),
//! tools that talk to their client (`talks`) or that need several rounds (`rounds`), resources,
//! prompts, completions, and subscriptions to their changes (`changes`). Names, texts and values
//! are the suite's; `waiting` and a changing resource are for the tests with official clients.

mod changes;
mod completions;
mod contents;
pub mod programs;
mod prompts;
mod resources;
mod rounds;
mod talks;
mod waiting;

use std::sync::Arc;

use anyhow::Context as _;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, tool::ToolCallContext},
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, RequestStateCodec,
        ServerCapabilities, ServerConfig, SubscriptionFilter, Tool,
    },
    service::{RequestContext, SubscriptionContext},
};
use server::{App, Context, runtime::Handle};

use crate::{
    changes::{Changes, Session},
    waiting::Calls,
};

/// The fixtures as an rmcp server. Clones share everything but their `Session`.
#[derive(Clone)]
pub struct Fixtures {
    tools: Arc<ToolRouter<Self>>,
    changes: Arc<Changes>,
    /// Seals the states that a client carries from one round to the next.
    states: Arc<RequestStateCodec>,
    session: Session,
    calls: Arc<Calls>,
    runtime: Handle,
}

/// The fixtures have no flags of their own.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct NoFlags {}

impl App for Fixtures {
    type Flags = NoFlags;
    type Handler = Self;

    async fn open(_flags: NoFlags, context: Context) -> anyhow::Result<Self> {
        let mut key = vec![0; RequestStateCodec::MIN_KEY_LENGTH];
        getrandom::fill(&mut key).context("drawing a key for the states of calls")?;
        let states = RequestStateCodec::try_new(key).context("sealing the states of calls")?;
        let mut tools = Self::contents_router();
        tools.merge(Self::talks_router());
        tools.merge(Self::rounds_router());
        tools.merge(Self::changes_router());
        tools.merge(Self::waiting_router());
        Ok(Self {
            tools: Arc::new(tools),
            changes: Arc::default(),
            states: Arc::new(states),
            session: Session::default(),
            calls: Arc::default(),
            runtime: context.runtime,
        })
    }
}

server::fast_tools!(
    Fixtures: json_schema_2020_12_tool,
    test_audio_content,
    test_cancelled_calls,
    test_changing_tool,
    test_embedded_resource,
    test_error_handling,
    test_header_argument,
    test_image_content,
    test_multiple_content_types,
    test_simple_text,
    test_waiting_calls,
    test_waiting_tool,
);

/// Whether a request is of a revision that has no sessions (2026-07-28 and later).
fn is_self_contained(context: &RequestContext<RoleServer>) -> bool {
    let version = context.protocol_version();
    version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

#[expect(
    deprecated,
    reason = "2026-07-28 has no levels and no subscriptions of sessions; the suite asks older revisions for them"
)]
impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(
                "mcp-conformance",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_instructions("Answers the official MCP conformance suite.")
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut tools = self.tools.list_all();
        tools.retain(|tool| self.changes.has_tool(&tool.name));
        Ok(ListToolsResult::with_all_items(tools))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = self.tools.get(name);
        tool.filter(|_| self.changes.has_tool(name)).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.changes.has_tool(&request.name) {
            return Err(ErrorData::invalid_params("tool not found", None));
        }
        let call = ToolCallContext::new(self, request, context);
        self.tools.call(call).await
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::all()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = resources::templates();
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.read(request.uri)
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut prompts = prompts::all();
        prompts.retain(|prompt| self.changes.has_prompt(&prompt.name));
        Ok(ListPromptsResult::with_all_items(prompts))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if !self.changes.has_prompt(&request.name) {
            return Err(prompts::unknown(&request.name));
        }
        prompts::get(&request, &context)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        completions::complete(&request)
    }

    async fn set_level(
        &self,
        request: rmcp::model::SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.set_level(request.level);
        Ok(())
    }

    async fn subscribe(
        &self,
        request: rmcp::model::SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.subscribe(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: rmcp::model::UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.unsubscribe(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.changes.tell(&context).await;
        Ok(())
    }
}
