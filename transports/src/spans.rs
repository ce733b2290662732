//! A `tracing` span for each tool call, with the names of OpenTelemetry's semantic conventions for
//! MCP ("Semantic conventions for Model Context Protocol", section "Server").
//!
//! Its name is `tools/call` and the tool's. Left to others: where spans go. A subscriber that knows
//! OpenTelemetry reads `otel.name`, `otel.kind` and `otel.status_code`.

use std::{borrow::Cow, fmt};

use serde::Deserialize;
use tracing::{
    Span,
    field::{Empty, display},
};

use crate::{metrics::CallEnd, supervise::Caller};

/// The target of the spans, for filters. No crate has this name: filters compare beginnings.
pub const TARGET: &str = "telemetry::mcp";

/// Where a trace came from, as the message says it in `params._meta` (W3C Trace Context).
#[derive(Debug, Default, Deserialize)]
pub struct TraceContext<'m> {
    /// The trace and the span of the client.
    #[serde(borrow, default)]
    pub traceparent: Option<Cow<'m, str>>,
    /// What vendors add.
    #[serde(borrow, default)]
    pub tracestate: Option<Cow<'m, str>>,
}

/// Starts a span for each call.
#[derive(Clone, Copy)]
pub struct Spans {
    adopt: fn(&Span, &TraceContext<'_>),
}

/// What a span says about its call.
pub(crate) struct SpannedCall<'a> {
    pub(crate) tool: &'a str,
    /// The id of the request, without quotes.
    pub(crate) id: &'a dyn fmt::Display,
    /// The protocol revision, where it is known.
    pub(crate) revision: Option<&'a str>,
    pub(crate) caller: Caller<'a>,
    /// Whether the call came over standard input.
    pub(crate) is_piped: bool,
}

impl Spans {
    /// Starts spans. `adopt` makes a span the child of its client's.
    #[must_use]
    pub fn new(adopt: fn(&Span, &TraceContext<'_>)) -> Self {
        Self { adopt }
    }

    /// Starts the span of `call`.
    pub(crate) fn begin(self, call: &SpannedCall<'_>, parent: &TraceContext<'_>) -> Span {
        let Caller {
            session, client, ..
        } = call.caller;
        let span = tracing::info_span!(
            target: TARGET,
            parent: None,
            "tools/call",
            "otel.name" = format!("tools/call {}", call.tool),
            "otel.kind" = "server",
            "otel.status_code" = Empty,
            "mcp.method.name" = "tools/call",
            "gen_ai.operation.name" = "execute_tool",
            "gen_ai.tool.name" = call.tool,
            "jsonrpc.request.id" = display(call.id),
            "mcp.protocol.version" = call.revision,
            "mcp.session.id" = session,
            "network.transport" = if call.is_piped { "pipe" } else { "tcp" },
            "client.address" = client.map(|client| display(client.ip())),
            "client.port" = client.map(|client| client.port()),
            "error.type" = Empty,
            "rpc.response.status_code" = Empty,
        );
        if parent.traceparent.is_some() {
            (self.adopt)(&span, parent);
        }
        span
    }
}

impl<'m> TraceContext<'m> {
    /// Reads the context of a message, if it has one.
    pub(crate) fn of(message: &'m [u8]) -> Self {
        #[derive(Deserialize)]
        struct Message<'m> {
            #[serde(borrow)]
            params: Params<'m>,
        }
        #[derive(Deserialize)]
        struct Params<'m> {
            #[serde(borrow, rename = "_meta")]
            meta: TraceContext<'m>,
        }
        let message = serde_json::from_slice::<Message<'m>>(message);
        message
            .map(|message| message.params.meta)
            .unwrap_or_default()
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spans")
    }
}

/// Records the end of a call in its span.
pub(crate) fn end(span: &Span, end: CallEnd) {
    match end {
        CallEnd::Succeeded => return,
        CallEnd::ToolError => span.record("error.type", "tool_error"),
        CallEnd::ProtocolError(code) => span
            .record("error.type", display(code))
            .record("rpc.response.status_code", display(code)),
    };
    span.record("otel.status_code", "ERROR");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_context_is_read_from_the_metadata() {
        let context = TraceContext::of(
            br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",
                "_meta":{"progressToken":1,"traceparent":"00-a-b-01","tracestate":"x=\u0031"}}}"#,
        );
        assert_eq!(context.traceparent.as_deref(), Some("00-a-b-01"));
        assert_eq!(context.tracestate.as_deref(), Some("x=1"));
        let without = TraceContext::of(br#"{"params":{"name":"echo"}}"#);
        assert_eq!(without.traceparent, None);
    }
}
