//! One client for every transport. It sends messages, and receives messages in any order.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};

use crate::{
    http::{Connection, Headers, Post, Reply},
    server::{LONG, Server, Transport},
};

/// The revision of clients in tests that are not about revisions.
pub(crate) const REVISION: &str = "2025-06-18";

/// A `tools/call` request.
pub(crate) fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": "tools/call",
        "params": {"name": tool, "arguments": arguments}})
}

/// The notification that cancels request `id`.
pub(crate) fn cancel(id: impl Into<Value>) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id.into()}})
}

pub(crate) fn initialize(revision: &str) -> Value {
    let params = json!({"protocolVersion": revision, "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"}});
    json!({"jsonrpc": "2.0", "id": "initialize", "method": "initialize", "params": params})
}

pub(crate) fn initialized() -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/initialized"})
}

/// The text of a tool's result.
pub(crate) fn text_of(answer: &Value) -> &str {
    let text = answer["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text in {answer}"))
}

/// A client of any server.
pub(crate) struct Client {
    pub(crate) link: Link,
    pub(crate) received: UnboundedReceiver<Value>,
    sender: UnboundedSender<Value>,
}

/// How a client sends its messages.
pub(crate) enum Link {
    Pipe(DuplexStream),
    /// Posts to an endpoint; answers come on the stream.
    Posts(SocketAddr, String, Headers),
    /// Posts, each on a connection of its own that carries its answer.
    Streamable(SocketAddr, Headers),
}

impl Client {
    /// Connects a client that has finished its handshake.
    pub(crate) async fn ready(server: &mut Server) -> Self {
        Self::of(server, REVISION).await
    }

    /// Connects a client that has agreed on `revision`.
    pub(crate) async fn of(server: &mut Server, revision: &str) -> Self {
        let mut client = Self::connect(server).await;
        if let Link::Streamable(address, headers) = &mut client.link {
            let post = Post::new("/mcp", &initialize(revision));
            let reply = Connection::open(*address).await.exchange(&post).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.messages().len(), 1, "{reply:?}");
            headers.push(("mcp-protocol-version", revision.into()));
            if let Some(id) = reply.header("mcp-session-id") {
                headers.push(("mcp-session-id", id.into()));
            }
        } else {
            client.send(&initialize(revision)).await;
            let answer = client.receive().await;
            assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
        }
        client.send(&initialized()).await;
        client
    }

    /// Connects a client that has sent nothing yet.
    pub(crate) async fn connect(server: &mut Server) -> Self {
        let (sender, received) = mpsc::unbounded_channel();
        let link = match server.way.transport {
            Transport::Stdio => {
                let (stdin, stdout) = server.pipes();
                tokio::spawn(read_lines(stdout, sender.clone()));
                Link::Pipe(stdin)
            }
            Transport::Sse => open_stream(server.address(), sender.clone()).await,
            Transport::Stateless(_) | Transport::Session(_) => {
                Link::Streamable(server.address(), Vec::new())
            }
        };
        Self {
            link,
            received,
            sender,
        }
    }

    /// Sends a message or a batch. The server has accepted it when this returns, unless it is a
    /// request over Streamable HTTP.
    pub(crate) async fn send(&mut self, message: &Value) {
        match &mut self.link {
            Link::Pipe(stdin) => {
                let line = format!("{message}\n");
                stdin.write_all(line.as_bytes()).await.unwrap();
            }
            Link::Posts(address, ..) => {
                let address = *address;
                let post = self.request(message);
                let reply = Connection::open(address).await.exchange(&post).await;
                assert_eq!((reply.status, reply.body.as_str()), (202, ""));
            }
            Link::Streamable(..) => {
                let answered = self.post(message).await;
                if message.get("id").is_none() && !message.is_array() {
                    let reply = answered.await.unwrap();
                    assert_eq!((reply.status, reply.body.as_str()), (202, ""));
                }
            }
        }
    }

    /// Posts `message` over Streamable HTTP. Its answer is received, and returned.
    pub(crate) async fn post(&mut self, message: &Value) -> tokio::task::JoinHandle<Reply> {
        let post = self.request(message);
        let Link::Streamable(address, _) = self.link else {
            panic!("it is not Streamable HTTP");
        };
        let mut connection = Connection::open(address).await;
        connection.send(&post).await;
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let reply = connection.reply().await;
            for message in reply.messages() {
                // The receiver is gone when the test is over.
                let _ = sender.send(message);
            }
            reply
        })
    }

    /// Posts `message` without waiting. The messages of its response are received.
    pub(crate) fn post_in_background(&self, message: &Value) -> tokio::task::JoinHandle<Reply> {
        let post = self.request(message);
        let (Link::Posts(address, ..) | Link::Streamable(address, _)) = self.link else {
            panic!("stdio has no POST");
        };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let reply = Connection::open(address).await.exchange(&post).await;
            for message in reply.messages() {
                // The receiver is gone when the test is over.
                let _ = sender.send(message);
            }
            reply
        })
    }

    /// Adds a header to every POST.
    pub(crate) fn add_header(&mut self, name: &'static str, value: &str) {
        if let Link::Posts(.., headers) | Link::Streamable(_, headers) = &mut self.link {
            headers.push((name, value.into()));
        }
    }

    /// Builds the POST that carries `message`.
    pub(crate) fn request(&self, message: &Value) -> Post {
        match &self.link {
            Link::Pipe(_) => panic!("stdio has no POST"),
            Link::Posts(_, endpoint, headers) => Post::with(endpoint, message, headers),
            Link::Streamable(_, headers) => Post::with("/mcp", message, headers),
        }
    }

    /// Receives the next message.
    pub(crate) async fn receive(&mut self) -> Value {
        let received = timeout(LONG, self.received.recv()).await;
        received
            .expect("a message comes")
            .expect("it is not the end")
    }

    /// Receives `count` messages, and sorts them by id.
    pub(crate) async fn receive_all(&mut self, count: usize) -> Vec<Value> {
        let mut received = Vec::new();
        for _ in 0..count {
            received.push(self.receive().await);
        }
        received.sort_by_key(|answer| answer["id"].to_string());
        received
    }

    /// Asserts that no message comes for a while.
    pub(crate) async fn receives_nothing(&mut self) {
        let received = timeout(Duration::from_millis(100), self.received.recv()).await;
        assert!(received.is_err(), "{received:?}");
    }

    /// Sends a request and receives its answer, which has to be the next message.
    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.send(message).await;
        let answer = self.receive().await;
        assert_eq!(answer["id"], message["id"], "{answer}");
        answer
    }

    /// Asserts that the server still answers.
    pub(crate) async fn is_served(&mut self) {
        for tool in ["now", "wait", "wait_slowly"] {
            let answer = self.ask(&call("served?", tool, json!({"ms": 0}))).await;
            assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
        }
    }

    /// Asserts that the server ends this client's stream without another message.
    pub(crate) async fn ends(mut self) {
        drop(self.sender);
        let received = timeout(LONG, self.received.recv()).await;
        assert_eq!(received.expect("it ends"), None);
    }
}

/// Reads lines until the output ends.
async fn read_lines(stdout: DuplexStream, sender: UnboundedSender<Value>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        // The receiver is gone when the test is over.
        let _ = sender.send(serde_json::from_str(&line).expect("a message"));
    }
}

/// Opens an event stream, which is read until it ends.
async fn open_stream(address: SocketAddr, sender: UnboundedSender<Value>) -> Link {
    let mut stream = Connection::open(address).await;
    let get = format!("GET /sse HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write(&get).await;
    assert_eq!(stream.head().await.status, 200);
    let first = stream.chunk().await.expect("an event");
    let endpoint = data(&first, "endpoint").next().expect("an endpoint");
    let link = Link::Posts(address, endpoint.to_owned(), Vec::new());
    tokio::spawn(async move {
        while let Some(chunk) = stream.chunk().await {
            for data in data(&chunk, "message") {
                // The receiver is gone when the test is over.
                let _ = sender.send(serde_json::from_str(data).expect("a message"));
            }
        }
    });
    link
}

/// Returns the data of the events in `chunk`, which must be whole and of type `name`, or comments.
fn data<'c>(chunk: &'c str, name: &str) -> impl Iterator<Item = &'c str> {
    let event = format!("event: {name}\ndata: ");
    assert!(chunk.ends_with("\n\n"), "{chunk:?}");
    let events = chunk.split_terminator("\n\n");
    let events = events.filter(|event| !event.starts_with(':'));
    events.map(move |one| one.strip_prefix(&*event).expect("an event of that type"))
}
