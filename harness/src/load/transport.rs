//! A transport carries one message of a client at a time and brings the answer.
//!
//! It does not look at what an answer says, but for the id where several clients share a pipe.
//! Nothing blocks. All sources are registered edge-triggered, once, for reading and writing; a read
//! that fills less than the buffer has taken everything, so that a call normally costs one `read`
//! and one `write`.

mod connection;
mod sse;
mod stdio;
mod streamable;

use std::time::Instant;

use mio::{Registry, event::Event};

use self::{sse::Sse, stdio::Stdio, streamable::Streamable};
use super::{
    errors::{CallError, CallResult, LoadResult},
    http1::Form,
    message::Message,
    plan::Target,
    requests::Revision,
};

/// The answer to a client's message.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The HTTP status; 200 on a transport without, 202 for a notification that has been sent.
    pub(super) status: u16,
    pub(super) form: Form,
    pub(super) body: &'a [u8],
    /// `Mcp-Session-Id`, if the answer brought one.
    pub(super) session: Option<&'a [u8]>,
    /// When the first read returned, where the message took more than one and the transport can
    /// tell.
    pub(super) began: Option<Instant>,
    /// When the read returned that completed the message.
    pub(super) at: Instant,
}

impl<'a> Answer<'a> {
    pub(super) fn new(status: u16, body: &'a [u8], at: Instant) -> Self {
        Self {
            status,
            form: Form::Other,
            body,
            session: None,
            began: None,
            at,
        }
    }

    /// A message of a transport that carries nothing else.
    fn message(body: &'a [u8], at: Instant) -> Self {
        Self {
            form: Form::Json,
            ..Self::new(200, body, at)
        }
    }
}

/// What happened to a client.
#[derive(Debug)]
pub(super) enum Happened<'a> {
    /// Its connection is ready for the first message.
    Opened,
    /// Its message is answered, and the transport is free for its next one.
    Answered(Answer<'a>),
    /// Its connection is lost, and what it had sent with it. The transport has dropped it.
    Failed(CallError),
    /// An answer came that belongs to no message.
    Stray(CallError),
}

/// The function that a transport calls with a client and what happened to it.
pub(super) type Tell<'t> = dyn FnMut(usize, Happened<'_>) + 't;

/// What went over a transport so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    /// Bytes read.
    pub(super) bytes_in: u64,
    /// Bytes written.
    pub(super) bytes_out: u64,
    /// Connections begun.
    pub(super) connects: u64,
    /// HTTP requests sent.
    pub(super) http_requests: u64,
    /// JSON-RPC requests sent; the driver counts them.
    pub(super) json_rpc_requests: u64,
}

/// A transport with all its clients.
pub(super) trait Transport {
    /// Whether all clients share one session.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether a session outlives its connection.
    fn session_survives(&self) -> bool {
        true
    }

    /// Whether the client has a connection, or there is a free one for it.
    fn has_room(&self, _client: usize) -> bool {
        true
    }

    /// Opens the client's connection, in place of one that it may have.
    fn open(&mut self, client: usize, tell: &mut Tell<'_>) -> CallResult;

    /// Drops the client's connection; a late answer is not taken for another one.
    fn close(&mut self, client: usize);

    /// The client's handshake begins: what an earlier one agreed on is forgotten.
    fn forget(&mut self, _client: usize) {}

    /// The client's handshake has agreed on a revision and on the session, if there is one.
    fn agree(&mut self, _client: usize, _session: Option<&[u8]>) {}

    /// The client's next call is made in the session that another one opened.
    fn lend(&mut self, _client: usize, _lender: usize) {}

    /// Sends a message of a client that is open and has none under way.
    fn send(&mut self, client: usize, message: &Message, id: u32) -> CallResult;

    /// Ends the client's session, where the transport has a message for that.
    fn send_delete(&mut self, _client: usize) -> CallResult {
        Ok(())
    }

    /// Writes what was collected for one common write.
    fn flush(&mut self, _tell: &mut Tell<'_>) {}

    /// Handles what the poll reported.
    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>);

    /// What went over the transport so far.
    fn traffic(&self) -> Traffic;

    /// Whether the subject is gone and no connection can be made again.
    fn is_gone(&self) -> bool {
        false
    }
}

/// The transport to a target for so many clients, with a pool of so many connections if there is
/// one.
pub(super) fn new(
    target: Target,
    registry: Registry,
    revision: Revision,
    (clients, pool): (usize, Option<usize>),
) -> LoadResult<Box<dyn Transport>> {
    let has_handshake = revision.has_handshake() && !matches!(target, Target::Floor { .. });
    Ok(match target {
        Target::Http { address, path, .. } | Target::Floor { address, path, .. } => {
            let mut transport = Streamable::new(registry, address, path, revision, (clients, pool));
            if !has_handshake {
                // Requests are those that come after a handshake: they cost as much as the others.
                (0..clients).for_each(|client| transport.agree(client, None));
            }
            Box::new(transport)
        }
        Target::Sse { address, path } => Box::new(Sse::new(registry, address, path, clients)),
        Target::Stdio { stdin, stdout, .. } => {
            Box::new(Stdio::new(&registry, stdin, stdout, clients)?)
        }
    })
}
