//! HTTP/1.1 over a pipe in memory: bytes in, what they are answered out.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};

use futures::AsyncWriteExt;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use testkit::http::{Response, Stream};
use tokio::{
    io::{DuplexStream, ReadHalf, WriteHalf, duplex, split},
    time::timeout,
};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use transports::http::HttpService;

use super::PATIENCE;

const PIPE_BYTES: usize = 256 * 1024;
/// The address that the server takes for the client's.
const CLIENT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1));

/// A connection: the end that reads, and the end that writes.
type Ends = (
    Stream<Compat<ReadHalf<DuplexStream>>>,
    Compat<WriteHalf<DuplexStream>>,
);

/// One client of `S`, with one connection that is kept for as long as the server keeps it.
pub(crate) struct Peer<S> {
    service: S,
    connection: Option<Ends>,
}

/// What a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) allow: Option<String>,
    pub(crate) body: Content,
}

/// A body by its content type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// Nothing at all.
    Empty,
    /// One JSON value.
    Json(Value),
    /// The data of each event that has any.
    Events(Vec<Value>),
    /// Anything else.
    Text(String),
}

impl<S: HttpService> Peer<S> {
    pub(crate) fn new(service: S) -> Self {
        Self {
            service,
            connection: None,
        }
    }

    pub(crate) fn service(&self) -> &S {
        &self.service
    }

    /// Sends the bytes of one request and reads the response, whole.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Answer {
        let (mut reader, mut writer) = self.connection.take().unwrap_or_else(|| self.connect());
        let has_body = !request.starts_with(b"HEAD ");
        let exchange = async {
            // A server may answer before it has read everything, and close.
            let (_, answered) =
                futures::join!(writer.write_all(request), response(&mut reader, has_body));
            answered
        };
        let Ok(response) = timeout(PATIENCE, exchange).await else {
            panic!("no answer to {}", String::from_utf8_lossy(request));
        };
        let Some(response) = response else {
            return Answer::none();
        };
        if response.header("connection") != Some("close") {
            self.connection = Some((reader, writer));
        }
        Answer::from(response)
    }

    /// Sends a request whose response stands open, on a connection of its own.
    pub(crate) async fn open(&self, request: &[u8]) -> (u16, Standing) {
        let (mut reader, mut writer) = self.connect();
        writer.write_all(request).await.expect("the pipe is open");
        let status = reader.head().await.status;
        let standing = Standing {
            reader,
            _writer: writer,
        };
        (status, standing)
    }

    fn connect(&self) -> Ends {
        let (client, server) = duplex(PIPE_BYTES);
        let service = self.service.clone();
        tokio::spawn(async move {
            let respond = service_fn(move |request| {
                let service = service.clone();
                async move { Ok::<_, Infallible>(service.respond(request, CLIENT).await) }
            });
            let mut http = http1::Builder::new();
            http.header_read_timeout(None);
            // A client that leaves does not fail the test.
            drop(http.serve_connection(TokioIo::new(server), respond).await);
        });
        let (reader, writer) = split(client);
        let reader = Stream::over(reader.compat(), "localhost").patient();
        (reader, writer.compat_write())
    }
}

/// A response that goes on.
pub(crate) struct Standing {
    reader: Stream<Compat<ReadHalf<DuplexStream>>>,
    _writer: Compat<WriteHalf<DuplexStream>>,
}

impl Standing {
    /// The data of the next event that has any.
    pub(crate) async fn event(&mut self) -> String {
        let event = self.reader.event().await;
        event
            .expect("events come")
            .expect("the stream goes on")
            .data
    }
}

/// The next response but 100, which asks for the body that is on its way.
async fn response(
    reader: &mut Stream<Compat<ReadHalf<DuplexStream>>>,
    has_body: bool,
) -> Option<Response> {
    loop {
        let head = reader.head_or_closed().await?;
        if head.status != 100 {
            if !has_body {
                reader.skip_body();
            }
            return Some(reader.body(head).await);
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let owned = |name| response.header(name).map(str::to_owned);
        let content_type = owned("content-type");
        let body = match content_type.as_deref() {
            Some("text/event-stream") => Content::Events(response.messages()),
            _ if response.body.is_empty() => Content::Empty,
            Some("application/json") => Content::Json(value(&response.body)),
            _ => Content::Text(response.text()),
        };
        Self {
            status: response.status,
            content_type,
            session_id: owned("mcp-session-id"),
            allow: owned("allow"),
            body,
        }
    }
}

impl Answer {
    /// The connection was closed without one.
    fn none() -> Self {
        Self {
            status: 0,
            content_type: None,
            session_id: None,
            allow: None,
            body: Content::Empty,
        }
    }

    /// The messages in the body, however they came.
    pub(crate) fn messages(&self) -> &[Value] {
        match &self.body {
            Content::Json(Value::Array(batch)) => batch,
            Content::Json(message) => std::slice::from_ref(message),
            Content::Events(messages) => messages,
            Content::Empty | Content::Text(_) => &[],
        }
    }
}

fn value(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("{error}: {}", json.escape_ascii()))
}
