//! The limits of a server, all in one place. Each field can be one flag.

use std::time::Duration;

/// How much a server takes from its clients. A transport ignores the limits that it has no use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message, in bytes: a request body over HTTP, a line over stdio.
    pub max_message_bytes: usize,
    /// Values in one message: the members of its objects and the elements of its arrays. Each takes
    /// two bytes of a message at least, and a hundred bytes of memory once it is read.
    pub max_values: usize,
    /// Messages in one batch (MCP 2025-03-26, "Batching").
    pub max_batch_messages: usize,
    /// Requests that one client may have in flight. Streamable HTTP without sessions does not know
    /// which client sends a request, so it does not count them.
    pub max_in_flight: usize,
    /// Messages that wait between stdio or SSE and the SDK, in each direction. A full queue stops
    /// the reader, so nothing grows without bound.
    pub max_queued_messages: usize,
    /// Bytes that wait for a client of stdio or SSE, and one message more.
    pub max_queued_bytes: usize,
    /// Sessions that may be open at once: of Streamable HTTP, or event streams of SSE. Each costs
    /// memory and a task.
    pub max_sessions: usize,
    /// Connections that may be open at once. An idle one makes room for a new one.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request, give or take a fifth. A slowloris
    /// attack takes longer.
    pub head_timeout: Duration,
    /// How long a connection stays open between two requests, give or take a fifth. Most clients
    /// close theirs earlier, so few requests meet a connection that is being closed.
    pub idle_timeout: Duration,
    /// How long a request body may take to arrive after its head.
    pub body_timeout: Duration,
    /// How long a client may leave an answer unread, give or take a fifth.
    pub write_timeout: Duration,
}

impl Limits {
    /// The default of [`Limits::max_message_bytes`] over stdio, where the client is the parent
    /// process.
    pub const STDIO_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

    /// The limits of a stdio server.
    #[must_use]
    pub fn stdio() -> Self {
        Self {
            max_message_bytes: Self::STDIO_MESSAGE_BYTES,
            ..Self::default()
        }
    }
}

impl Default for Limits {
    /// The limits of an HTTP server.
    fn default() -> Self {
        Self {
            max_message_bytes: 4 * 1024 * 1024,
            max_values: 100_000,
            max_batch_messages: 100,
            max_in_flight: 1024,
            max_queued_messages: 256,
            max_queued_bytes: 16 * 1024 * 1024,
            max_sessions: 10_000,
            max_connections: 10_000,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(5),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
        }
    }
}
