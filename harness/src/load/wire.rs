//! What a wire is to the engine: it carries one message of a client at a time and brings the answer. What an answer
//! says is not looked at here, but for the id where several clients share a pipe.
//!
//! Nothing blocks. All sources are registered edge-triggered, once, for reading and writing; a read that fills less
//! than the buffer has taken what was there, so that a call normally costs one `read` and one `write`.

mod connection;
mod sse;
mod stdio;
mod streamable;

use std::{
    io::{self, Read, Write},
    time::Instant,
};

use mio::event::Event;

use super::{
    head::Form,
    message::Message,
    outcome::{CallError, ErrorKind},
};

pub(super) use sse::Sse;
pub(super) use stdio::Stdio;
pub(super) use streamable::Streamable;

/// The size of the buffer that everything is read into, in bytes.
const READ_BUFFER: usize = 64 * 1024;

/// The answer to a client's message.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The HTTP status; 200 on a wire that has none, 202 for a notification that has been sent.
    pub(super) status: u16,
    pub(super) form: Form,
    pub(super) body: &'a [u8],
    /// `Mcp-Session-Id`, where the answer brought one.
    pub(super) session: Option<&'a [u8]>,
    /// When the first read returned, where the answer took more than one and the wire can tell.
    pub(super) began: Option<Instant>,
    /// When the read returned that made the answer complete.
    pub(super) at: Instant,
}

/// What happened to a client.
#[derive(Debug)]
pub(super) enum Happened<'a> {
    /// Its connection is open as far as the first message needs it.
    Opened,
    /// Its message is answered, and the wire is free for its next one.
    Answered(Answer<'a>),
    /// Its connection is gone, and with it what it had sent. The wire has already dropped it.
    Failed(CallError),
    /// An answer came that belongs to no message.
    Stray(CallError),
}

/// Where a wire tells what happened, and to which client.
pub(super) type Tell<'t> = dyn FnMut(usize, Happened<'_>) + 't;

/// What went over a wire so far.
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
    /// Requests of JSON-RPC sent, which no wire counts itself.
    pub(super) json_rpc_requests: u64,
}

/// A wire with all the clients on it.
pub(super) trait Wire {
    /// Whether all clients share one session.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether a session lives on when its connection is lost.
    fn session_survives(&self) -> bool {
        true
    }

    /// Whether the client could send a message now: it has a connection, or there is one for it.
    fn has_room(&self, _client: usize) -> bool {
        true
    }

    /// Opens the client's connection, in place of one that it may have.
    fn open(&mut self, client: usize, tell: &mut Tell<'_>);

    /// Drops the client's connection; an answer that is still to come must not be taken for another's.
    fn close(&mut self, client: usize);

    /// The client's handshake begins: what an earlier one agreed on is forgotten.
    fn forget(&mut self, _client: usize) {}

    /// The client's handshake has agreed on a revision and, where the server keeps sessions, on this one.
    fn agree(&mut self, _client: usize, _session: Option<&[u8]>) {}

    /// The client's next call is made in the session that another one opened.
    fn lend(&mut self, _client: usize, _lender: usize) {}

    /// Sends a message of a client that is open and has none under way.
    fn send(&mut self, client: usize, message: &Message, id: u32, tell: &mut Tell<'_>);

    /// Ends the client's session if the wire has a message for that; then its answer is told.
    fn send_delete(&mut self, _client: usize, _tell: &mut Tell<'_>) -> bool {
        false
    }

    /// Writes what was put by for one common write.
    fn flush(&mut self, _tell: &mut Tell<'_>) {}

    /// Acts on what the poll reported.
    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>);

    /// What went over the wire so far.
    fn traffic(&self) -> Traffic;

    /// The subject has gone and no connection can be made again.
    fn is_gone(&self) -> bool {
        false
    }
}

/// What one read brought.
#[derive(Debug, Eq, PartialEq)]
enum Input {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Blocked,
    /// The end.
    End,
}

fn read_some(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<Input> {
    loop {
        match source.read(buffer) {
            Ok(0) => return Ok(Input::End),
            Ok(length) => return Ok(Input::Bytes(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Input::Blocked),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes on their way out.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Writes as much as is taken. Returns how much that was.
    fn flush(&mut self, sink: &mut impl Write) -> io::Result<usize> {
        let before = self.sent;
        while self.sent < self.bytes.len() {
            match sink.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let written = self.sent - before;
        if self.sent == self.bytes.len() {
            self.clear();
        }
        Ok(written)
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

fn transport(doing: &str, error: &io::Error) -> CallError {
    CallError::new(ErrorKind::Transport, format!("{doing}: {error}"))
}

fn protocol(text: impl Into<String>) -> CallError {
    CallError::new(ErrorKind::Protocol, text)
}
