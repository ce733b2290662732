//! [`Supervised`] passes everything but tool calls and tool lists to its inner handler unchanged,
//! and nothing that belongs to a capability which the handler does not declare.

#![expect(
    deprecated,
    reason = "requests of older revisions are forwarded like all others"
)]

use std::borrow::Cow;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
        CompleteRequestMethod, CompleteRequestParams, CompleteResult, CustomNotification,
        CustomRequest, CustomResult, DiscoverResult, GetPromptRequestParams, GetPromptResponse,
        GetSkillRequestParams, GetSkillResult, GetTaskParams, GetTaskResult,
        InitializeRequestParams, InitializeResult, ListPromptsRequestMethod, ListPromptsResult,
        ListResourceTemplatesRequestMethod, ListResourceTemplatesResult,
        ListResourcesRequestMethod, ListResourcesResult, ListSkillsResult, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion,
        ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
        ReadResourceResponse, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
        SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};

use super::Supervised;

/// Requests and notifications that the inner handler handles.
macro_rules! forward {
    (
        requests { $($request:ident($($params:ty)?) -> $result:ty;)* }
        declared { $($listing:ident($asked:ty) -> $list:ty, $method:ty, $capability:ident;)* }
        notifications { $($notification:ident($($event:ty)?);)* }
    ) => {
        $(forward!(@request $request($($params)?) -> $result);)*
        $(forward!(@declared $listing($asked) -> $list, $method, $capability);)*
        $(forward!(@notification $notification($($event)?));)*
    };
    (@request $request:ident() -> $result:ty) => {
        async fn $request(&self, context: RequestContext<RoleServer>) -> Result<$result, ErrorData> {
            self.inner.$request(context).await
        }
    };
    (@request $request:ident($params:ty) -> $result:ty) => {
        async fn $request(
            &self,
            params: $params,
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            self.inner.$request(params, context).await
        }
    };
    (@declared $request:ident($params:ty) -> $result:ty, $method:ty, $capability:ident) => {
        /// The handler's default is an empty list, with the capability or without.
        async fn $request(
            &self,
            params: $params,
            context: RequestContext<RoleServer>,
        ) -> Result<$result, ErrorData> {
            if self.inner.get_info().capabilities.$capability.is_none() {
                return Err(ErrorData::method_not_found::<$method>());
            }
            self.inner.$request(params, context).await
        }
    };
    (@notification $notification:ident()) => {
        async fn $notification(&self, context: NotificationContext<RoleServer>) {
            self.inner.$notification(context).await;
        }
    };
    (@notification $notification:ident($event:ty)) => {
        async fn $notification(&self, event: $event, context: NotificationContext<RoleServer>) {
            self.inner.$notification(event, context).await;
        }
    };
}

impl<S: ServerHandler> ServerHandler for Supervised<S> {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.supervise(request, context).await
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = self.inner.list_tools(params, context).await?;
        list.tools.retain(|tool| self.policy.serves(&tool.name));
        Ok(list)
    }

    /// rmcp reads a `tools/call` whose `params` do not fit as a request of an unknown method.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if request.method == "tools/call" {
            let message = "tools/call needs `params` with the `name` of a tool";
            return Err(ErrorData::invalid_params(message, None));
        }
        self.inner.on_custom_request(request, context).await
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = self.inner.get_tool(name);
        tool.filter(|_| self.policy.serves(name))
    }

    forward! {
        requests {
            ping() -> ();
            initialize(InitializeRequestParams) -> InitializeResult;
            discover() -> DiscoverResult;
            set_level(SetLevelRequestParams) -> ();
            get_prompt(GetPromptRequestParams) -> GetPromptResponse;
            read_resource(ReadResourceRequestParams) -> ReadResourceResponse;
            subscribe(SubscribeRequestParams) -> ();
            unsubscribe(UnsubscribeRequestParams) -> ();
            get_task(GetTaskParams) -> GetTaskResult;
            update_task(UpdateTaskParams) -> ();
            cancel_task(CancelTaskParams) -> ();
            list_skills(Option<PaginatedRequestParams>) -> ListSkillsResult;
            get_skill(GetSkillRequestParams) -> GetSkillResult;
            read_resource_directory(ReadResourceDirectoryRequestParams) -> ReadResourceDirectoryResult;
        }
        declared {
            complete(CompleteRequestParams) -> CompleteResult, CompleteRequestMethod, completions;
            list_prompts(Option<PaginatedRequestParams>)
                -> ListPromptsResult, ListPromptsRequestMethod, prompts;
            list_resources(Option<PaginatedRequestParams>)
                -> ListResourcesResult, ListResourcesRequestMethod, resources;
            list_resource_templates(Option<PaginatedRequestParams>)
                -> ListResourceTemplatesResult, ListResourceTemplatesRequestMethod, resources;
        }
        notifications {
            on_cancelled(CancelledNotificationParam);
            on_progress(ProgressNotificationParam);
            on_initialized();
            on_roots_list_changed();
            on_custom_notification(CustomNotification);
        }
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        self.inner.accepted_subscription_filter(requested)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.inner.listen(context).await
    }

    fn get_info(&self) -> ServerConfig {
        self.inner.get_info()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }
}
