//! Replies as bytes.

mod result;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rmcp::{
    ErrorData,
    model::{ErrorCode, RequestId},
};

pub(super) use self::result::written;
use self::result::{complete, write_call_result, write_structured};
use super::{Revision, call::Running, id::Id, outcome::Outcome};

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
        Outcome::Sdk(outcome) => outcome,
        Outcome::Structured(json) => {
            begin_result(out, shape);
            write_structured(out, &json);
            end(out, framing);
            return Reply::Result;
        }
        Outcome::Serialized(written) => {
            begin_result(out, shape);
            // Its brace is open already.
            out.extend_from_slice(&written.json()[1..]);
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

/// Appends the beginning of a complete result, which has more members.
fn begin_result(out: &mut Vec<u8>, shape: Shape) {
    out.extend_from_slice(b",\"result\":{");
    if shape == Shape::SelfContained {
        out.extend_from_slice(b"\"resultType\":\"complete\",");
    }
}
