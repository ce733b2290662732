//! Supervision of tool calls, in the one place that both paths pass.
//!
//! [`Supervised`] wraps a handler. It answers a call that panics or takes too long in band, as a
//! tool result with `isError`, so that no other call notices. It drops a cancelled call. It serves
//! only the tools that it is told to serve, and it asks the [`CallHook`] before a tool runs.
//!
//! Left to others: what the tools do, and what a transport does with the answer.

mod forward;
mod hook;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use futures::{
    FutureExt,
    future::{Either, select},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock},
    service::RequestContext,
    transport::streamable_http_server::session::SessionStore,
};
use tracing::Instrument;

pub(crate) use self::hook::CallOrigin;
pub use self::hook::{CallHook, Caller, ToolCall};
use crate::{
    admission::Admission,
    fast_path::{FastCall, FastTools, Outcome, RawValue},
    log_limit::LogLimit,
    metrics::{CallEnd, Failure},
    runtime::{BoxFuture, Handle},
    spans::{SpannedCall, TraceContext},
    telemetry::{CallRecord, Telemetry},
};

/// How tool calls are supervised.
#[derive(Clone)]
pub struct SuperviseOptions {
    /// The runtime whose timers end calls that take too long.
    pub runtime: Handle,
    /// How long a call may take.
    pub call_timeout: Duration,
    /// The limits of tools that have one of their own; the first one for a tool holds.
    pub time_limits: Vec<(String, Duration)>,
    /// The tools to serve, on both paths; without a list, all of them.
    pub tools: Option<Vec<String>>,
    /// The hook that every call passes before it runs.
    pub hook: Option<Arc<dyn CallHook>>,
    /// Admits large messages and counts large answers; without it they are not counted.
    pub admission: Option<Admission>,
    /// What observes the calls.
    pub telemetry: Telemetry,
}

impl SuperviseOptions {
    /// Serves all tools with one time limit and without a hook.
    #[must_use]
    pub fn new(runtime: Handle, call_timeout: Duration) -> Self {
        Self {
            runtime,
            call_timeout,
            time_limits: Vec::new(),
            tools: None,
            hook: None,
            admission: None,
            telemetry: Telemetry::default(),
        }
    }
}

/// An rmcp handler whose tool calls are supervised. Wrap it around the outermost handler.
#[derive(Clone)]
pub struct Supervised<S> {
    inner: S,
    policy: Arc<Policy>,
    session_store: Option<Arc<dyn SessionStore>>,
}

impl<S> Supervised<S> {
    /// Supervises `inner` as `options` say.
    pub fn new(inner: S, options: SuperviseOptions) -> Self {
        let policy = Policy {
            options,
            panics: LogLimit::default(),
            timeouts: LogLimit::default(),
        };
        Self {
            inner,
            policy: Arc::new(policy),
            session_store: None,
        }
    }

    /// Keeps the sessions in `store`, where other instances of the server find them.
    #[must_use]
    pub fn with_session_store(mut self, store: Option<Arc<dyn SessionStore>>) -> Self {
        self.session_store = store;
        self
    }
}

impl<S: ServerHandler> Supervised<S> {
    /// Supervises a call that the SDK brings, under observation if there are observers.
    async fn supervise(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(record) = self.observe(&request, &context) else {
            return self.run(request, context).await;
        };
        let cancelled = context.ct.clone();
        let call = self.run(request, context).instrument(record.span());
        let outcome = call.await;
        // A cancelled call is not answered.
        if !cancelled.is_cancelled() {
            record.end(CallEnd::of(&outcome));
        }
        outcome
    }

    fn observe(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<CallRecord> {
        let Telemetry { metrics, spans } = &self.policy.options.telemetry;
        if metrics.is_none() && spans.is_none() {
            return None;
        }
        let begun = Instant::now();
        let tool = &*request.name;
        let calls = metrics
            .as_ref()
            .map(|metrics| metrics.tool_if(tool, || self.get_tool(tool).is_some()));
        let span = spans.map(|spans| {
            let (_, caller) = CallOrigin::of(&context.extensions);
            let is_piped = caller.headers.is_none() && caller.session.is_none();
            let call = SpannedCall {
                tool,
                id: &context.id,
                revision: None,
                caller,
                is_piped,
            };
            let parent = TraceContext {
                traceparent: context.meta.get_traceparent().map(Into::into),
                tracestate: context.meta.get_tracestate().map(Into::into),
            };
            spans.begin(&call, &parent)
        });
        Some(CallRecord::new(calls, begun, span))
    }

    async fn run(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let policy = &*self.policy;
        let tool = request.name.clone();
        let cancelled = context.ct.clone();
        let call = async {
            if let Err(reason) = policy.check_sdk_call(&request, &context) {
                return Ok(in_band(reason));
            }
            if !policy.serves(&request.name) {
                // What rmcp's tool router says of a tool that it does not know.
                return Err(ErrorData::invalid_params("tool not found", None));
            }
            self.inner.call_tool(request, context).await
        };
        let mut call = pin!(AssertUnwindSafe(call).catch_unwind());
        let or_panic = |outcome: Result<_, Box<dyn Any + Send>>| {
            outcome.unwrap_or_else(|panic| Ok(policy.panicked(&tool, panic.as_ref())))
        };
        // A call that is ready at once does not pay for a timer.
        if let Poll::Ready(outcome) = futures::poll!(call.as_mut()) {
            return or_panic(outcome);
        }
        let timeout = pin!(policy.timer(&tool));
        let cancelled = pin!(cancelled.cancelled());
        match select(call, select(timeout, cancelled)).await {
            Either::Left((outcome, _)) => or_panic(outcome),
            Either::Right((Either::Left(_), _)) => Ok(policy.timed_out(&tool)),
            // rmcp sends no answer to a cancelled request; the call itself ends here.
            Either::Right((Either::Right(_), _)) => Ok(in_band(format!("{tool} was cancelled"))),
        }
    }
}

impl<S: FastTools> FastTools for Supervised<S> {
    fn fast_tools(&self) -> Vec<&'static str> {
        let mut tools = self.inner.fast_tools();
        tools.retain(|tool| self.policy.serves(tool));
        tools
    }

    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall {
        self.fast_call_from(&Caller::default(), name, arguments)
    }

    fn fast_call_from(
        &self,
        caller: &Caller<'_>,
        name: &'static str,
        arguments: Option<&RawValue>,
    ) -> FastCall {
        let policy = &self.policy;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if let Some(hook) = &policy.options.hook
                && let Err(reason) = hook.check(&caller.call(name, arguments))
            {
                return FastCall::Ready(Outcome::Sdk(Ok(in_band(reason))));
            }
            self.inner.fast_call_from(caller, name, arguments)
        }));
        match outcome {
            Ok(FastCall::Running(call)) => FastCall::Running(call.supervised(name, policy.clone())),
            Ok(call) => call,
            Err(panic) => FastCall::Ready(Outcome::Sdk(Ok(policy.panicked(name, panic.as_ref())))),
        }
    }

    fn has_hook(&self) -> bool {
        let SuperviseOptions {
            hook, telemetry, ..
        } = &self.policy.options;
        // A span says who calls, too.
        hook.is_some() || telemetry.spans.is_some() || self.inner.has_hook()
    }

    fn session_store(&self) -> Option<Arc<dyn SessionStore>> {
        let own = self.session_store.clone();
        own.or_else(|| self.inner.session_store())
    }

    fn telemetry(&self) -> Telemetry {
        self.policy.options.telemetry.clone()
    }

    fn admission(&self) -> Option<&Admission> {
        let own = self.policy.options.admission.as_ref();
        own.or_else(|| self.inner.admission())
    }
}

/// What both paths apply to each call.
pub(crate) struct Policy {
    options: SuperviseOptions,
    panics: LogLimit,
    timeouts: LogLimit,
}

impl Policy {
    /// Whether `tool` is one of those to serve.
    fn serves(&self, tool: &str) -> bool {
        let tools = self.options.tools.as_ref();
        tools.is_none_or(|tools| tools.iter().any(|served| served == tool))
    }

    /// Asks the hook about a call that the SDK brings, unless the fast path has asked it already.
    fn check_sdk_call(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), String> {
        let Some(hook) = &self.options.hook else {
            return Ok(());
        };
        let (is_checked, caller) = CallOrigin::of(&context.extensions);
        if is_checked {
            return Ok(());
        }
        let arguments = request.arguments.as_ref().map(serde_json::to_vec);
        let arguments = match arguments.transpose() {
            Ok(arguments) => arguments.unwrap_or_else(|| b"{}".to_vec()),
            Err(error) => return Err(format!("the arguments cannot be checked: {error}")),
        };
        hook.check(&ToolCall {
            arguments: &arguments,
            ..caller.call(&request.name, None)
        })
    }

    /// Returns the limit of calls of `tool`, and the flag that sets it.
    fn time_limit(&self, tool: &str) -> (Duration, &'static str) {
        let SuperviseOptions {
            call_timeout,
            time_limits,
            ..
        } = &self.options;
        // There are a handful at most; searching them is faster than a map.
        let own = time_limits.iter().find(|(name, _)| name == tool);
        own.map_or((*call_timeout, "--call-timeout"), |(_, limit)| {
            (*limit, "--time-limit")
        })
    }

    /// Completes when a call of `tool` that begins now has taken too long.
    pub(crate) fn timer(&self, tool: &str) -> BoxFuture<()> {
        self.options.runtime.sleep(self.time_limit(tool).0)
    }

    /// Counts a failure of `tool`.
    fn count_failure(&self, tool: &str, failure: Failure) {
        if let Some(metrics) = &self.options.telemetry.metrics {
            metrics.known_tool(tool).fail(failure);
        }
    }

    /// Returns the answer to a call that panicked.
    pub(crate) fn panicked(&self, tool: &str, panic: &(dyn Any + Send)) -> CallToolResponse {
        self.count_failure(tool, Failure::Panic);
        let cause = panic_message(panic);
        if let Some(left_out) = self.panics.admit() {
            tracing::error!(
                tool,
                cause,
                left_out,
                "a tool panicked; the call was answered in band"
            );
        }
        in_band(format!(
            "{tool} failed: it panicked ({cause}). This is a defect of the server; other calls are not affected."
        ))
    }

    /// Returns the answer to a call that took too long.
    pub(crate) fn timed_out(&self, tool: &str) -> CallToolResponse {
        self.count_failure(tool, Failure::Timeout);
        let (limit, flag) = self.time_limit(tool);
        let limit = limit.as_secs_f64();
        if let Some(left_out) = self.timeouts.admit() {
            tracing::warn!(
                tool,
                time_limit_s = limit,
                left_out,
                "a call exceeded its time limit"
            );
        }
        in_band(format!(
            "{tool} did not answer within {limit} s (the server's {flag}); ask for less work or raise the limit"
        ))
    }
}

/// Returns a tool result that reports an error.
fn in_band(message: String) -> CallToolResponse {
    CallToolResult::error(vec![ContentBlock::text(message)]).into()
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
