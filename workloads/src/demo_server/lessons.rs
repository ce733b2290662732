//! The lesson tools and the extra tools, which a server has only where they were asked for.

use std::sync::Arc;

use rmcp::{
    RoleServer,
    handler::server::{
        router::tool::ToolRoute,
        tool::{IntoCallToolResult, ToolCallContext},
        wrapper::{Json, Parameters},
    },
    model::{CallToolResult, ContentBlock},
    service::RequestContext,
    tool, tool_router,
};

use super::{DemoServer, AppState};
use crate::{
    lessons::{
        LessonError, Lessons,
        extra::{self, ExtraResult, MAX_EXTRA_TOOLS},
        json::{self, JsonArguments, JsonResult},
        listing::{self, ListingArguments, ListingResult},
        notify::{self, NotifyArguments, NotifyResult},
        orders::{self, OrdersArguments, OrdersResult},
        result::{ResultArguments, ResultSummary, Text},
        token::{self, TokenArguments, TokenResult},
        waits::{self, WaitsArguments, WaitsResult},
    },
    tools::{Progress, ToolError},
};

impl DemoServer {
    /// This server with the lesson tools. `store_url` is the store's: if that is a Redis,
    /// `lesson_notify` can publish through it.
    ///
    /// # Errors
    /// When `store_url` names a Redis and is not valid.
    pub fn with_lessons(mut self, store_url: Option<&str>) -> Result<Self, LessonError> {
        self.lessons = Some(Arc::new(Lessons::new(store_url)?));
        Arc::make_mut(&mut self.tool_router).merge(Self::lesson_tools());
        Ok(self)
    }

    /// This server with `count` extra tools, which say back their arguments.
    ///
    /// # Errors
    /// When there are not so many ([`MAX_EXTRA_TOOLS`]).
    pub fn with_extra_tools(mut self, count: usize) -> Result<Self, LessonError> {
        if count > MAX_EXTRA_TOOLS {
            return Err(LessonError::ExtraTools {
                wanted: count,
                max: MAX_EXTRA_TOOLS,
            });
        }
        let router = Arc::make_mut(&mut self.tool_router);
        for tool in extra::definitions(count) {
            router.add_route(ToolRoute::new_dyn(
                tool,
                |call: ToolCallContext<'_, Self>| {
                    let result = Json(ExtraResult {
                        arguments: call.arguments.unwrap_or_default(),
                        server_type: call.service.parts.here().server_type,
                        tool: call.name.into_owned(),
                    });
                    Box::pin(async { result.into_call_tool_result() })
                },
            ));
        }
        Ok(self)
    }

    /// What the lessons keep between calls.
    fn lessons(&self) -> Result<&Lessons, LessonError> {
        self.lessons.as_deref().ok_or(LessonError::Off)
    }
}

#[tool_router(router = lesson_tools, vis = "pub(super)")]
impl DemoServer {
    /// Waits several times.
    ///
    /// # Errors
    /// When an argument is outside of its limits.
    #[tool(
        description = "Waits several times, one after another or together: what doing things at the same time saves.",
        annotations(
            title = "Lesson: waits",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn lesson_waits(
        &self,
        Parameters(arguments): Parameters<WaitsArguments>,
    ) -> Result<Json<WaitsResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            ..
        } = self.parts.here();
        waits::wait(arguments, server_type, runtime).await.map(Json)
    }

    /// Reads and writes megabytes of JSON.
    ///
    /// # Errors
    /// When `bytes` is outside of its limits.
    #[tool(
        description = "Reads a JSON document of products and writes it again with the parser that is named: what a parser costs.",
        annotations(title = "Lesson: JSON", read_only_hint = true, open_world_hint = false)
    )]
    pub async fn lesson_json(
        &self,
        Parameters(arguments): Parameters<JsonArguments>,
    ) -> Result<Json<JsonResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            tuning,
            ..
        } = self.parts.here();
        let documents = &self.lessons()?.documents;
        json::read(
            arguments,
            server_type,
            runtime,
            tuning.cpu_offload,
            documents,
        )
        .await
        .map(Json)
    }

    /// Reads orders with their lines.
    ///
    /// # Errors
    /// When there is no such customer, or the database cannot answer.
    #[tool(
        description = "Reads a customer's orders with their lines by a query for each order or by one join, in a transaction or without: what trips to the database cost.",
        annotations(
            title = "Lesson: orders",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn lesson_orders(
        &self,
        Parameters(arguments): Parameters<OrdersArguments>,
    ) -> Result<Json<OrdersResult>, ToolError> {
        let AppState {
            server_type,
            database,
            ..
        } = self.parts.here();
        orders::read(arguments, server_type, database)
            .await
            .map(Json)
    }

    /// Asks whether a token may be used.
    ///
    /// # Errors
    /// When an argument is outside of its limits, or the upstream does not answer in time.
    #[tool(
        description = "Asks the issuer of a token whether it may be used, at every call or once in a while: what introspection costs.",
        annotations(title = "Lesson: token", read_only_hint = true, open_world_hint = true)
    )]
    pub async fn lesson_token(
        &self,
        Parameters(arguments): Parameters<TokenArguments>,
    ) -> Result<Json<TokenResult>, ToolError> {
        let AppState {
            server_type,
            upstream,
            ..
        } = self.parts.here();
        let tokens = &self.lessons()?.tokens;
        token::check(arguments, server_type, upstream.as_ref(), tokens)
            .await
            .map(Json)
    }

    /// Publishes notifications and waits for each.
    ///
    /// # Errors
    /// When `messages` is outside of its limits, or Redis does not answer in time.
    #[tool(
        description = "Publishes notifications one after another and waits until each has come back, in memory or through Redis: what reaching other instances costs.",
        annotations(
            title = "Lesson: notify",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn lesson_notify(
        &self,
        Parameters(arguments): Parameters<NotifyArguments>,
    ) -> Result<Json<NotifyResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            ..
        } = self.parts.here();
        let notices = &self.lessons()?.notices;
        notify::notify(arguments, server_type, runtime, notices)
            .await
            .map(Json)
    }

    /// Lists the tools of the server behind this one.
    ///
    /// # Errors
    /// When `delay_ms` is outside of its limits, or the upstream does not answer in time.
    #[tool(
        description = "Lists the tools of the server behind this one, at every call or once in a while: what a listing costs.",
        annotations(
            title = "Lesson: listing",
            read_only_hint = true,
            open_world_hint = true
        )
    )]
    pub async fn lesson_listing(
        &self,
        Parameters(arguments): Parameters<ListingArguments>,
    ) -> Result<Json<ListingResult>, ToolError> {
        let AppState {
            server_type,
            upstream,
            ..
        } = self.parts.here();
        let listings = &self.lessons()?.listings;
        listing::list(arguments, server_type, upstream.as_ref(), listings)
            .await
            .map(Json)
    }

    /// Returns a long text.
    ///
    /// # Errors
    /// When an argument is outside of its limits.
    #[tool(
        description = "Returns a long text, whole or as the messages of progress notifications: what a reader gains who need not wait for all of it.",
        annotations(
            title = "Lesson: result",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub async fn lesson_result(
        &self,
        Parameters(arguments): Parameters<ResultArguments>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let text = Text::new(&arguments)?;
        let server_type = self.parts.here().server_type;
        let mut progress = Progress::of(&context, text.bytes() as f64);
        let summary = |chunks| ResultSummary::new(&text, chunks, server_type).text();
        let Some(chunks) = text.chunks().filter(|_| progress.is_heard()) else {
            let content = [summary(0), text.whole()].map(ContentBlock::text);
            return Ok(CallToolResult::success(content.into()));
        };
        let mut sent = 0;
        for (end, chunk) in chunks {
            progress.tell(end as f64, chunk).await;
            sent += 1;
        }
        let content = ContentBlock::text(summary(sent));
        Ok(CallToolResult::success(vec![content]))
    }
}
