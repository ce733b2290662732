//! What observes the calls of a server: [`Metrics`] count them, [`Spans`] trace them. A server has
//! both, one of them, or none; without them a call pays for a branch.

use std::{sync::Arc, time::Instant};

use rmcp::{
    ErrorData,
    model::{CallToolResponse, ErrorCode},
};
use tracing::{Span, span::Entered};

use crate::{
    metrics::{CallEnd, Metrics, ToolCalls},
    spans::Spans,
};

/// The observers of a server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// Counts calls, bytes and sheds.
    pub metrics: Option<Metrics>,
    /// Starts a span for each call.
    pub spans: Option<Spans>,
}

/// A call under observation, from its first poll to its end. A call that is dropped before its end
/// is not counted, because it was not answered.
pub(crate) struct CallRecord {
    calls: Option<Arc<ToolCalls>>,
    begun: Instant,
    span: Option<Span>,
}

impl CallRecord {
    /// Observes a call that began at `begun`.
    pub(crate) fn new(calls: Option<Arc<ToolCalls>>, begun: Instant, span: Option<Span>) -> Self {
        Self { calls, begun, span }
    }

    /// Enters the span of the call, if there is one, for a poll.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        self.span.as_ref().map(Span::enter)
    }

    /// Returns the span of the call; a disabled one if there is none.
    pub(crate) fn span(&self) -> Span {
        self.span.clone().unwrap_or_else(Span::none)
    }

    /// Records the end of the call.
    pub(crate) fn end(&self, end: CallEnd) {
        record(self.calls.as_deref(), self.begun, self.span.as_ref(), end);
    }
}

/// Records the end of a call that began at `begun`.
pub(crate) fn record(calls: Option<&ToolCalls>, begun: Instant, span: Option<&Span>, end: CallEnd) {
    if let Some(calls) = calls {
        calls.record(begun.elapsed(), end);
    }
    if let Some(span) = span {
        crate::spans::end(span, end);
    }
}

impl CallEnd {
    /// Returns the end of a call with this outcome on the SDK's path.
    pub(crate) fn of(outcome: &Result<CallToolResponse, ErrorData>) -> Self {
        match outcome {
            Ok(CallToolResponse::Complete(result)) if result.is_error == Some(true) => {
                Self::ToolError
            }
            Ok(_) => Self::Succeeded,
            Err(error) => Self::error(error.code),
        }
    }

    /// Returns the end of a call with a JSON-RPC error of this code.
    pub(crate) fn error(ErrorCode(code): ErrorCode) -> Self {
        Self::ProtocolError(code)
    }
}
