//! The fast path: one JSON-RPC message in; its answer, a running call, or "not mine" out.
//!
//! A [`FastPath`] takes the messages that matter for speed and only where rmcp's answer is known
//! beforehand to be the same: calls of the tools that [`fast_tools!`](crate::fast_tools) names and, where
//! there are no sessions, what every client sends before its first call. Whatever is doubtful it leaves
//! to rmcp: an unknown member, a key twice, arguments that do not fit. It reads bytes and writes bytes:
//! it has no socket and no clock, so the same front stands before Streamable HTTP, SSE and stdio.
//!
//! Left to others: which headers a message came with ([`MessageContext`] carries what they said), which ids
//! are in flight, and what a reply is sent on.

mod arguments;
mod call;
mod counters;
mod handshake;
mod id;
mod message;
mod meta;
mod outcome;
mod reply;
mod tools;
mod serialized_result;

use std::task::{Context, Poll};

use futures::{FutureExt, task::noop_waker_ref};
pub use serde_json::value::RawValue;

pub(crate) use self::{call::Words, meta::PROTOCOL_VERSION};
pub use self::{
    call::{FastCall, Running},
    counters::{Counters, FallbackReason},
    handshake::Handshake,
    outcome::{FastResult, Outcome},
    reply::{Framing, Reply, RunningReply},
    tools::{FastTools, ToolMethod, call},
    serialized_result::SerializedResult,
};
use self::{
    id::Id,
    message::Message,
    reply::Shape,
    tools::{Known, known},
};
use crate::{in_flight::InFlight, rejection::Rejection};

/// The revisions that this front knows, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(usize);

/// What the transport knows of a message besides its bytes.
#[derive(Clone, Copy)]
pub struct MessageContext<'a> {
    /// The revision that the message is sent in.
    pub revision: Revision,
    /// Whether a header names that revision, or it is assumed.
    pub is_named: bool,
    /// `Mcp-Method` and `Mcp-Name`, on a wire that has headers. From 2026-07-28 on they have to say what
    /// the message says.
    pub headers: Option<StandardHeaders<'a>>,
    /// Whether every message stands alone, so that the handshake may be answered from what it always is.
    pub stateless: bool,
    /// Where ids are kept: the client's other requests, whose ids are not free.
    pub(crate) in_flight: Option<&'a InFlight>,
}

/// The headers that repeat what a message says (MCP 2026-07-28, "Standard Request Headers").
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardHeaders<'a> {
    /// `Mcp-Method`.
    pub method: Option<&'a [u8]>,
    /// `Mcp-Name`.
    pub name: Option<&'a [u8]>,
}

/// What became of a message.
pub enum Dispatch {
    /// It is answered: the reply is appended to the output.
    Answered(Reply),
    /// It is a notification that asks for nothing.
    Accepted,
    /// Its id is in flight already.
    Rejected(Rejection),
    /// It is a call that takes its time.
    Pending(Box<RunningReply>),
    /// It is rmcp's; the output is as it was.
    Fallback(FallbackReason),
}

/// The fast path before the handler `S`.
pub struct FastPath<S> {
    server: S,
    tools: Vec<Known>,
    handshake: Handshake,
    counters: Counters,
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
    /// What a request without `MCP-Protocol-Version` is sent in (MCP 2025-06-18, "Protocol Version Header").
    pub const ASSUMED: Self = Self(1);
    /// The only one that has batches.
    pub const V_2025_03_26: Self = Self(1);
    const NAMES: [&'static str; 5] = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::NAMES.len()).map(Self)
    }

    /// The revision of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let found = Self::NAMES
            .iter()
            .position(|known| known.as_bytes() == name);
        found.map(Self)
    }

    /// Its name, a date.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0]
    }

    /// Whether each request says of itself what older ones agree on once.
    #[must_use]
    pub fn is_self_contained(self) -> bool {
        self >= Self::V_2026_07_28
    }
}

impl<S: FastTools> FastPath<S> {
    /// A front before `server`. Without a [`Handshake`] it leaves every handshake to rmcp.
    pub fn new(server: S, handshake: Handshake) -> Self {
        let tools = known(&server);
        Self {
            server,
            tools,
            handshake,
            counters: Counters::default(),
        }
    }

    /// How many messages were taken, and why others were not.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes the bytes of one message, if it is one for the fast path. A reply is appended to `out`,
    /// within `framing`.
    pub fn take(
        &self,
        bytes: &[u8],
        facts: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Dispatch {
        let taken = Message::read(bytes)
            .map_err(|_| FallbackReason::Message)
            .and_then(|message| self.dispatch(bytes, &message, facts, framing, out));
        match taken {
            Ok(taken) => {
                self.counters.taken();
                taken
            }
            Err(reason) => {
                self.counters.left(reason);
                Dispatch::Fallback(reason)
            }
        }
    }

    fn dispatch(
        &self,
        bytes: &[u8],
        message: &Message<'_>,
        facts: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Dispatch, FallbackReason> {
        let meta = message.meta();
        if !meta.fits(facts.revision) {
            return Err(FallbackReason::Metadata);
        }
        if facts.revision.is_self_contained()
            && let Some(headers) = facts.headers
            && headers.method != Some(message.method.as_bytes())
        {
            return Err(FallbackReason::Headers);
        }
        let Some(id) = message.id else {
            return self.note(message, facts);
        };
        let id = Id::read(id).ok_or(FallbackReason::Message)?;
        if let Some(in_flight) = facts.in_flight
            && in_flight.has(|| id.to_request_id())
        {
            return Ok(Dispatch::Rejected(Rejection::id_in_flight(id.to_request_id())));
        }
        if message.method == "tools/call" {
            return self.call(message, id, facts, framing, out);
        }
        if !facts.stateless {
            return Err(FallbackReason::Method);
        }
        let result = self.handshake.answer(bytes, message, facts)?;
        reply::write_result(out, framing, &id, result.as_bytes());
        Ok(Dispatch::Answered(Reply::Result))
    }

    /// Takes a notification. Without sessions nobody remembers that a client is initialized.
    fn note(&self, message: &Message<'_>, facts: &MessageContext<'_>) -> Result<Dispatch, FallbackReason> {
        let is_handshake = facts.stateless
            && self.handshake.is_known()
            && !facts.revision.is_self_contained()
            && message.method == "notifications/initialized"
            && message.has_only_meta();
        if is_handshake {
            Ok(Dispatch::Accepted)
        } else {
            Err(FallbackReason::Method)
        }
    }

    fn call(
        &self,
        message: &Message<'_>,
        id: Id<'_>,
        facts: &MessageContext<'_>,
        framing: Framing,
        out: &mut Vec<u8>,
    ) -> Result<Dispatch, FallbackReason> {
        let (name, arguments) = message.call().ok_or(FallbackReason::Message)?;
        let tool = self.tools.iter().find(|tool| tool.name == name);
        let tool = tool.ok_or(FallbackReason::Tool)?;
        if facts.revision.is_self_contained()
            && let Some(headers) = facts.headers
            && (headers.name != Some(name.as_bytes()) || tool.has_header_arguments)
        {
            return Err(FallbackReason::Headers);
        }
        if !arguments.is_none_or(arguments::is_plain_object) {
            return Err(FallbackReason::Arguments);
        }
        let shape = Shape::of(facts.revision);
        match self.server.fast_call(tool.name, arguments) {
            FastCall::NotMine => Err(FallbackReason::Tool),
            FastCall::Misfit => Err(FallbackReason::Arguments),
            FastCall::Ready(outcome) => {
                let reply = reply::write_outcome(out, framing, &id, shape, outcome);
                Ok(Dispatch::Answered(reply))
            }
            FastCall::Running(mut call) => {
                // One that needs not wait needs no task either.
                let mut nobody = Context::from_waker(noop_waker_ref());
                if let Poll::Ready(outcome) = call.poll_unpin(&mut nobody) {
                    let reply = reply::write_outcome(out, framing, &id, shape, outcome);
                    return Ok(Dispatch::Answered(reply));
                }
                let reply = RunningReply::new(call, &id, shape, framing);
                Ok(Dispatch::Pending(Box::new(reply)))
            }
        }
    }
}
