//! Tools that do what tools should not, and a record of their calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{
        CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams,
        ProgressNotificationParam, ServerCapabilities, ServerConfig, Tool,
    },
    service::{NotificationContext, RequestContext},
    tool, tool_handler, tool_router,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use transports::fast_path::{FastCall, FastTools, RawValue};

use crate::eventually;

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Wait {
    ms: u32,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Repeat {
    bytes: usize,
}

/// The calls of the tools that are counted: how many have begun, how many were finished, and how
/// many were dropped, finished or not.
#[derive(Debug)]
pub(crate) struct Calls {
    /// Lets calls go on that are held.
    release: Semaphore,
    begun: AtomicUsize,
    finished: AtomicUsize,
    dropped: AtomicUsize,
    /// Handshakes that rmcp has finished.
    handshakes: AtomicUsize,
    /// Whether the tool `now` is gone.
    is_now_gone: AtomicBool,
}

/// A call, counted as dropped when its future is.
struct Call(Arc<Calls>);

impl Default for Calls {
    fn default() -> Self {
        Self {
            release: Semaphore::const_new(0),
            begun: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            is_now_gone: AtomicBool::new(false),
        }
    }
}

impl Calls {
    fn begin(self: &Arc<Self>) -> Call {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Call(self.clone())
    }

    /// Returns how many calls have begun.
    pub(crate) fn count_begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Returns how many handshakes rmcp has finished.
    pub(crate) fn count_handshakes(&self) -> usize {
        self.handshakes.load(Ordering::SeqCst)
    }

    /// Adds the tool `now`, or removes it.
    pub(crate) fn set_now_gone(&self, is_gone: bool) {
        self.is_now_gone.store(is_gone, Ordering::SeqCst);
    }

    /// Returns how many calls were finished.
    pub(crate) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    /// Sleeps.
    async fn wait(self: &Arc<Self>, ms: u32) {
        if ms > 0 {
            let _call = self.begin();
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            self.finished.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until it is released.
    async fn hold(self: &Arc<Self>) {
        let _call = self.begin();
        self.release.acquire().await.unwrap().forget();
        self.finished.fetch_add(1, Ordering::SeqCst);
    }

    /// Blocks its thread until it is released. The runtime moves its other tasks to another thread.
    fn block(&self) {
        tokio::task::block_in_place(|| self.wait_for_release());
    }

    fn wait_for_release(&self) {
        while self
            .release
            .try_acquire()
            .map(SemaphorePermit::forget)
            .is_err()
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Releases one call that is held.
    pub(crate) fn release(&self) {
        self.release.add_permits(1);
    }

    /// Waits until `count` calls in all have begun.
    pub(crate) async fn begun(&self, count: usize) {
        eventually("the calls begin", || {
            self.begun.load(Ordering::SeqCst) >= count
        })
        .await;
    }

    /// Waits until `count` calls in all are dropped.
    pub(crate) async fn dropped(&self, count: usize) {
        eventually("the calls are dropped", || {
            self.dropped.load(Ordering::SeqCst) >= count
        })
        .await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Tools that do what tools should not.
#[derive(Clone)]
pub(crate) struct Misbehaving {
    calls: Arc<Calls>,
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Misbehaving {
    pub(crate) fn new(calls: Arc<Calls>) -> Self {
        Self {
            calls,
            tool_router: Self::tool_router(),
        }
    }

    #[tool(description = "Panics after a while")]
    async fn panic(&self) -> String {
        tokio::task::yield_now().await;
        panic!("a tool that panics")
    }

    #[tool(description = "Panics before it returns a future")]
    fn panic_now(&self) -> String {
        panic!("a tool that panics")
    }

    #[tool(description = "Never ends")]
    async fn hang(&self) -> String {
        let _call = self.calls.begin();
        std::future::pending().await
    }

    #[tool(description = "Never ends, and is not fast")]
    async fn hang_slowly(&self) -> String {
        let _call = self.calls.begin();
        std::future::pending().await
    }

    #[tool(description = "Takes its time")]
    async fn wait(&self, Parameters(Wait { ms }): Parameters<Wait>) -> String {
        self.calls.wait(ms).await;
        "waited".into()
    }

    #[tool(description = "Takes its time, and is not fast")]
    async fn wait_slowly(&self, Parameters(Wait { ms }): Parameters<Wait>) -> String {
        self.calls.wait(ms).await;
        "waited".into()
    }

    #[tool(description = "Is held until it is let go")]
    async fn hold(&self) -> String {
        self.calls.hold().await;
        "held".into()
    }

    #[tool(description = "Is held until it is let go, and is not fast")]
    async fn hold_slowly(&self) -> String {
        self.calls.hold().await;
        "held".into()
    }

    #[tool(description = "Is counted, and done at once")]
    fn count(&self) -> String {
        let _call = self.calls.begin();
        self.calls.finished.fetch_add(1, Ordering::SeqCst);
        "counted".into()
    }

    #[tool(description = "Is counted, and not fast")]
    fn count_slowly(&self) -> String {
        self.count()
    }

    #[tool(description = "Blocks its thread until it is released")]
    fn block(&self) -> String {
        let _call = self.calls.begin();
        self.calls.block();
        "released".into()
    }

    #[tool(description = "Blocks its thread until it is released, and then never ends")]
    async fn block_and_hang(&self) -> String {
        let _call = self.calls.begin();
        self.calls.block();
        std::future::pending().await
    }

    #[tool(description = "Is done at once")]
    fn now(&self) -> String {
        "done".into()
    }

    #[tool(description = "Refuses by a JSON-RPC error")]
    fn refuse(&self) -> Result<String, ErrorData> {
        Err(not_found())
    }

    #[tool(description = "Refuses by a JSON-RPC error, after a while")]
    async fn refuse_late(&self) -> Result<String, ErrorData> {
        tokio::task::yield_now().await;
        Err(not_found())
    }

    #[tool(description = "Says that it is half done, then that it is")]
    async fn report(&self, context: RequestContext<RoleServer>) -> String {
        if let Some(token) = context.meta.get_progress_token() {
            let half = ProgressNotificationParam::new(token, 0.5);
            context.peer.notify_progress(half).await.unwrap();
        }
        "reported".into()
    }

    #[tool(description = "Names the client, and is not fast")]
    #[expect(clippy::needless_pass_by_value, reason = "rmcp gives the context away")]
    fn name_client(&self, context: RequestContext<RoleServer>) -> String {
        let client = context.peer.peer_info();
        client.map_or_else(String::new, |client| client.client_info.name.clone())
    }

    #[tool(description = "Returns as much as is asked for")]
    fn repeat(&self, Parameters(Repeat { bytes }): Parameters<Repeat>) -> String {
        "x".repeat(bytes)
    }

    #[tool(description = "Returns as much as is asked for, and is not fast")]
    fn repeat_slowly(&self, parameters: Parameters<Repeat>) -> String {
        self.repeat(parameters)
    }

    #[tool(name = "another_name", description = "Is not named as its method is")]
    fn renamed(&self) -> String {
        "renamed".into()
    }
}

/// The error of `refuse` and `refuse_late`.
fn not_found() -> ErrorData {
    let data = serde_json::json!({"why": "it would not"});
    ErrorData::resource_not_found("no such thing", Some(data))
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Misbehaving {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn on_initialized(&self, _: NotificationContext<RoleServer>) {
        self.calls.handshakes.fetch_add(1, Ordering::SeqCst);
    }
}

transports::fast_tools!(
    Misbehaving: panic, panic_now, hang, hold, wait, count, block, block_and_hang, now, refuse,
    refuse_late, renamed, repeat
);

/// The tools, of which `now` can come and go.
#[derive(Clone)]
pub(crate) struct ChangingTools {
    pub(crate) tools: Misbehaving,
    /// Whether the server declares that its list can change.
    pub(crate) declares_changes: bool,
}

impl ChangingTools {
    fn has(&self, tool: &str) -> bool {
        tool != "now" || !self.tools.calls.is_now_gone.load(Ordering::SeqCst)
    }
}

impl ServerHandler for ChangingTools {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.tools.get_info();
        if self.declares_changes {
            let capabilities = ServerCapabilities::builder();
            info.capabilities = capabilities
                .enable_tools()
                .enable_tool_list_changed()
                .build();
        }
        info
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = self.tools.list_tools(params, context).await?;
        list.tools.retain(|tool| self.has(&tool.name));
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get_tool(name).filter(|_| self.has(name))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !self.has(&request.name) {
            return Err(ErrorData::invalid_params("tool not found", None));
        }
        self.tools.call_tool(request, context).await
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.tools.on_initialized(context).await;
    }
}

impl FastTools for ChangingTools {
    fn fast_tools(&self) -> Vec<&'static str> {
        self.tools.fast_tools()
    }

    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall {
        self.tools.fast_call(name, arguments)
    }
}
