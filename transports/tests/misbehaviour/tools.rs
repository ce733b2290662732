//! Tools that do what tools should not, and a record of what became of their calls.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{ProgressNotificationParam, ServerCapabilities, ServerConfig},
    service::RequestContext,
    tool, tool_handler, tool_router,
};
use tokio::sync::Semaphore;

use crate::eventually;

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub(crate) struct Wait {
    ms: u32,
}

/// Calls that take their time: how many have begun, how many came to their end, and how many are no
/// more, whether they did or were dropped before.
#[derive(Debug)]
pub(crate) struct Calls {
    /// What a call that is held waits for.
    let_go: Semaphore,
    begun: AtomicUsize,
    finished: AtomicUsize,
    gone: AtomicUsize,
}

/// A call, counted as gone when its future is.
struct Call(Arc<Calls>);

impl Default for Calls {
    fn default() -> Self {
        Self {
            let_go: Semaphore::const_new(0),
            begun: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
        }
    }
}

impl Calls {
    fn begin(self: &Arc<Self>) -> Call {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Call(self.clone())
    }

    /// How many came to their end.
    pub(crate) fn finished(&self) -> usize {
        self.finished.load(Ordering::SeqCst)
    }

    /// Takes the time that it takes.
    async fn wait(self: &Arc<Self>, ms: u32) {
        if ms > 0 {
            let _call = self.begin();
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            self.finished.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits to be let go.
    async fn hold(self: &Arc<Self>) {
        let _call = self.begin();
        self.let_go.acquire().await.unwrap().forget();
        self.finished.fetch_add(1, Ordering::SeqCst);
    }

    /// Lets one call go that is held.
    pub(crate) fn let_go(&self) {
        self.let_go.add_permits(1);
    }

    /// Waits until `count` calls in all have begun.
    pub(crate) async fn begun(&self, count: usize) {
        eventually("the calls begin", || {
            self.begun.load(Ordering::SeqCst) >= count
        })
        .await;
    }

    /// Waits until `count` calls in all are gone.
    pub(crate) async fn are_gone(&self, count: usize) {
        eventually("the calls are gone", || {
            self.gone.load(Ordering::SeqCst) >= count
        })
        .await;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.gone.fetch_add(1, Ordering::SeqCst);
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

    #[tool(description = "Is done at once")]
    fn now(&self) -> String {
        "done".into()
    }

    #[tool(description = "Refuses by a JSON-RPC error")]
    fn refuse(&self) -> Result<String, ErrorData> {
        Err(refusal())
    }

    #[tool(description = "Refuses by a JSON-RPC error, after a while")]
    async fn refuse_late(&self) -> Result<String, ErrorData> {
        tokio::task::yield_now().await;
        Err(refusal())
    }

    #[tool(description = "Says that it is half done, then that it is")]
    async fn report(&self, context: RequestContext<RoleServer>) -> String {
        if let Some(token) = context.meta.get_progress_token() {
            let half = ProgressNotificationParam::new(token, 0.5);
            context.peer.notify_progress(half).await.unwrap();
        }
        "reported".into()
    }

    #[tool(name = "another_name", description = "Is not named as its method is")]
    fn renamed(&self) -> String {
        "renamed".into()
    }
}

/// What `refuse` and `refuse_late` say.
fn refusal() -> ErrorData {
    let data = serde_json::json!({"why": "it would not"});
    ErrorData::resource_not_found("no such thing", Some(data))
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Misbehaving {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

transports::fast_tools!(
    Misbehaving: panic, panic_now, hang, hold, wait, now, refuse, refuse_late, renamed
);
