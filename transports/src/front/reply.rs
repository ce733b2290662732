//! Replies as bytes.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rmcp::{
    ErrorData,
    model::{
        CallToolResponse, CallToolResult, ContentBlock, ErrorCode, RequestId, ServerResult,
        TextContent,
    },
};
use serde::Serialize;

use super::{Revision, call::Running, id::Id, outcome::Outcome};

/// How rmcp begins what it says of arguments that a tool could not read; it says so in band.
const MISFIT: &str = "failed to deserialize parameters";

/// What stands around the JSON of a message on a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// Before it.
    pub prefix: &'static str,
    /// After it.
    pub suffix: &'static str,
}

impl Framing {
    /// Nothing: a message is a body of its own.
    pub const NONE: Self = Self {
        prefix: "",
        suffix: "",
    };
    /// A line each.
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

    /// `json` in its frame.
    #[must_use]
    pub fn framed(self, json: &[u8]) -> bytes::Bytes {
        [self.prefix.as_bytes(), json, self.suffix.as_bytes()]
            .concat()
            .into()
    }
}

/// What kind of reply it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A result, right or `isError`.
    Result,
    /// A JSON-RPC error of this code.
    Error(ErrorCode),
}

/// Which members a result has.
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

/// A call whose reply is still to be written.
pub struct RunningReply {
    call: Running,
    id: Box<str>,
    request_id: RequestId,
    shape: Shape,
    framing: Framing,
}

impl RunningReply {
    pub(super) fn new(call: Running, id: &Id<'_>, shape: Shape, framing: Framing) -> Self {
        Self {
            call,
            id: id.json().into(),
            request_id: id.to_request_id(),
            shape,
            framing,
        }
    }

    /// The id of the request.
    #[must_use]
    pub fn id(&self) -> &RequestId {
        &self.request_id
    }

    /// Whether the call ends when nobody waits for it any more: it does from 2026-07-28 on, and SHOULD NOT before
    /// (MCP, "Streamable HTTP", disconnection).
    #[must_use]
    pub fn ends_with_its_stream(&self) -> bool {
        self.shape == Shape::SelfContained
    }
}

impl Future for RunningReply {
    type Output = (Reply, Vec<u8>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let outcome = ready!(Pin::new(&mut this.call).poll(context));
        let mut out = Vec::with_capacity(256);
        let reply = write_outcome_for(&mut out, this.framing, &this.id, this.shape, outcome);
        Poll::Ready((reply, out))
    }
}

/// Appends the reply to request `id` that `outcome` is.
pub(super) fn write_outcome(
    out: &mut Vec<u8>,
    framing: Framing,
    id: &Id<'_>,
    shape: Shape,
    outcome: Outcome,
) -> Reply {
    write_outcome_for(out, framing, id.json(), shape, outcome)
}

fn write_outcome_for(
    out: &mut Vec<u8>,
    framing: Framing,
    id: &str,
    shape: Shape,
    outcome: Outcome,
) -> Reply {
    let start = out.len();
    begin(out, framing, id);
    let outcome = match outcome {
        Outcome::Rmcp(outcome) => outcome,
        Outcome::Structured(json) => {
            write_structured(out, shape, &json);
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
    // A value that does not serialise leaves half of itself behind.
    let reply = written.unwrap_or_else(|unwritable| {
        out.truncate(start);
        begin(out, framing, id);
        let error = ErrorData::internal_error(format!("Internal error: {unwritable}"), None);
        write_error(out, &error).unwrap_or(Reply::Error(error.code))
    });
    end(out, framing);
    reply
}

/// Appends the reply to request `id` whose result is `result`, JSON already.
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

/// Appends a complete result whose structured content is `json`, which has no character outside of strings
/// that a string could not hold.
fn write_structured(out: &mut Vec<u8>, shape: Shape, json: &[u8]) {
    out.reserve(2 * json.len() + 128);
    out.extend_from_slice(b",\"result\":{");
    if shape == Shape::SelfContained {
        out.extend_from_slice(b"\"resultType\":\"complete\",");
    }
    out.extend_from_slice(b"\"content\":[{\"type\":\"text\",\"text\":\"");
    let mut rest = json;
    // serde_json has escaped whatever else needs it.
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

/// The result to write, as rmcp's handler leaves it.
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
                _ => Err(unfit()),
            }
        }
        Ok(_) => Err(unfit()),
        Err(error)
            if error.code == ErrorCode::INVALID_PARAMS && error.message.starts_with(MISFIT) =>
        {
            let text = ContentBlock::text(error.message);
            complete(Ok(CallToolResult::error(vec![text]).into()), shape)
        }
        Err(error) => Err(error),
    }
}

fn unfit() -> ErrorData {
    ErrorData::internal_error(
        "a tool that asks its client for more cannot be fast: take it out of fast_tools!",
        None,
    )
}

/// The members of a [`CallToolResult`], as it serialises itself, but without a detour for texts.
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
