//! Keeps one tool call's trouble to itself: a panic or a call that takes too long is answered in
//! band, as a tool result with `isError`, and nobody else notices. A cancelled call is dropped.
//!
//! Left to others: what the tools do, and what a transport does with the answer.

mod forward;
mod limits;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures::{
    FutureExt,
    future::{Either, select},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock},
    service::RequestContext,
};

pub(crate) use self::limits::Limits;
use crate::{
    fast_path::{FastCall, FastTools, Outcome, RawValue, Words},
    runtime::Handle,
};

/// An rmcp handler whose tool calls can neither panic nor run for ever, nor on after they are cancelled.
#[derive(Clone, Debug)]
pub struct Supervised<S> {
    inner: S,
    limits: Arc<Limits>,
}

impl<S> Supervised<S> {
    /// Supervises `inner`: a tool call that is not answered within `call_timeout` is given up.
    pub fn new(inner: S, runtime: Handle, call_timeout: Duration) -> Self {
        Self {
            inner,
            limits: Arc::new(Limits::new(runtime, call_timeout)),
        }
    }

    /// Gives the calls of some tools another limit than the rest; of two for one tool the first holds.
    #[must_use]
    pub fn with_time_limits(mut self, tools: impl IntoIterator<Item = (String, Duration)>) -> Self {
        self.limits = Arc::new(self.limits.with_tools(tools.into_iter().collect()));
        self
    }
}

impl<S: ServerHandler> Supervised<S> {
    async fn supervise(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = request.name.clone();
        let cancelled = context.ct.clone();
        let call = AssertUnwindSafe(self.inner.call_tool(request, context)).catch_unwind();
        let mut call = pin!(call);
        // A call that is ready at once does not pay for a timer.
        if let Poll::Ready(outcome) = futures::poll!(call.as_mut()) {
            return outcome.unwrap_or_else(|panic| Ok(panicked(&tool, panic.as_ref())));
        }
        let timeout = pin!(self.limits.timer(&tool));
        let cancelled = pin!(cancelled.cancelled());
        let given_up = select(timeout, cancelled);
        match select(call, given_up).await {
            Either::Left((outcome, _)) => {
                outcome.unwrap_or_else(|panic| Ok(panicked(&tool, panic.as_ref())))
            }
            Either::Right((Either::Left(_), _)) => Ok(timed_out(&tool, &self.limits)),
            // rmcp sends no answer to a cancelled request; the call itself ends here.
            Either::Right((Either::Right(_), _)) => Ok(in_band(format!("{tool} was cancelled"))),
        }
    }
}

/// What is said of a call that failed by itself, on either path.
const WORDS: Words = Words {
    panicked,
    timed_out,
};

impl<S: FastTools> FastTools for Supervised<S> {
    fn fast_tools(&self) -> Vec<&'static str> {
        self.inner.fast_tools()
    }

    fn fast_call(&self, name: &'static str, arguments: Option<&RawValue>) -> FastCall {
        let call = catch_unwind(AssertUnwindSafe(|| self.inner.fast_call(name, arguments)));
        match call {
            Ok(FastCall::Running(call)) => {
                FastCall::Running(call.limited(name, self.limits.clone(), WORDS))
            }
            Ok(call) => call,
            Err(panic) => FastCall::Ready(Outcome::Sdk(Ok(panicked(name, panic.as_ref())))),
        }
    }

    fn withholds(&self, name: &str) -> bool {
        self.inner.withholds(name)
    }
}

fn panicked(tool: &str, panic: &(dyn Any + Send)) -> CallToolResponse {
    let cause = panic_message(panic);
    tracing::error!(
        tool,
        cause,
        "a tool panicked; the call was answered in band"
    );
    in_band(format!(
        "{tool} failed: it panicked ({cause}). This is a defect of the server; other calls are not affected."
    ))
}

fn timed_out(tool: &str, limits: &Limits) -> CallToolResponse {
    let (limit, flag) = limits.of(tool);
    let limit = limit.as_secs_f64();
    tracing::warn!(tool, time_limit_s = limit, "a call was given up");
    in_band(format!(
        "{tool} did not answer within {limit} s (the server's {flag}); ask for less work or raise the limit"
    ))
}

/// A tool result that reports an error.
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
