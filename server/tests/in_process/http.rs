//! HTTP/1.1 over a pipe in memory: bytes in, a parsed response out.

use std::convert::Infallible;

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    time::timeout,
};
use transports::http::HttpService;

use super::PATIENCE;

const PIPE_BYTES: usize = 256 * 1024;
const MAX_HEADERS: usize = 64;

/// One client of `S`, with one connection that is kept for as long as the server keeps it.
pub(crate) struct Peer<S> {
    service: S,
    connection: Option<(ReadHalf<DuplexStream>, WriteHalf<DuplexStream>)>,
    read: Vec<u8>,
}

/// What came back.
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

/// The head of a response.
struct Head {
    bytes: usize,
    status: u16,
    headers: Vec<(String, String)>,
}

impl<S: HttpService> Peer<S> {
    pub(crate) fn new(service: S) -> Self {
        Self {
            service,
            connection: None,
            read: Vec::new(),
        }
    }

    pub(crate) fn service(&self) -> &S {
        &self.service
    }

    /// Sends the bytes of one request and reads the response, whole.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Answer {
        let (mut reader, mut writer) = self.connection.take().unwrap_or_else(|| self.connect());
        let read = &mut self.read;
        let exchange = async {
            // A server may answer before it has read everything, and close.
            let has_body = !request.starts_with(b"HEAD ");
            let answered = answer(&mut reader, read, has_body);
            let (_, answer) = futures::join!(writer.write_all(request), answered);
            answer
        };
        let Ok((answer, closes)) = timeout(PATIENCE, exchange).await else {
            panic!("no answer to {}", String::from_utf8_lossy(request));
        };
        if closes {
            self.read.clear();
        } else {
            self.connection = Some((reader, writer));
        }
        answer
    }

    /// Sends a request whose response stands open, on a connection of its own, and reads as far as the end of
    /// its first event.
    pub(crate) async fn open(&self, request: &[u8]) -> (u16, Standing) {
        let (reader, mut writer) = self.connect();
        writer.write_all(request).await.expect("the pipe is open");
        let mut standing = Standing {
            reader,
            _writer: writer,
            read: Vec::new(),
        };
        let head = head(&mut standing.reader, &mut standing.read).await;
        let head = head.expect("a response has a head");
        standing.read.drain(..head.bytes);
        (head.status, standing)
    }

    fn connect(&self) -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
        let (client, server) = duplex(PIPE_BYTES);
        let service = self.service.clone();
        tokio::spawn(async move {
            let respond = service_fn(move |request| {
                let service = service.clone();
                async move { Ok::<_, Infallible>(service.respond(request).await) }
            });
            let mut http = http1::Builder::new();
            http.header_read_timeout(None);
            // A client that leaves is no failure of the test.
            drop(http.serve_connection(TokioIo::new(server), respond).await);
        });
        split(client)
    }
}

/// A response that goes on.
pub(crate) struct Standing {
    reader: ReadHalf<DuplexStream>,
    _writer: WriteHalf<DuplexStream>,
    read: Vec<u8>,
}

impl Standing {
    /// The data of the next event that has any.
    pub(crate) async fn event(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = self.read.drain(..end + 2).collect();
                let event = String::from_utf8(event).expect("events are UTF-8");
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                match data {
                    Some(data) => return data.to_owned(),
                    None => continue,
                }
            }
            let more = timeout(PATIENCE, more(&mut self.reader, &mut self.read)).await;
            assert_eq!(more, Ok(true), "the stream goes on");
        }
    }
}

async fn answer(
    reader: &mut ReadHalf<DuplexStream>,
    read: &mut Vec<u8>,
    has_body: bool,
) -> (Answer, bool) {
    let head = loop {
        let Some(head) = head(reader, read).await else {
            return (Answer::none(), true);
        };
        read.drain(..head.bytes);
        // 100 is no answer: it asks for the body, which is on its way.
        if head.status != 100 {
            break head;
        }
    };
    let length = head.get("content-length").map(str::parse::<usize>);
    let body = match length {
        _ if !has_body => Vec::new(),
        Some(length) => {
            let length = length.expect("a length is a number");
            while read.len() < length && more(reader, read).await {}
            read.drain(..length).collect()
        }
        None if head.get("transfer-encoding").is_some() => chunks(reader, read).await,
        None => Vec::new(),
    };
    let closes = head.get("connection") == Some("close");
    (Answer::new(&head, &body), closes)
}

/// The head of the next response; nothing when the server closes instead.
async fn head(reader: &mut ReadHalf<DuplexStream>, read: &mut Vec<u8>) -> Option<Head> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        if let httparse::Status::Complete(bytes) = response.parse(read).expect("a response") {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = response.headers.iter();
            return Some(Head {
                bytes,
                status: response.code.expect("a whole head has a status"),
                headers: headers
                    .map(|header| (header.name.to_lowercase(), text(header.value)))
                    .collect(),
            });
        }
        if !more(reader, read).await {
            return None;
        }
    }
}

/// A chunked body, put together.
async fn chunks(reader: &mut ReadHalf<DuplexStream>, read: &mut Vec<u8>) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let size = match httparse::parse_chunk_size(read).expect("a chunk") {
            httparse::Status::Complete((start, size)) => {
                Some((start, usize::try_from(size).expect("a size")))
            }
            httparse::Status::Partial => None,
        };
        match size {
            Some((start, size)) if read.len() >= start + size + 2 => {
                body.extend_from_slice(&read[start..start + size]);
                read.drain(..start + size + 2);
                if size == 0 {
                    return body;
                }
            }
            _ => assert!(more(reader, read).await, "the body ends too early"),
        }
    }
}

async fn more(reader: &mut ReadHalf<DuplexStream>, read: &mut Vec<u8>) -> bool {
    reader.read_buf(read).await.is_ok_and(|count| count > 0)
}

impl Head {
    fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
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

    fn new(head: &Head, body: &[u8]) -> Self {
        let owned = |name| head.get(name).map(str::to_owned);
        let content_type = owned("content-type");
        let body = match content_type.as_deref() {
            _ if body.is_empty() && content_type.as_deref() != Some("text/event-stream") => {
                Content::Empty
            }
            Some("application/json") => Content::Json(value(body)),
            Some("text/event-stream") => Content::Events(
                String::from_utf8_lossy(body)
                    .lines()
                    .filter_map(|line| line.strip_prefix("data:"))
                    .map(str::trim)
                    .filter(|data| !data.is_empty())
                    .map(|data| value(data.as_bytes()))
                    .collect(),
            ),
            _ => Content::Text(String::from_utf8_lossy(body).into_owned()),
        };
        Self {
            status: head.status,
            content_type,
            session_id: owned("mcp-session-id"),
            allow: owned("allow"),
            body,
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
    serde_json::from_slice(json)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(json)))
}
