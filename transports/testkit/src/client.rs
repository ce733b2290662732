//! MCP clients over each wire, with nothing in between that could be kind to the server. They
//! block.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::{
    http::{Connection, Request, once},
    message::{self, notification, request},
    process::Process,
    stdio::Stdio,
};

/// A way for messages to travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Lines on standard input and output.
    Stdio,
    /// Legacy HTTP+SSE.
    Sse,
    /// Streamable HTTP without sessions.
    Stateless(Answers),
    /// Streamable HTTP with sessions.
    Stateful(Answers),
}

/// The form in which a Streamable HTTP server answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// One JSON message.
    Json,
    /// An event stream.
    EventStream,
}

impl Wire {
    /// The content type of answers over Streamable HTTP.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Stateless(answers) | Self::Stateful(answers) => match answers {
                Answers::Json => "application/json",
                Answers::EventStream => "text/event-stream",
            },
            Self::Stdio | Self::Sse => panic!("{self:?} is not Streamable HTTP"),
        }
    }
}

/// One client's end of a wire.
pub enum Peer {
    /// At a process's pipes.
    Stdio(Stdio),
    /// With an open event stream.
    Sse(Sse),
    /// On one connection.
    Streamable(Box<Streamable>),
}

impl Peer {
    /// Connects to `server`, which speaks `wire`. Over stdio only once.
    pub fn connect(server: &mut Process, wire: Wire) -> Self {
        match wire {
            Wire::Stdio => Self::Stdio(Stdio::new(server.pipes())),
            Wire::Sse => Self::Sse(Sse::open(server.address())),
            Wire::Stateless(_) | Wire::Stateful(_) => {
                Self::Streamable(Box::new(Streamable::new(server, wire)))
            }
        }
    }

    /// Sends a request; [`Peer::end`] reads an answer.
    pub fn begin(&mut self, message: &str) {
        match self {
            Self::Stdio(stdio) => stdio.write(message),
            Self::Sse(sse) => sse.post(message),
            Self::Streamable(streamable) => streamable.send(message),
        }
    }

    /// Reads the next message of the server.
    pub fn end(&mut self) -> Value {
        match self {
            Self::Stdio(stdio) => stdio.read().expect("standard output goes on"),
            Self::Sse(sse) => sse.events.message().unwrap().expect("the stream goes on"),
            Self::Streamable(streamable) => streamable.answer(),
        }
    }

    /// Sends a notification.
    pub fn notify(&mut self, message: &str) {
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

    /// Whether the server ends this client's stream, and sends nothing before.
    pub fn ended(&mut self) -> bool {
        match self {
            Self::Stdio(stdio) => stdio.read().is_none(),
            Self::Sse(sse) => sse.events.event().unwrap().is_none(),
            Self::Streamable(streamable) => streamable.connection.closes(),
        }
    }

    /// A POST of `message` in this client's session. Panics over stdio.
    #[must_use]
    pub fn request(&self, message: &str) -> Request {
        match self {
            Self::Sse(sse) => sse.request(message),
            Self::Streamable(streamable) => streamable.request(message),
            Self::Stdio(_) => panic!("there are no posts over stdio"),
        }
    }
}

/// A client of legacy SSE.
pub struct Sse {
    /// The stream of the server's messages.
    pub events: Connection,
    /// The path to post to.
    pub endpoint: String,
    server: SocketAddr,
}

impl Sse {
    /// Opens a stream.
    #[must_use]
    pub fn open(server: SocketAddr) -> Self {
        let mut events = Connection::open(server);
        events.send(&Request::get("/sse").with("Accept", "text/event-stream"));
        let head = events.head();
        assert_eq!(
            (head.status, head.content_type()),
            (200, "text/event-stream")
        );
        assert_eq!(head.header("cache-control"), Some("no-cache"));
        let first = events.event().unwrap().expect("an event");
        assert_eq!(first.name, "endpoint");
        Self {
            events,
            endpoint: first.data,
            server,
        }
    }

    /// A post as clients of this transport make it.
    #[must_use]
    pub fn request(&self, message: &str) -> Request {
        Request::message(&self.endpoint, message).header("Accept", "*/*")
    }

    /// Posts a message, which must be accepted.
    pub fn post(&self, message: &str) {
        let response = once(self.server, &self.request(message));
        assert_eq!((response.status, response.text()), (202, String::new()));
    }
}

/// A client of Streamable HTTP, with the session and the revision that the server gave it.
pub struct Streamable {
    /// The connection of its requests.
    pub connection: Connection,
    /// The session, once there is one.
    pub session: Option<String>,
    /// The revision, after the handshake.
    pub revision: Option<String>,
    path: String,
    content_type: &'static str,
}

impl Streamable {
    fn new(server: &Process, wire: Wire) -> Self {
        Self {
            connection: Connection::open(server.address()),
            session: None,
            revision: None,
            path: server.path().into(),
            content_type: wire.content_type(),
        }
    }

    /// A request in this client's session.
    #[must_use]
    pub fn request(&self, message: &str) -> Request {
        self.dress(Request::message(&self.path, message))
    }

    /// `request` with the headers of this client's session.
    #[must_use]
    pub fn dress(&self, mut request: Request) -> Request {
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
        assert!(!response.body.starts_with(b"["), "{}", response.text());
        if let Some(session) = response.header("mcp-session-id") {
            self.session = Some(session.into());
        }
        let mut messages = response.messages();
        assert_eq!(messages.len(), 1, "{}", response.text());
        messages.remove(0)
    }
}

/// A client that numbers its requests and checks what every answer must be.
pub struct Client {
    /// Its end of the wire.
    pub peer: Peer,
    next_id: u64,
}

impl Client {
    /// Connects to `server` and shakes hands.
    pub fn ready(server: &mut Process, wire: Wire) -> Self {
        let mut client = Self::connect(server, wire);
        client.shake_hands(message::REVISION);
        client
    }

    /// Connects to `server` and sends nothing yet.
    pub fn connect(server: &mut Process, wire: Wire) -> Self {
        Self {
            peer: Peer::connect(server, wire),
            next_id: 1,
        }
    }

    /// Initializes at `revision` and returns the result.
    pub fn shake_hands(&mut self, revision: &str) -> Value {
        let answer = self.request("initialize", &message::initialize(revision));
        let result = answer["result"].clone();
        if let Peer::Streamable(streamable) = &mut self.peer {
            streamable.revision = result["protocolVersion"].as_str().map(Into::into);
        }
        self.notify("notifications/initialized", &json!({}));
        result
    }

    /// Sends a request and reads its answer.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.peer.end();
        assert_eq!(answer["id"], id, "{answer}");
        assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
        answer
    }

    /// Sends a request and returns its id.
    pub fn begin(&mut self, method: &str, params: &Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.peer
            .begin(&request(id.clone(), method, params).to_string());
        id
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: &Value) {
        self.peer.notify(&notification(method, params).to_string());
    }

    /// Cancels the request `id`.
    pub fn cancel(&mut self, id: Value) {
        self.peer.notify(&message::cancel(id).to_string());
    }

    /// Calls a tool and returns the whole result, an error or not.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.request("tools/call", &message::params(tool, arguments));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool that must fail in band, and returns the text of the error.
    pub fn wrong(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        message::text(&result).to_owned()
    }

    /// Sends a request that must be answered with a JSON-RPC error, and returns its code.
    pub fn error(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer["error"]["message"].is_string(), "{answer}");
        answer["error"]["code"].clone()
    }
}
