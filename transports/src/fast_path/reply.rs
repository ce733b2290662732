//! Writes replies.

mod result;

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rmcp::{ErrorData, model::ErrorCode};

pub(super) use self::result::serialized;
use self::result::{complete, write_call_result, write_structured};
use super::{Revision, call::Running, id::Id, outcome::Outcome};
use crate::in_flight::{CallGuard, UnsentAnswer};

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
}

/// The end of a [`PendingCall`].
pub struct Finished {
    /// What kind of reply it is.
    pub reply: Reply,
    /// The reply, framed.
    pub bytes: Vec<u8>,
    /// To be dropped when the reply is on its way.
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
        }
    }

    /// Whether a disconnection cancels the call: it does from 2026-07-28 on, and SHOULD NOT before (MCP,
    /// "Streamable HTTP", disconnection).
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
        let outcome = ready!(Pin::new(&mut this.call).poll(context));
        let unsent = match &mut this.guard {
            Some(guard) => match guard.finish() {
                Some(unsent) => unsent,
                None => return Poll::Ready(None),
            },
            None => UnsentAnswer::default(),
        };
        let mut bytes = Vec::with_capacity(256);
        let reply = write_outcome(&mut bytes, this.framing, &this.id, this.shape, outcome);
        Poll::Ready(Some(Finished {
            reply,
            bytes,
            unsent,
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
