//! One client for every transport. It sends messages, and receives messages in any order.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};

pub(crate) use testkit::message::{REVISION, call, cancel, initialized};
use testkit::{
    http::{AsyncConnection, Request, Response},
    message::{self, request},
    stdio::Lines,
};
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::server::{LONG, Server, Transport};

/// Names and values of headers.
type Headers = Vec<(&'static str, String)>;

/// An `initialize` request.
pub(crate) fn initialize(revision: &str) -> Value {
    request("initialize", "initialize", &message::initialize(revision))
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
            let mut post = Request::message("/mcp", initialize(revision).to_string());
            for (name, value) in headers.iter() {
                post = post.with(name, value);
            }
            let reply = AsyncConnection::connect(*address)
                .await
                .exchange(&post)
                .await;
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
        let token = server.authorization();
        let link = match server.way.transport {
            Transport::Stdio => {
                let (stdin, stdout) = server.pipes();
                tokio::spawn(read_lines(stdout, sender.clone()));
                Link::Pipe(stdin)
            }
            Transport::Sse => open_stream(server.address(), token, sender.clone()).await,
            Transport::Stateless(_) | Transport::Session(_) => {
                Link::Streamable(server.address(), token)
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
                let reply = AsyncConnection::connect(address)
                    .await
                    .exchange(&post)
                    .await;
                assert_eq!((reply.status, reply.text()), (202, String::new()));
            }
            Link::Streamable(..) => {
                let answered = self.post(message).await;
                if message.get("id").is_none() && !message.is_array() {
                    let reply = answered.await.unwrap();
                    assert_eq!((reply.status, reply.text()), (202, String::new()));
                }
            }
        }
    }

    /// Posts `message` over Streamable HTTP. Its answer is received, and returned.
    pub(crate) async fn post(&mut self, message: &Value) -> tokio::task::JoinHandle<Response> {
        let post = self.request(message);
        let Link::Streamable(address, _) = self.link else {
            panic!("it is not Streamable HTTP");
        };
        let mut connection = AsyncConnection::connect(address).await;
        connection.send(&post).await;
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let reply = connection.response().await;
            for message in reply.messages() {
                // The receiver is gone when the test is over.
                let _ = sender.send(message);
            }
            reply
        })
    }

    /// Posts `message` without waiting. The messages of its response are received.
    pub(crate) fn post_in_background(&self, message: &Value) -> tokio::task::JoinHandle<Response> {
        let post = self.request(message);
        let (Link::Posts(address, ..) | Link::Streamable(address, _)) = self.link else {
            panic!("stdio has no POST");
        };
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let reply = AsyncConnection::connect(address)
                .await
                .exchange(&post)
                .await;
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
    pub(crate) fn request(&self, message: &Value) -> Request {
        let (path, headers) = match &self.link {
            Link::Pipe(_) => panic!("stdio has no POST"),
            Link::Posts(_, endpoint, headers) => (endpoint.as_str(), headers),
            Link::Streamable(_, headers) => ("/mcp", headers),
        };
        let post = Request::message(path, message.to_string());
        let headers = headers.iter();
        headers.fold(post, |post, (name, value)| post.with(name, value))
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
    let mut lines = Lines::new(futures::io::sink(), stdout.compat());
    while let Some(message) = lines.receive().await {
        // The receiver is gone when the test is over.
        let _ = sender.send(message);
    }
}

/// Opens an event stream, and returns the path to post to.
pub(crate) async fn listen(address: SocketAddr) -> (AsyncConnection, String) {
    listen_with(address, &[]).await
}

async fn listen_with(
    address: SocketAddr,
    headers: &[(&'static str, String)],
) -> (AsyncConnection, String) {
    let mut stream = AsyncConnection::connect(address).await;
    let get = headers
        .iter()
        .fold(Request::get("/sse"), |get, (name, value)| {
            get.with(name, value)
        });
    stream.send(&get).await;
    assert_eq!(stream.head().await.status, 200);
    let first = stream.event().await.unwrap().expect("an event");
    assert_eq!(first.name, "endpoint");
    (stream, first.data)
}

/// Opens an event stream, which is read until it ends.
async fn open_stream(
    address: SocketAddr,
    headers: Headers,
    sender: UnboundedSender<Value>,
) -> Link {
    let (mut stream, endpoint) = listen_with(address, &headers).await;
    tokio::spawn(async move {
        while let Some(event) = stream.event().await.unwrap() {
            // The receiver is gone when the test is over.
            let _ = sender.send(event.message());
        }
    });
    Link::Posts(address, endpoint, headers)
}
