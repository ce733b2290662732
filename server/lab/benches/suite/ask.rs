//! Calls of one tool through each layer.

use std::net::SocketAddr;

use bytes::Bytes;
use rmcp::handler::server::wrapper::Parameters;
use serde::de::DeserializeOwned;
use serde_json::Value;
use testkit::{
    http::Request,
    message::{REVISION, call, initialize, initialized, request},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, unix::pipe},
};
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::{
    Limits,
    conversation::{Conversation, ConversationFactory, KeepOpen, Outgoing},
    fast_path::{FastCall, FastResult, FastTools, RawValue, SerializedResult},
    runtime::Tokio,
    shutdown::Shutdown,
    sse::STREAM_PATH,
    stdio::serve_stdio,
    streamable::MCP_PATH,
    supervise::{Caller, Supervised},
};
use workloads::DemoServer;

use super::{CALL_TIMEOUT, Framing, arguments, wire};

/// A tool that can be called again and again.
pub(crate) trait Ask {
    /// Makes one call and keeps its answer.
    async fn ask(&mut self);

    /// Takes the structured result of the last answer.
    fn result(&mut self) -> Value;
}

/// The tool's own method, with typed arguments and a typed result.
pub(crate) struct Direct<A, R, F> {
    server: DemoServer,
    arguments: A,
    method: F,
    result: Option<R>,
}

impl<A, R, F> Direct<A, R, F>
where
    A: Clone + DeserializeOwned,
    F: AsyncFn(&DemoServer, Parameters<A>) -> R,
{
    pub(crate) fn new(server: &DemoServer, arguments: &Value, method: F) -> Self {
        Self {
            server: server.clone(),
            arguments: A::deserialize(arguments).expect("arguments of the tool"),
            method,
            result: None,
        }
    }
}

impl<A, R, F> Ask for Direct<A, R, F>
where
    A: Clone,
    R: FastResult,
    F: AsyncFn(&DemoServer, Parameters<A>) -> R,
{
    async fn ask(&mut self) {
        let arguments = Parameters(self.arguments.clone());
        self.result = Some((self.method)(&self.server, arguments).await);
    }

    fn result(&mut self) -> Value {
        let result = self.result.take().expect("an answer");
        structured(&SerializedResult::of(result).expect("a result"))
    }
}

/// The tool by its name: arguments from JSON, the result to JSON.
pub(crate) struct Dispatch {
    server: DemoServer,
    tool: &'static str,
    arguments: Box<RawValue>,
    result: Option<SerializedResult>,
}

impl Dispatch {
    pub(crate) fn new(server: &DemoServer, tool: &'static str) -> Self {
        let arguments = RawValue::from_string(arguments(tool).to_string());
        Self {
            server: server.clone(),
            tool,
            arguments: arguments.expect("JSON"),
            result: None,
        }
    }
}

impl Ask for Dispatch {
    async fn ask(&mut self) {
        let outcome = match self.server.fast_call(self.tool, Some(&self.arguments)) {
            FastCall::Ready(outcome) => outcome,
            FastCall::Running(call) => call.await,
            FastCall::UnknownTool | FastCall::InvalidArguments => panic!("{} is fast", self.tool),
        };
        self.result = Some(outcome.serialized().expect("a result"));
    }

    fn result(&mut self) -> Value {
        structured(&self.result.take().expect("an answer"))
    }
}

/// Messages as bytes, in and out, without anything that carries them: through the fast path, or
/// through rmcp alone.
pub(crate) struct Messages {
    conversation: Conversation,
    outgoing: Outgoing,
    _open: KeepOpen,
    request: Vec<u8>,
    is_fast: bool,
    /// The answer, if it was ready at once.
    ready: Vec<u8>,
    /// The answer otherwise.
    queued: Bytes,
}

/// A client without an address or headers.
const CALLER: Caller<'static> = Caller {
    session: None,
    client: None,
    subject: None,
    headers: None,
};

impl Messages {
    pub(crate) async fn start(
        tools: &Supervised<DemoServer>,
        tool: &str,
        is_fast: bool,
    ) -> anyhow::Result<Self> {
        let limits = Limits::default();
        let factory =
            ConversationFactory::new(&Tokio, tools.clone(), Framing::LINE, is_fast, limits);
        let (conversation, open, outgoing) = factory.start();
        let mut messages = Self {
            conversation,
            outgoing,
            _open: open,
            request: Vec::new(),
            is_fast: false,
            ready: Vec::new(),
            queued: Bytes::new(),
        };
        let [hello, greeted] = handshake();
        messages.request = hello;
        messages.ask().await;
        messages.forward(&greeted).await;
        messages.request = message(tool);
        messages.is_fast = is_fast;
        Ok(messages)
    }

    /// Gives rmcp a message.
    async fn forward(&self, message: &[u8]) {
        let mut unused = Vec::new();
        let dispatched = self.conversation.dispatch(message, &CALLER, &mut unused);
        let for_sdk = dispatched.expect("an open conversation").expect("rmcp's");
        let forwarded = self.conversation.forward(message, &CALLER, for_sdk);
        forwarded.await.expect("an open conversation");
    }
}

impl Ask for Messages {
    async fn ask(&mut self) {
        self.ready.clear();
        if self.is_fast {
            let taken = self
                .conversation
                .dispatch(&self.request, &CALLER, &mut self.ready);
            let for_sdk = taken.expect("an open conversation");
            assert!(for_sdk.is_none(), "the fast path takes the call");
        } else {
            self.forward(&self.request).await;
        }
        if self.ready.is_empty() {
            self.queued = self.outgoing.recv().await.expect("an answer");
        }
    }

    fn result(&mut self) -> Value {
        let is_ready = !self.ready.is_empty();
        structured_of(if is_ready { &self.ready } else { &self.queued })
    }
}

/// Streamable HTTP on one connection.
pub(crate) struct Posts<S>(wire::Exchange<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Posts<S> {
    pub(crate) fn over(stream: S, tool: &str) -> Self {
        let post = post(MCP_PATH, message(tool)).with("MCP-Protocol-Version", REVISION);
        Self(wire::Exchange::new(stream, post.bytes()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Ask for Posts<S> {
    async fn ask(&mut self) {
        self.0.run().await;
    }

    fn result(&mut self) -> Value {
        structured_of(self.0.body())
    }
}

/// stdio over two pipes of the kernel.
pub(crate) struct Stdio {
    input: pipe::Sender,
    output: wire::Reader<pipe::Receiver>,
    request: Vec<u8>,
}

impl Stdio {
    pub(crate) async fn start(tools: &Supervised<DemoServer>, tool: &str) -> anyhow::Result<Self> {
        let (input, stdin) = pipe::pipe()?;
        let (stdout, output) = pipe::pipe()?;
        let limits = Limits::default();
        let factory = ConversationFactory::new(&Tokio, tools.clone(), Framing::LINE, true, limits);
        tokio::spawn(async move {
            let streams = (stdin.compat(), stdout.compat_write());
            serve_stdio(Tokio, &factory, streams, Shutdown::new(CALL_TIMEOUT)).await
        });
        let [hello, greeted] = handshake();
        let mut client = Self {
            input,
            output: wire::Reader::new(output),
            request: hello,
        };
        client.ask().await;
        client.input.write_all(&greeted).await?;
        client.request = message(tool);
        Ok(client)
    }
}

impl Ask for Stdio {
    async fn ask(&mut self) {
        let written = self.input.write_all(&self.request).await;
        written.expect("the server reads");
        self.output.until(b"\n").await;
    }

    fn result(&mut self) -> Value {
        structured_of(self.output.bytes())
    }
}

/// Legacy SSE: posts on one connection, their answers on another.
pub(crate) struct Streamed {
    posts: wire::Exchange<TcpStream>,
    events: wire::Reader<TcpStream>,
}

/// How a chunk ends that holds an event.
const END_OF_EVENT: &[u8] = b"\n\n\r\n";

impl Streamed {
    pub(crate) async fn open(server: SocketAddr, tool: &str) -> anyhow::Result<Self> {
        let mut stream = wire::connect(server).await?;
        let get = Request::get(STREAM_PATH).with("Host", "localhost");
        stream.write_all(&get.bytes()).await?;
        let mut events = wire::Reader::new(stream);
        events.until(END_OF_EVENT).await;
        let path = data(events.bytes()).to_owned();
        let [hello, greeted] = handshake().map(|message| post(&path, message).bytes());
        let posts = wire::Exchange::new(wire::connect(server).await?, hello);
        let mut streamed = Self { posts, events };
        streamed.ask().await;
        streamed.posts.request = greeted;
        streamed.posts.run().await;
        streamed.posts.request = post(&path, message(tool)).bytes();
        Ok(streamed)
    }
}

impl Ask for Streamed {
    async fn ask(&mut self) {
        self.posts.run().await;
        self.events.until(END_OF_EVENT).await;
    }

    fn result(&mut self) -> Value {
        structured_of(data(self.events.bytes()).as_bytes())
    }
}

/// The call, as one line.
fn message(tool: &str) -> Vec<u8> {
    line(&call(7, tool, arguments(tool)))
}

/// What a client sends before its first call.
fn handshake() -> [Vec<u8>; 2] {
    let hello = request(0, "initialize", &initialize(REVISION));
    [line(&hello), line(&initialized())]
}

fn line(message: &Value) -> Vec<u8> {
    format!("{message}\n").into_bytes()
}

fn post(path: &str, message: Vec<u8>) -> Request {
    Request::message(path, message).with("Host", "localhost")
}

/// The data of the last event in `bytes`.
fn data(bytes: &[u8]) -> &str {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let (_, data) = text.rsplit_once("data:").expect("an event");
    data.trim()
}

fn structured(result: &SerializedResult) -> Value {
    let mut result: Value = serde_json::from_slice(result.json()).expect("JSON");
    result["structuredContent"].take()
}

/// The structured result in an answer.
fn structured_of(answer: &[u8]) -> Value {
    let mut answer: Value = serde_json::from_slice(answer).expect("JSON");
    answer["result"]["structuredContent"].take()
}
