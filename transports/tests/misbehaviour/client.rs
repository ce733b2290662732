//! The smallest clients that can talk to the servers of these tests, over HTTP and SSE.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// A `tools/call` request.
pub(crate) fn call(id: i64, tool: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments}})
}

/// One connection to a Streamable HTTP server.
pub(crate) struct Http(BufReader<TcpStream>, SocketAddr);

impl Http {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(
            BufReader::new(TcpStream::connect(address).await.unwrap()),
            address,
        )
    }

    /// Calls a tool. Nothing is returned when the server closed the connection instead of answering;
    /// half an answer fails the test.
    pub(crate) async fn call_or_closed(&mut self, id: i64, tool: &str) -> Option<Value> {
        let body = call(id, tool, json!({"ms": 0})).to_string();
        let request = request(self.1, "/mcp", &body, "");
        self.0.get_mut().write_all(request.as_bytes()).await.ok()?;
        if self.0.fill_buf().await.ok()?.is_empty() {
            return None;
        }
        let (status, body) = receive(&mut self.0).await;
        assert_eq!(status, 200, "{body}");
        Some(answer_in(&body).unwrap_or_else(|| panic!("no answer in {body:?}")))
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// What is left to be read until the server closes the connection.
    pub(crate) async fn end(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }

    pub(crate) async fn call(&mut self, id: i64, tool: &str, arguments: Value) -> Value {
        let (status, answer) = self.post(&call(id, tool, arguments), &[]).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn post(&mut self, message: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let more = headers.iter().fold(String::new(), |more, (name, value)| {
            more + name + ": " + value + "\r\n"
        });
        let (status, body) = send(&mut self.0, self.1, "/mcp", message, &more).await;
        let answer = answer_in(&body);
        (status, answer.unwrap_or(Value::String(body)))
    }
}

/// A client of legacy HTTP+SSE: its stream and the connection it posts on.
pub(crate) struct SseClient {
    stream: BufReader<TcpStream>,
    posts: BufReader<TcpStream>,
    address: SocketAddr,
    endpoint: String,
}

impl SseClient {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        let get =
            format!("GET /sse HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
        stream.get_mut().write_all(get.as_bytes()).await.unwrap();
        let (status, _) = head(&mut stream).await;
        assert_eq!(status, 200);
        let posts = BufReader::new(TcpStream::connect(address).await.unwrap());
        let mut client = Self {
            stream,
            posts,
            address,
            endpoint: String::new(),
        };
        client.endpoint = client.data("endpoint").await;
        client
    }

    pub(crate) async fn initialize(&mut self) {
        let params = json!({"protocolVersion": "2024-11-05", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"}});
        self.post(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}))
            .await;
        assert_eq!(self.message().await["id"], json!(0));
        self.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
    }

    pub(crate) async fn post(&mut self, message: &Value) {
        let (status, body) = send(&mut self.posts, self.address, &self.endpoint, message, "").await;
        assert_eq!((status, body.as_str()), (202, ""));
    }

    /// The next message on the stream.
    pub(crate) async fn message(&mut self) -> Value {
        serde_json::from_str(&self.data("message").await).unwrap()
    }

    /// What is left of the stream, which must end.
    pub(crate) async fn end_of_stream(&mut self) -> String {
        let mut rest = String::new();
        while let Some(chunk) = chunk(&mut self.stream).await {
            rest.push_str(&chunk);
        }
        rest
    }

    async fn data(&mut self, event: &str) -> String {
        loop {
            let chunk = chunk(&mut self.stream).await.expect("the stream goes on");
            if chunk.starts_with(':') {
                continue;
            }
            let lines: Vec<&str> = chunk.lines().collect();
            assert_eq!(lines[0], format!("event: {event}"));
            return lines[1].strip_prefix("data: ").unwrap().to_owned();
        }
    }
}

async fn send(
    connection: &mut BufReader<TcpStream>,
    address: SocketAddr,
    path: &str,
    message: &Value,
    more: &str,
) -> (u16, String) {
    let request = request(address, path, &message.to_string(), more);
    connection
        .get_mut()
        .write_all(request.as_bytes())
        .await
        .unwrap();
    receive(connection).await
}

fn request(address: SocketAddr, path: &str, body: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The message with an id, whatever comes before it in an event stream.
fn answer_in(body: &str) -> Option<Value> {
    body.lines()
        .map(|line| line.strip_prefix("data:").unwrap_or(line))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|message| message.get("id").is_some())
}

/// Status and body of a response.
async fn receive(connection: &mut BufReader<TcpStream>) -> (u16, String) {
    let (status, length) = head(connection).await;
    let mut body = String::new();
    if let Some(length) = length {
        let mut bytes = vec![0; length];
        connection.read_exact(&mut bytes).await.unwrap();
        body = String::from_utf8(bytes).unwrap();
    } else {
        while let Some(chunk) = chunk(connection).await {
            body.push_str(&chunk);
        }
    }
    (status, body)
}

/// Status and content length of a response's head; without a length it is chunked.
async fn head(connection: &mut BufReader<TcpStream>) -> (u16, Option<usize>) {
    let (mut status, mut length) = (0, None);
    loop {
        let mut line = String::new();
        assert_ne!(
            connection.read_line(&mut line).await.unwrap(),
            0,
            "the head ends"
        );
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = Some(value.trim().parse().unwrap());
        } else if line.is_empty() {
            return (status, length);
        }
    }
}

/// The next chunk of a chunked body, or nothing at its end.
async fn chunk(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut size = String::new();
    connection.read_line(&mut size).await.unwrap();
    let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
    let mut bytes = vec![0; size + 2];
    connection.read_exact(&mut bytes).await.unwrap();
    bytes.truncate(size);
    (size > 0).then(|| String::from_utf8(bytes).unwrap())
}
