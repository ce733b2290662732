//! One client, whatever the way: it says messages, and hears those that come, in no order.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};

use crate::{
    http::{Connection, Post, Reply},
    server::{LONG, Server, Transport},
};

/// The revision of clients that are not about another.
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
    pub(crate) wire: Wire,
    pub(crate) heard: UnboundedReceiver<Value>,
    tell: UnboundedSender<Value>,
}

/// How a client's messages leave it.
pub(crate) enum Wire {
    Pipe(DuplexStream),
    /// Posts to an endpoint; answers come on the stream.
    Posts(SocketAddr, String),
    /// Posts, each on a connection of its own that brings its answer.
    Streamable(SocketAddr, Vec<(&'static str, String)>),
}

impl Client {
    /// A client that has shaken hands.
    pub(crate) async fn ready(server: &mut Server) -> Self {
        Self::of(server, REVISION).await
    }

    /// A client that has agreed on `revision`.
    pub(crate) async fn of(server: &mut Server, revision: &str) -> Self {
        let mut client = Self::connect(server).await;
        if let Wire::Streamable(address, headers) = &mut client.wire {
            let post = Post::new("/mcp", &initialize(revision));
            let reply = Connection::open(*address).await.exchange(&post).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.messages().len(), 1, "{reply:?}");
            headers.push(("mcp-protocol-version", revision.into()));
            if let Some(id) = reply.header("mcp-session-id") {
                headers.push(("mcp-session-id", id.into()));
            }
        } else {
            client.say(&initialize(revision)).await;
            let answer = client.hear().await;
            assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
        }
        client.say(&initialized()).await;
        client
    }

    /// A client that has said nothing yet.
    pub(crate) async fn connect(server: &mut Server) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let wire = match server.way.transport {
            Transport::Stdio => {
                let (stdin, stdout) = server.pipes();
                tokio::spawn(read_lines(stdout, tell.clone()));
                Wire::Pipe(stdin)
            }
            Transport::Sse => open_stream(server.address(), tell.clone()).await,
            Transport::Stateless(_) | Transport::Session(_) => {
                Wire::Streamable(server.address(), Vec::new())
            }
        };
        Self { wire, heard, tell }
    }

    /// Says a message, a batch of them, or something else. What is no request has been taken when this
    /// returns.
    pub(crate) async fn say(&mut self, message: &Value) {
        match &mut self.wire {
            Wire::Pipe(stdin) => {
                let line = format!("{message}\n");
                stdin.write_all(line.as_bytes()).await.unwrap();
            }
            Wire::Posts(address, endpoint) => {
                let post = Post::new(endpoint, message);
                let reply = Connection::open(*address).await.exchange(&post).await;
                assert_eq!((reply.status, reply.body.as_str()), (202, ""));
            }
            Wire::Streamable(..) => {
                let answered = self.post(message).await;
                if message.get("id").is_none() && !message.is_array() {
                    let reply = answered.await.unwrap();
                    assert_eq!((reply.status, reply.body.as_str()), (202, ""));
                }
            }
        }
    }

    /// Posts `message` over Streamable HTTP; its answer is heard, and given back.
    pub(crate) async fn post(&mut self, message: &Value) -> tokio::task::JoinHandle<Reply> {
        let post = self.request(message);
        let Wire::Streamable(address, _) = self.wire else {
            panic!("it is not Streamable HTTP");
        };
        let mut connection = Connection::open(address).await;
        connection.send(&post).await;
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let reply = connection.reply().await;
            for message in reply.messages() {
                // Nobody listens when the test is over.
                let _ = tell.send(message);
            }
            reply
        })
    }

    /// The POST that `message` is over Streamable HTTP.
    pub(crate) fn request(&self, message: &Value) -> Post {
        let Wire::Streamable(_, headers) = &self.wire else {
            panic!("it is not Streamable HTTP");
        };
        let post = Post::new("/mcp", message);
        let dress = |post: Post, (name, value): &(&'static str, String)| post.header(name, value);
        headers.iter().fold(post, dress)
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        let heard = timeout(LONG, self.heard.recv()).await;
        heard.expect("a message comes").expect("it is not the end")
    }

    /// The next `count` messages, by their ids.
    pub(crate) async fn hear_all(&mut self, count: usize) -> Vec<Value> {
        let mut heard = Vec::new();
        for _ in 0..count {
            heard.push(self.hear().await);
        }
        heard.sort_by_key(|answer| answer["id"].to_string());
        heard
    }

    /// Whether nothing is heard for a while.
    pub(crate) async fn hears_nothing(&mut self) {
        let heard = timeout(Duration::from_millis(100), self.heard.recv()).await;
        assert!(heard.is_err(), "{heard:?}");
    }

    /// Says a request and hears its answer, before any other.
    pub(crate) async fn ask(&mut self, message: &Value) -> Value {
        self.say(message).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], message["id"], "{answer}");
        answer
    }

    /// Whether the server still answers.
    pub(crate) async fn is_served(&mut self) {
        for tool in ["now", "wait", "wait_slowly"] {
            let answer = self.ask(&call("served?", tool, json!({"ms": 0}))).await;
            assert_eq!(answer["result"]["isError"], json!(false), "{answer}");
        }
    }

    /// Whether the server ends this client's stream, and says nothing before.
    pub(crate) async fn ends(mut self) {
        drop(self.tell);
        let heard = timeout(LONG, self.heard.recv()).await;
        assert_eq!(heard.expect("it ends"), None);
    }
}

/// Reads lines until the output ends.
async fn read_lines(stdout: DuplexStream, tell: UnboundedSender<Value>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        // Nobody listens when the test is over.
        let _ = tell.send(serde_json::from_str(&line).expect("a message"));
    }
}

/// Opens an event stream, which is read until it ends.
async fn open_stream(address: SocketAddr, tell: UnboundedSender<Value>) -> Wire {
    let mut stream = Connection::open(address).await;
    let get = format!("GET /sse HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    stream.write(&get).await;
    assert_eq!(stream.head().await.status, 200);
    let first = stream.chunk().await.expect("an event");
    let endpoint = data(&first, "endpoint").next().expect("an endpoint");
    let wire = Wire::Posts(address, endpoint.to_owned());
    tokio::spawn(async move {
        while let Some(chunk) = stream.chunk().await {
            for data in data(&chunk, "message") {
                // Nobody listens when the test is over.
                let _ = tell.send(serde_json::from_str(data).expect("a message"));
            }
        }
    });
    wire
}

/// The data of the events in `chunk`, which must be whole and of type `name`, or comments.
fn data<'c>(chunk: &'c str, name: &str) -> impl Iterator<Item = &'c str> {
    let event = format!("event: {name}\ndata: ");
    assert!(chunk.ends_with("\n\n"), "{chunk:?}");
    let events = chunk.split_terminator("\n\n");
    let events = events.filter(|event| !event.starts_with(':'));
    events.map(move |one| one.strip_prefix(&*event).expect("an event of that type"))
}
