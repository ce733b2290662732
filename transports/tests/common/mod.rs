//! A server of tools that misbehave, and the smallest clients that can talk to it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "in a test a surprise is a failure, and `json!` makes values"
)]

use std::{net::SocketAddr, time::Duration};

use rmcp::{
    ServerHandler,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{ServerCapabilities, ServerConfig},
    tool, tool_handler, tool_router,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    task::JoinHandle,
};
use transports::{
    http::{Guard, HttpOptions, HttpService, bind, serve_http},
    runtime::{Handle, Tokio},
    shutdown::Shutdown,
    sse::{Sse, SseOptions},
    streamable::{Answer, Streamable, StreamableOptions},
    supervise::Supervised,
};

const DRAIN: Duration = Duration::from_secs(20);
/// Short, so that a test can wait for it.
const HEAD_TIMEOUT: Duration = Duration::from_millis(250);
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Wait {
    ms: u32,
}

/// Tools that do what tools should not.
#[derive(Clone)]
struct Misbehaving {
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl Misbehaving {
    /// Panics.
    #[tool(description = "Panics")]
    async fn panic(&self) -> String {
        tokio::task::yield_now().await;
        panic!("a tool that panics")
    }

    /// Never ends.
    #[tool(description = "Never ends")]
    async fn hang(&self) -> String {
        std::future::pending().await
    }

    /// Takes its time.
    #[tool(description = "Takes its time")]
    async fn wait(&self, Parameters(Wait { ms }): Parameters<Wait>) -> String {
        if ms > 0 {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
        }
        "waited".into()
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Misbehaving {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// A server that runs in this process.
pub(crate) struct Started {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    served: JoinHandle<std::io::Result<()>>,
}

impl Started {
    pub(crate) fn streamable(answer: Answer, call_timeout: Duration) -> Self {
        let options = StreamableOptions {
            answer,
            session_ttl: None,
            guard: Guard::default(),
            max_body_bytes: MAX_BODY_BYTES,
        };
        let service = Streamable::new(handler(call_timeout), options);
        Self::serve(service, DRAIN)
    }

    pub(crate) fn sse(call_timeout: Duration) -> Self {
        Self::sse_with(call_timeout, DRAIN)
    }

    pub(crate) fn sse_with(call_timeout: Duration, drain_timeout: Duration) -> Self {
        let options = SseOptions {
            guard: Guard::default(),
            max_body_bytes: MAX_BODY_BYTES,
        };
        Self::serve(
            Sse::new(Tokio, handler(call_timeout), options),
            drain_timeout,
        )
    }

    fn serve(service: impl HttpService, drain_timeout: Duration) -> Self {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new(drain_timeout);
        let options = HttpOptions {
            head_timeout: HEAD_TIMEOUT,
            ..HttpOptions::default()
        };
        let served = serve_http(Tokio, listener, service, options, shutdown.clone());
        Self {
            address,
            shutdown,
            served: tokio::spawn(served),
        }
    }

    /// Shuts down and waits until the server has ended.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        self.served.await.unwrap().unwrap();
    }
}

fn handler(call_timeout: Duration) -> Supervised<Misbehaving> {
    let tools = Misbehaving {
        tool_router: Misbehaving::tool_router(),
    };
    Supervised::new(tools, Handle::new(Tokio), call_timeout)
}

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
        // The answer is the message with an id, whatever comes before it in an event stream.
        let answer = body
            .lines()
            .map(|line| line.strip_prefix("data:").unwrap_or(line))
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|message| message.get("id").is_some());
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
    let body = message.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection
        .get_mut()
        .write_all(request.as_bytes())
        .await
        .unwrap();
    let (status, length) = head(connection).await;
    let mut body = String::new();
    match length {
        Some(length) => {
            let mut bytes = vec![0; length];
            connection.read_exact(&mut bytes).await.unwrap();
            body = String::from_utf8(bytes).unwrap();
        }
        None => {
            while let Some(chunk) = chunk(connection).await {
                body.push_str(&chunk);
            }
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
