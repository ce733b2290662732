//! The fast path: one JSON-RPC message in; its answer, a call that waits, or a fallback out.
//!
//! A [`FastPath`] takes the messages that matter for speed, and only where it knows that the SDK
//! would answer the same: calls of the tools that [`fast_tools!`](crate::fast_tools) names and, over
//! Streamable HTTP, what every client sends before its first call. All others fall back to the
//! SDK: a message with an unknown member, a key twice, arguments that do not fit. It reads bytes
//! and writes bytes: it has no socket, so the same code serves Streamable HTTP, SSE and stdio, and
//! it looks at a clock only where calls are observed.
//!
//! Left to others: the headers of a message ([`MessageContext`] carries what they say), and what a
//! reply is sent on.

mod arguments;
mod call;
mod counters;
mod handshake;
mod id;
mod message;
mod meta;
mod outcome;
mod reply;
mod serialized_result;
mod tools;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use futures::{FutureExt, task::noop_waker_ref};
pub use serde_json::value::RawValue;
use tracing::Span;

pub(crate) use self::meta::PROTOCOL_VERSION;
pub use self::{
    call::{FastCall, Running},
    counters::{Counters, FallbackReason},
    handshake::HandshakeResults,
    outcome::{FastResult, Outcome},
    reply::{Finished, Framing, PendingCall, Reply},
    serialized_result::SerializedResult,
    tools::{FastTools, ToolMethod, call},
};
use self::{
    id::Id,
    message::Message,
    reply::Shape,
    tools::{FastTool, ToolTable},
};
use crate::{
    admission::Reserved,
    in_flight::{Admitted, InFlight},
    rejection::Rejection,
    spans::{SpannedCall, TraceContext},
    supervise::Caller,
    telemetry::{self, CallRecord, Telemetry},
};

/// A protocol revision; the fast path knows all of them, and they are ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(usize);

/// What the transport knows about a message besides its bytes.
#[derive(Clone, Copy)]
pub struct MessageContext<'a> {
    /// The revision that the message is sent in.
    pub revision: Revision,
    /// Whether a header names that revision, or it is assumed.
    pub is_named: bool,
    /// `Mcp-Method` and `Mcp-Name`, over HTTP. From 2026-07-28 on they have to repeat what the
    /// message says.
    pub headers: Option<StandardHeaders<'a>>,
    /// Whether every message stands alone, so that the handshake has one answer for all clients.
    pub stateless: bool,
    /// Who sends the message.
    pub caller: Caller<'a>,
    /// The client's requests in flight, where the transport knows the client.
    pub(crate) in_flight: Option<&'a Arc<InFlight>>,
    /// What the transport did when it received the message.
    pub(crate) receipt: Receipt<'a>,
    /// The revision that the message's session of Streamable HTTP agreed on.
    pub(crate) settled: Option<Revision>,
}

/// What a transport did when it received a message.
#[derive(Clone, Copy, Default)]
pub(crate) struct Receipt<'a> {
    /// When that was, if the transport has looked at the clock.
    pub(crate) at: Option<Instant>,
    /// The memory that is reserved for the message, if it is large.
    pub(crate) reserved: Option<&'a Reserved>,
}

/// The headers that repeat what a message says (MCP 2026-07-28, "Standard Request Headers").
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardHeaders<'a> {
    /// `Mcp-Method`.
    pub method: Option<&'a [u8]>,
    /// `Mcp-Name`.
    pub name: Option<&'a [u8]>,
}

/// What the fast path did with a message.
pub enum Dispatch {
    /// It is answered: the reply is appended to the output.
    Answered(Reply),
    /// It is a notification that needs no action.
    Accepted,
    /// Its id is in flight already, or too many requests are. Nothing has run for it.
    Rejected(Rejection),
    /// Its client cancelled it before it was answered; the output is as it was.
    Cancelled,
    /// It is a call that waits for something.
    Pending(Box<PendingCall>),
    /// The SDK has to answer it; the output is as it was.
    Fallback(Fallback),
}

/// A message that the fast path leaves to the SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Why.
    pub reason: FallbackReason,
    /// Whether the [`CallHook`](crate::supervise::CallHook) has admitted the call already.
    pub(crate) is_checked: bool,
}

/// The fast path in front of the handler `S`.
pub struct FastPath<S> {
    server: S,
    tools: ToolTable,
    handshake: HandshakeResults,
    counters: Arc<Counters>,
    telemetry: Telemetry,
    /// Whether somebody wants to know how long calls take.
    is_observed: bool,
}

impl FastTool {
    /// Observes a call that goes on, if calls are observed.
    fn record(&self, context: &MessageContext<'_>, span: Option<Span>) -> Option<CallRecord> {
        let begun = context.receipt.at?;
        (self.calls.is_some() || span.is_some())
            .then(|| CallRecord::new(self.calls.clone(), begun, span))
    }
}

impl From<FallbackReason> for Fallback {
    fn from(reason: FallbackReason) -> Self {
        Self {
            reason,
            is_checked: false,
        }
    }
}

impl MessageContext<'_> {
    /// Whether a header names another revision than `revision`.
    fn names_another(&self, revision: Revision) -> bool {
        self.is_named && self.revision != revision
    }
}

impl Revision {
    /// The first revision without sessions and without `initialize`.
    pub const V_2026_07_28: Self = Self(4);
    /// The revision of a request without `MCP-Protocol-Version` (MCP 2025-06-18, "Protocol Version
    /// Header").
    pub const ASSUMED: Self = Self(1);
    /// The only revision that has batches.
    pub const V_2025_03_26: Self = Self(1);
    const NAMES: [&'static str; 5] = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
    ];

    /// Lists all revisions, oldest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::NAMES.len()).map(Self)
    }

    /// Finds the revision of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let found = Self::NAMES
            .iter()
            .position(|known| known.as_bytes() == name);
        found.map(Self)
    }

    /// Returns its name, a date.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0]
    }

    /// Whether each request carries what older revisions agree on once.
    #[must_use]
    pub fn is_self_contained(self) -> bool {
        self >= Self::V_2026_07_28
    }
}

impl<S: FastTools> FastPath<S> {
    /// Puts a fast path in front of `server`. Without a [`HandshakeResults`] the SDK answers every
    /// handshake.
    ///
    /// When the server declares that its tool list can change (`tools.listChanged`), the SDK
    /// answers `tools/list`, and each call asks the server whether it still has the tool.
    pub fn new(server: S, mut handshake: HandshakeResults) -> Self {
        let tools = server.get_info().capabilities.tools;
        let is_dynamic = tools.is_some_and(|tools| tools.list_changed == Some(true))
            || handshake.declares_list_changes();
        if is_dynamic {
            handshake.forget("tools/list");
        }
        let telemetry = server.telemetry();
        let counters = Arc::new(Counters::default());
        if let Some(metrics) = &telemetry.metrics {
            counters.register(metrics);
        }
        Self {
            tools: ToolTable::new(&server, is_dynamic, &telemetry),
            server,
            handshake,
            counters,
            is_observed: telemetry.metrics.is_some() || telemetry.spans.is_some(),
            telemetry,
        }
    }

    /// How many messages the fast path took, and why others fell back.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether a hook checks the calls.
    pub(crate) fn has_hook(&self) -> bool {
        self.server.has_hook()
    }

    /// Takes the bytes of one message, if the fast path answers it. A reply is appended to `out`,
    /// within `framing`.
    pub fn take(
        &self,
        bytes: &[u8],
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Dispatch {
        let timed;
        let context = if self.is_observed && context.receipt.at.is_none() {
            timed = MessageContext {
                receipt: Receipt {
                    at: Some(Instant::now()),
                    ..context.receipt
                },
                ..*context
            };
            &timed
        } else {
            context
        };
        let dispatch = Message::read(bytes)
            .map_err(|_| FallbackReason::Message.into())
            .and_then(|message| self.dispatch(bytes, &message, context, framing, out));
        match dispatch {
            Ok(dispatch) => {
                self.counters.count_dispatch();
                dispatch
            }
            Err(fallback) => {
                self.counters.count_fallback(fallback.reason);
                Dispatch::Fallback(fallback)
            }
        }
    }

    /// Answers the `initialize` that opens a session, if rmcp would answer the same, and returns the
    /// revision that both sides agree on. Other messages are left to [`Self::take`].
    pub(crate) fn open(
        &self,
        bytes: &[u8],
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Option<Revision> {
        let message = Message::read(bytes).ok()?;
        let id = Id::read(message.id?)?;
        if !message.meta().fits(context.revision) {
            return None;
        }
        let (revision, result) = self.handshake.opening(bytes, &message, context).ok()?;
        reply::write_result(out, framing, &id, result.as_bytes());
        self.counters.count_dispatch();
        Some(revision)
    }

    fn dispatch(
        &self,
        bytes: &[u8],
        message: &Message<'_>,
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Dispatch, Fallback> {
        let meta = message.meta();
        if !meta.fits(context.revision) {
            return Err(FallbackReason::Metadata.into());
        }
        if context.revision.is_self_contained()
            && let Some(headers) = context.headers
            && headers.method != Some(message.method.as_bytes())
        {
            return Err(FallbackReason::Headers.into());
        }
        let Some(id) = message.id else {
            return self.notification(message, context);
        };
        let id = Id::read(id).ok_or(FallbackReason::Message)?;
        if message.method == "tools/call" {
            return self.call((bytes, message), id, context, framing, out);
        }
        if !context.stateless {
            return self.in_session(message, &id, context, framing, out);
        }
        let result = self.handshake.answer(bytes, message, context)?;
        reply::write_result(out, framing, &id, result.as_bytes());
        Ok(Dispatch::Answered(Reply::Result))
    }

    /// Answers a request in a session that needs no more than the session's revision.
    fn in_session(
        &self,
        message: &Message<'_>,
        id: &Id<'_>,
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Dispatch, Fallback> {
        let (Some(revision), Some(in_flight)) = (context.settled, context.in_flight) else {
            return Err(FallbackReason::Method.into());
        };
        let result = self.handshake.in_session(message, revision)?;
        match in_flight.admit(id.to_request_id()).map(Admitted::finish) {
            Ok(true) => {}
            Ok(false) => return Ok(Dispatch::Cancelled),
            Err(rejection) => return Ok(Dispatch::Rejected(rejection)),
        }
        reply::write_result(out, framing, id, result.as_bytes());
        Ok(Dispatch::Answered(Reply::Result))
    }

    /// Takes a notification. Without sessions the server does not record that a client is
    /// initialized; a session records it until rmcp is needed.
    fn notification(
        &self,
        message: &Message<'_>,
        context: &MessageContext<'_>,
    ) -> Result<Dispatch, Fallback> {
        let is_handshake = context.stateless
            && self.handshake.is_known()
            && !context.revision.is_self_contained()
            && message.method == "notifications/initialized"
            && message.has_only_meta();
        let is_recorded = context.settled.is_some()
            && message.method == "notifications/initialized"
            && message.has_no_params()
            && context
                .in_flight
                .is_some_and(|in_flight| in_flight.handshake.record_initialized());
        if is_handshake || is_recorded {
            Ok(Dispatch::Accepted)
        } else {
            Err(FallbackReason::Method.into())
        }
    }

    fn call(
        &self,
        (bytes, message): (&[u8], &Message<'_>),
        id: Id<'_>,
        context: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Dispatch, Fallback> {
        let (name, arguments) = message.call().ok_or(FallbackReason::Message)?;
        let tool = self.tools.get(&self.server, name);
        let (tool, has_header_arguments) = tool.ok_or(FallbackReason::Tool)?;
        if context.revision.is_self_contained()
            && let Some(headers) = context.headers
            && (headers.name != Some(name.as_bytes()) || has_header_arguments)
        {
            return Err(FallbackReason::Headers.into());
        }
        if !arguments.is_none_or(arguments::is_plain_object) {
            return Err(FallbackReason::Arguments.into());
        }
        // Before the tool is polled: a rejected call must not have run.
        let admitted = context
            .in_flight
            .map(|in_flight| in_flight.admit(id.to_request_id()));
        let admitted = match admitted.transpose() {
            Ok(admitted) => admitted,
            Err(rejection) => return Ok(Dispatch::Rejected(rejection)),
        };
        let span = self.span(bytes, id, tool, context);
        let entered = span.as_ref().map(Span::enter);
        let outcome = match self
            .server
            .fast_call_from(&context.caller, tool.name, arguments)
        {
            FastCall::UnknownTool => return Err(self.checked(FallbackReason::Tool)),
            FastCall::InvalidArguments => return Err(self.checked(FallbackReason::Arguments)),
            FastCall::Ready(outcome) => outcome,
            FastCall::Running(mut call) => {
                // A call that is ready at once needs no task.
                let mut context_of_first_poll = Context::from_waker(noop_waker_ref());
                match call.poll_unpin(&mut context_of_first_poll) {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => {
                        let shape = Shape::of(context.revision);
                        let guard = admitted.map(Admitted::wait);
                        let mut call = PendingCall::new(call, &id, shape, framing, guard);
                        drop(entered);
                        call.keep(context.receipt.reserved.cloned());
                        let record = tool.record(context, span);
                        return Ok(Dispatch::Pending(Box::new(call.observed(record))));
                    }
                }
            }
        };
        if admitted.is_some_and(|admitted| !admitted.finish()) {
            return Ok(Dispatch::Cancelled);
        }
        if let Some(begun) = context.receipt.at {
            let end = reply::end_of(&outcome);
            telemetry::record(tool.calls.as_deref(), begun, span.as_ref(), end);
        }
        let shape = Shape::of(context.revision);
        let reply = reply::write_outcome(out, framing, id.json(), shape, outcome);
        Ok(Dispatch::Answered(reply))
    }

    /// Starts the span of a call, if calls are traced.
    fn span(
        &self,
        bytes: &[u8],
        id: Id<'_>,
        tool: &FastTool,
        context: &MessageContext<'_>,
    ) -> Option<Span> {
        let spans = self.telemetry.spans?;
        let call = SpannedCall {
            tool: tool.name,
            id: &id.json().trim_matches('"'),
            revision: Some(context.revision.name()),
            caller: context.caller,
            is_piped: context.caller.client.is_none(),
        };
        Some(spans.begin(&call, &TraceContext::of(bytes)))
    }

    /// A fallback after the hook, if there is one, has admitted the call.
    fn checked(&self, reason: FallbackReason) -> Fallback {
        Fallback {
            reason,
            is_checked: self.has_hook(),
        }
    }
}
