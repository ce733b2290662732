//! Raw clients: JSON messages over each wire, with nothing in between that could be kind to the
//! server.

use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{ChildStdin, ChildStdout},
};

use serde_json::Value;

use super::{
    Server, Wire,
    events::Events,
    http::{Connection, Request, Response, once},
};

/// One client's end of a wire.
pub(crate) enum Peer {
    Stdio(Stdio),
    Sse(Sse),
    Streamable(Box<Streamable>),
}

impl Peer {
    /// Connects to `server`. Over stdio only once.
    pub(crate) fn connect(server: &mut Server) -> Self {
        match server.subject.wire {
            Wire::Stdio => Self::Stdio(Stdio::new(server.pipes())),
            Wire::Sse => Self::Sse(Sse::open(server.address())),
            Wire::Stateless(_) | Wire::Stateful(_) => {
                Self::Streamable(Box::new(Streamable::new(server)))
            }
        }
    }

    /// Sends a request; [`Peer::end`] reads an answer.
    pub(crate) fn begin(&mut self, message: &str) {
        match self {
            Self::Stdio(stdio) => stdio.write(message),
            Self::Sse(sse) => sse.post(message),
            Self::Streamable(streamable) => streamable.send(message),
        }
    }

    /// Reads the next message of the server.
    pub(crate) fn end(&mut self) -> Value {
        match self {
            Self::Stdio(stdio) => stdio.read().expect("standard output goes on"),
            Self::Sse(sse) => sse.events.message().unwrap().expect("the stream goes on"),
            Self::Streamable(streamable) => streamable.answer(),
        }
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, message: &str) {
        match self {
            Self::Stdio(stdio) => stdio.write(message),
            Self::Sse(sse) => sse.post(message),
            Self::Streamable(streamable) => {
                streamable.send(message);
                let response = streamable.connection.response();
                assert_eq!((response.status, response.text()), (202, String::new()));
            }
        }
    }

    /// Whether the server ends this client's stream, and says nothing before.
    pub(crate) fn ended(&mut self) -> bool {
        match self {
            Self::Stdio(stdio) => stdio.read().is_none(),
            Self::Sse(sse) => sse.events.next().unwrap().is_none(),
            Self::Streamable(streamable) => streamable.connection.closes(),
        }
    }
}

/// A client at standard input and output.
pub(crate) struct Stdio {
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Stdio {
    fn new((stdin, stdout): (ChildStdin, ChildStdout)) -> Self {
        Self {
            stdin: Some(stdin),
            stdout: BufReader::new(stdout),
        }
    }

    pub(crate) fn write(&mut self, message: &str) {
        let stdin = self.stdin.as_mut().expect("input has not ended");
        stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    /// Ends the server's input, after `rest`.
    pub(crate) fn end_input(&mut self, rest: &str) {
        self.take_input().write_all(rest.as_bytes()).unwrap();
    }

    /// The server's input, for somebody else to write.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.stdin.take().expect("input has not ended")
    }

    /// The next line, which must be a JSON-RPC message, or nothing at the end.
    pub(crate) fn read(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            return None;
        }
        assert!(line.ends_with('\n'), "a line that breaks off: {line}");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line}");
        Some(message)
    }
}

/// A client with an open event stream.
pub(crate) struct Sse {
    pub(crate) events: Events,
    address: SocketAddr,
    /// Where the stream said to post.
    pub(crate) endpoint: String,
}

impl Sse {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut connection = Connection::open(address);
        connection.send(&Request::get("/sse").header("Accept", "text/event-stream"));
        let head = connection.head();
        assert_eq!(
            (head.status, head.content_type()),
            (200, "text/event-stream")
        );
        assert_eq!(head.header("cache-control"), Some("no-cache"));
        let mut events = Events::of(connection);
        let first = events.next().unwrap().expect("an event");
        assert_eq!(first.name, "endpoint");
        Self {
            events,
            address,
            endpoint: first.data,
        }
    }

    /// Posts as clients of this transport do.
    pub(crate) fn request(&self, message: &str) -> Request {
        Request::message(&self.endpoint, message).header("Accept", "*/*")
    }

    pub(crate) fn post(&self, message: &str) {
        let response = once(self.address, &self.request(message));
        assert_eq!((response.status, response.text()), (202, String::new()));
    }
}

/// A client of Streamable HTTP, on one connection, with the session and the revision it was given.
pub(crate) struct Streamable {
    pub(crate) connection: Connection,
    path: String,
    content_type: &'static str,
    pub(crate) session: Option<String>,
    pub(crate) revision: Option<String>,
}

impl Streamable {
    fn new(server: &Server) -> Self {
        Self {
            connection: Connection::open(server.address()),
            path: server.path().into(),
            content_type: server.subject.content_type(),
            session: None,
            revision: None,
        }
    }

    /// A request in this client's session.
    pub(crate) fn request(&self, message: &str) -> Request {
        self.dress(Request::message(&self.path, message))
    }

    /// Adds the headers of this client's session.
    pub(crate) fn dress(&self, mut request: Request) -> Request {
        if let Some(session) = &self.session {
            request = request.header("Mcp-Session-Id", session);
        }
        if let Some(revision) = &self.revision {
            request = request.header("MCP-Protocol-Version", revision);
        }
        request
    }

    fn send(&mut self, message: &str) {
        let request = self.request(message);
        self.connection.send(&request);
    }

    fn answer(&mut self) -> Value {
        let response = self.connection.response();
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(response.content_type(), self.content_type);
        if let Some(session) = response.header("mcp-session-id") {
            self.session = Some(session.into());
        }
        let mut messages = messages(&response);
        assert_eq!(messages.len(), 1, "{}", response.text());
        messages.remove(0)
    }
}

/// The messages in a response, whichever way they were sent.
pub(crate) fn messages(response: &Response) -> Vec<Value> {
    let text = response.text();
    if response.content_type() == "application/json" {
        return vec![serde_json::from_str(&text).expect("JSON")];
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.map(str::trim)
        .filter(|data| !data.is_empty())
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}
