//! An HTTP/1.1 client that writes and reads raw bytes.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::server::LONG;

/// Names and values.
pub(crate) type Headers = Vec<(&'static str, String)>;

/// One POST.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
}

impl Post {
    pub(crate) fn new(path: &str, message: &Value) -> Self {
        Self {
            path: path.into(),
            headers: Vec::new(),
            body: message.to_string(),
        }
    }

    pub(crate) fn with(path: &str, message: &Value, headers: &Headers) -> Self {
        Self {
            headers: headers.clone(),
            ..Self::new(path, message)
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(&self, host: SocketAddr) -> String {
        self.head(host, self.body.len()) + &self.body
    }

    /// Returns its head, for a body of `length` bytes.
    pub(crate) fn head(&self, host: SocketAddr, length: usize) -> String {
        let Self { path, headers, .. } = self;
        let more = headers.iter().fold(String::new(), |more, (name, value)| {
            more + name + ": " + value + "\r\n"
        });
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n{more}content-length: {length}\r\n\r\n"
        )
    }
}

/// The response to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
    }

    /// Returns the messages in its body, also those of an array.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| {
            let json = line.strip_prefix("data:").unwrap_or(line);
            serde_json::from_str::<Value>(json).ok()
        });
        data.flat_map(|message| match message {
            Value::Array(messages) => messages,
            message => vec![message],
        })
        .collect()
    }
}

/// One connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
            address,
        }
    }

    pub(crate) async fn write(&mut self, bytes: &str) {
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    pub(crate) async fn send(&mut self, post: &Post) {
        let bytes = post.bytes(self.address);
        self.write(&bytes).await;
    }

    pub(crate) async fn exchange(&mut self, post: &Post) -> Reply {
        self.send(post).await;
        self.reply().await
    }

    /// Sends `post`. Returns nothing when the server closes the connection instead of answering;
    /// half an answer fails the test.
    pub(crate) async fn exchange_or_closed(&mut self, post: &Post) -> Option<Reply> {
        let bytes = post.bytes(self.address);
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_bytes()).await.ok()?;
        if self.stream.fill_buf().await.ok()?.is_empty() {
            return None;
        }
        Some(self.reply().await)
    }

    /// Reads a whole response.
    pub(crate) async fn reply(&mut self) -> Reply {
        let mut reply = self.head().await;
        if let Some(length) = reply.header("content-length") {
            let mut bytes = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut bytes).await.unwrap();
            reply.body = String::from_utf8(bytes).unwrap();
        } else {
            while let Some(chunk) = self.chunk().await {
                reply.body.push_str(&chunk);
            }
        }
        reply
    }

    /// Reads the head of a response.
    pub(crate) async fn head(&mut self) -> Reply {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(LONG, self.stream.read_line(&mut head)).await;
            let read = read.expect("an answer comes").unwrap();
            assert_ne!(read, 0, "the head ends: {head:?}");
        }
        let status = head.strip_prefix("HTTP/1.1 ").expect("a status");
        Reply {
            status: status[..3].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: String::new(),
        }
    }

    /// Reads the next chunk of a chunked body; returns nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let mut size = String::new();
        self.stream.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut bytes = vec![0; size + 2];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(size);
        (size > 0).then(|| String::from_utf8(bytes).unwrap())
    }

    /// Reads what the server sends before it closes the connection.
    pub(crate) async fn end(&mut self) -> String {
        let mut rest = String::new();
        let read = timeout(LONG, self.stream.read_to_string(&mut rest)).await;
        read.expect("the connection is closed").unwrap();
        rest
    }
}
