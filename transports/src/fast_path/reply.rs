//! Writes replies.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rmcp::{
    ErrorData,
    model::{CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ServerResult, TextContent},
};
use serde::Serialize;

use super::{
    Revision, call::Running, id::Id, outcome::Outcome, serialized_result::SerializedResult,
};
use crate::{
    admission::Reserved,
    in_flight::{CallGuard, UnsentAnswer},
    metrics::CallEnd,
    telemetry::CallRecord,
};

/// What surrounds the JSON of a message in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Precedes the JSON.
    pub prefix: &'static str,
    /// Follows the JSON.
    pub suffix: &'static str,
}

impl Framing {
    /// No framing: a message is a whole body.
    pub const NONE: Self = Self {
        prefix: "",
        suffix: "",
    };
    /// One line for each message.
    pub const LINE: Self = Self {
        prefix: "",
        suffix: "\n",
    };
    /// An event of the default type.
    pub const EVENT: Self = Self {
        prefix: "data: ",
        suffix: "\n\n",
    };
    /// An event that names its type.
    pub const MESSAGE_EVENT: Self = Self {
        prefix: "event: message\ndata: ",
        suffix: "\n\n",
    };

    /// Frames `json`.
    #[must_use]
    pub fn framed(self, json: &[u8]) -> bytes::Bytes {
        [self.prefix.as_bytes(), json, self.suffix.as_bytes()]
            .concat()
            .into()
    }
}

/// The kind of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A result, with `isError` or without.
    Result,
    /// A JSON-RPC error of this code.
    Error(ErrorCode),
}

/// The members of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Up to 2025-11-25: without `resultType`.
    Handshake,
    /// From 2026-07-28 on.
    SelfContained,
}

impl Shape {
    pub(super) fn of(revision: Revision) -> Self {
        if revision.is_self_contained() {
            Self::SelfContained
        } else {
            Self::Handshake
        }
    }
}

/// A call that waits for something before its reply is written.
pub struct PendingCall {
    call: Running,
    id: Box<str>,
    shape: Shape,
    framing: Framing,
    guard: Option<CallGuard>,
    /// The memory of its message, if that is large.
    reserved: Option<Reserved>,
    /// Its observation, if it is observed.
    record: Option<CallRecord>,
}

/// The end of a [`PendingCall`].
pub struct Finished {
    /// What kind of reply it is.
    pub reply: Reply,
    /// The reply, framed.
    pub bytes: Vec<u8>,
    /// To be dropped when the reply is queued.
    pub(crate) unsent: UnsentAnswer,
}

impl PendingCall {
    pub(super) fn new(
        call: Running,
        id: &Id<'_>,
        shape: Shape,
        framing: Framing,
        guard: Option<CallGuard>,
    ) -> Self {
        Self {
            call,
            id: id.json().into(),
            shape,
            framing,
            guard,
            reserved: None,
            record: None,
        }
    }

    /// Keeps the memory reserved until the reply is queued.
    pub(super) fn keep(&mut self, reserved: Option<Reserved>) {
        self.reserved = reserved;
    }

    /// Observes the call.
    pub(super) fn observed(mut self, record: Option<CallRecord>) -> Self {
        self.record = record;
        self
    }

    /// Whether a disconnection cancels the call: it does from 2026-07-28 on, and SHOULD NOT before
    /// (MCP, "Streamable HTTP", disconnection).
    #[must_use]
    pub fn ends_with_its_stream(&self) -> bool {
        self.shape == Shape::SelfContained
    }
}

impl Future for PendingCall {
    /// Nothing when the client cancelled the call.
    type Output = Option<Finished>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(guard) = &mut this.guard
            && guard.poll_cancelled(context).is_ready()
        {
            return Poll::Ready(None);
        }
        let entered = this.record.as_ref().and_then(CallRecord::enter);
        let outcome = ready!(Pin::new(&mut this.call).poll(context));
        drop(entered);
        let unsent = match &mut this.guard {
            Some(guard) => match guard.finish() {
                Some(unsent) => unsent,
                None => return Poll::Ready(None),
            },
            None => UnsentAnswer::default(),
        };
        if let Some(record) = &this.record {
            record.end(end_of(&outcome));
        }
        let mut bytes = Vec::with_capacity(256);
        let reply = write_outcome(&mut bytes, this.framing, &this.id, this.shape, outcome);
        Poll::Ready(Some(Finished {
            reply,
            bytes,
            unsent: unsent.holding(this.reserved.take()),
        }))
    }
}

/// Appends the reply to request `id`, whose outcome is `outcome`.
pub(super) fn write_outcome(
    out: &mut Vec<u8>,
    framing: Framing,
    id: &str,
    shape: Shape,
    outcome: Outcome,
) -> Reply {
    let start = out.len();
    begin(out, framing, id);
    let outcome = match outcome {
        Outcome::Sdk(outcome) => outcome,
        Outcome::Structured(json) => {
            begin_result(out, shape);
            write_structured(out, &json);
            end(out, framing);
            return Reply::Result;
        }
        Outcome::Serialized(result) => {
            begin_result(out, shape);
            // The opening brace is written already.
            out.extend_from_slice(&result.json()[1..]);
            end(out, framing);
            return Reply::Result;
        }
    };
    let written = match complete(outcome, shape) {
        Ok(result) => {
            out.extend_from_slice(b",\"result\":");
            write_call_result(out, &result).map(|()| Reply::Result)
        }
        Err(error) => write_error(out, &error),
    };
    // A value that fails to serialise has written half of itself.
    let reply = written.unwrap_or_else(|failure| {
        out.truncate(start);
        begin(out, framing, id);
        let error = ErrorData::internal_error(format!("Internal error: {failure}"), None);
        write_error(out, &error).unwrap_or(Reply::Error(error.code))
    });
    end(out, framing);
    reply
}

/// Appends the reply to request `id`, whose result is the JSON in `result`.
pub(super) fn write_result(out: &mut Vec<u8>, framing: Framing, id: &Id<'_>, result: &[u8]) {
    begin(out, framing, id.json());
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(result);
    end(out, framing);
}

fn begin(out: &mut Vec<u8>, framing: Framing, id: &str) {
    out.extend_from_slice(framing.prefix.as_bytes());
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.as_bytes());
}

fn end(out: &mut Vec<u8>, framing: Framing) {
    out.push(b'}');
    out.extend_from_slice(framing.suffix.as_bytes());
}

fn write_error(out: &mut Vec<u8>, error: &ErrorData) -> serde_json::Result<Reply> {
    out.extend_from_slice(b",\"error\":");
    serde_json::to_writer(out, error)?;
    Ok(Reply::Error(error.code))
}

/// Appends the beginning of a complete result; more members have to follow.
fn begin_result(out: &mut Vec<u8>, shape: Shape) {
    out.extend_from_slice(b",\"result\":{");
    if shape == Shape::SelfContained {
        out.extend_from_slice(b"\"resultType\":\"complete\",");
    }
}

/// The beginning of rmcp's error for arguments that a tool cannot read. rmcp reports it in band.
const INVALID_ARGUMENTS: &str = "failed to deserialize parameters";

/// Serialises `outcome`, if it is a result.
pub(super) fn serialized(outcome: Outcome) -> Result<SerializedResult, ErrorData> {
    let mut out = Vec::new();
    let outcome = match outcome {
        Outcome::Sdk(outcome) => outcome,
        Outcome::Structured(json) => {
            out.push(b'{');
            write_structured(&mut out, &json);
            return Ok(SerializedResult::new(out, false));
        }
        Outcome::Serialized(result) => return Ok(result),
    };
    let result = complete(outcome, Shape::Handshake)?;
    write_call_result(&mut out, &result)
        .map_err(|failure| ErrorData::internal_error(format!("Internal error: {failure}"), None))?;
    Ok(SerializedResult::new(out, result.is_error == Some(true)))
}

/// Appends the members of a complete result whose structured content is `json`, and closes it.
/// `json` has no control characters outside of strings.
fn write_structured(out: &mut Vec<u8>, json: &[u8]) {
    out.reserve(2 * json.len() + 128);
    out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":\"");
    let mut rest = json;
    // serde_json has escaped all other characters that need it.
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\"}],\"structuredContent\":");
    out.extend_from_slice(json);
    out.extend_from_slice(b",\"isError\":false}");
}

/// Returns the result to write, as rmcp's handler would return it.
fn complete(
    outcome: Result<CallToolResponse, ErrorData>,
    shape: Shape,
) -> Result<CallToolResult, ErrorData> {
    match outcome {
        Ok(CallToolResponse::Complete(result)) => {
            let mut result = ServerResult::CallToolResult(result);
            if shape == Shape::Handshake {
                result.strip_result_type_for_legacy_peer();
            }
            match result {
                ServerResult::CallToolResult(result) => Ok(result),
                _ => Err(not_complete()),
            }
        }
        Ok(_) => Err(not_complete()),
        Err(error) if is_invalid_arguments(&error) => {
            let text = ContentBlock::text(error.message);
            complete(Ok(CallToolResult::error(vec![text]).into()), shape)
        }
        Err(error) => Err(error),
    }
}

/// Returns how a call with this outcome ends for its client.
pub(super) fn end_of(outcome: &Outcome) -> CallEnd {
    match outcome {
        Outcome::Serialized(result) if result.is_error() => CallEnd::ToolError,
        Outcome::Structured(_) | Outcome::Serialized(_) => CallEnd::Succeeded,
        Outcome::Sdk(Ok(response)) if !matches!(response, CallToolResponse::Complete(_)) => {
            CallEnd::error(not_complete().code)
        }
        Outcome::Sdk(Err(error)) if is_invalid_arguments(error) => CallEnd::ToolError,
        Outcome::Sdk(outcome) => CallEnd::of(outcome),
    }
}

/// Whether rmcp reports `error` in band.
fn is_invalid_arguments(error: &ErrorData) -> bool {
    error.code == ErrorCode::INVALID_PARAMS && error.message.starts_with(INVALID_ARGUMENTS)
}

fn not_complete() -> ErrorData {
    ErrorData::internal_error(
        "a tool that asks its client for more cannot be fast: take it out of fast_tools!",
        None,
    )
}

/// Appends a [`CallToolResult`] as it serialises itself, with a short cut for texts.
fn write_call_result(out: &mut Vec<u8>, result: &CallToolResult) -> serde_json::Result<()> {
    let [
        ContentBlock::Text(TextContent {
            text,
            meta: None,
            annotations: None,
            ..
        }),
    ] = result.content.as_slice()
    else {
        return serde_json::to_writer(out, result);
    };
    out.push(b'{');
    if let Some(result_type) = &result.result_type {
        member(out, "\"resultType\":", result_type)?;
        out.push(b',');
    }
    out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":");
    serde_json::to_writer(&mut *out, text)?;
    out.extend_from_slice(b"}]");
    if let Some(structured) = &result.structured_content {
        member(out, ",\"structuredContent\":", structured)?;
    }
    if let Some(is_error) = result.is_error {
        member(out, ",\"isError\":", &is_error)?;
    }
    if let Some(meta) = &result.meta {
        member(out, ",\"_meta\":", meta)?;
    }
    out.push(b'}');
    Ok(())
}

fn member(out: &mut Vec<u8>, name: &str, value: &impl Serialize) -> serde_json::Result<()> {
    out.extend_from_slice(name.as_bytes());
    serde_json::to_writer(out, value)
}
