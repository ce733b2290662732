//! HTTP/1.1 as raw bytes: requests as data, and connections that read responses whole or piece by
//! piece, event streams included.

mod connection;
mod stream;

use std::fmt;

use serde_json::Value;

pub use self::{
    connection::{Connection, once},
    stream::{AsyncConnection, Stream},
};

const MAX_HEADERS: usize = 64;

type Headers = Vec<(String, Vec<u8>)>;

/// One request, exactly as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, which nothing checks.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// Names and values, in order.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the body goes in two chunks, without its length beforehand.
    pub is_chunked: bool,
}

impl Request {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
            is_chunked: false,
        }
    }

    /// A GET.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST of one MCP message, with the headers that Streamable HTTP asks for.
    #[must_use]
    pub fn message(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new("POST", path)
            .with("Content-Type", "application/json")
            .with("Accept", "application/json, text/event-stream");
        request.body = body.into();
        request
    }

    /// One more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    /// One value in place of those that the header has.
    #[must_use]
    pub fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without(name).with(name, value)
    }

    /// The request without the headers of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// The request with the headers that 2026-07-28 asks for.
    #[must_use]
    pub fn self_contained(self, method: &str, name: Option<&str>) -> Self {
        let request = self
            .with("MCP-Protocol-Version", "2026-07-28")
            .with("Mcp-Method", method);
        match name {
            Some(name) => request.with("Mcp-Name", name),
            None => request,
        }
    }

    /// The request with its body in chunks.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.is_chunked = true;
        self
    }

    /// The first value of a header.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        value(&self.headers, name)
    }

    /// The bytes of the head and the body. The length of the body is added where it is missing.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.is_chunked && !self.body.is_empty() {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for part in self.body.chunks(self.body.len().div_ceil(2)) {
                bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(&[part, b"\r\n"].concat());
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            return bytes;
        }
        if self.value("Content-Length").is_none() {
            let length = format!("Content-Length: {}\r\n", self.body.len());
            bytes.extend_from_slice(length.as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The first request in `bytes`, and what comes after it.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> (Self, &[u8]) {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let length = head.parse(bytes).expect("a head").unwrap();
        let mut request = Self::new(head.method.unwrap(), head.path.unwrap());
        request.headers = owned(head.headers);
        let body = request.value("content-length").map_or(0, number);
        let (body, rest) = bytes[length..].split_at(body);
        request.body = body.to_vec();
        (request, rest)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = self.bytes().escape_ascii().to_string();
        formatter.write_str(&escaped.replace(r"\r\n", "\n"))
    }
}

/// The head of a response, and its body once that has been read.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Headers,
    /// The body as far as it has been read.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = value(&self.headers, name)?;
        Some(std::str::from_utf8(value).expect("a header in UTF-8"))
    }

    /// The content type without its parameters; empty when there is none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The messages in the body, whether they came as one JSON message, as an array or as events.
    /// A body of another content type has none.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        let json = |json: &[u8]| {
            let value = serde_json::from_slice(json);
            value.unwrap_or_else(|error| panic!("{error}: {}", json.escape_ascii()))
        };
        match self.content_type() {
            "application/json" if !self.body.is_empty() => match json(&self.body) {
                Value::Array(messages) => messages,
                message => vec![message],
            },
            "text/event-stream" => {
                let text = self.text();
                let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
                let data = data.map(str::trim).filter(|data| !data.is_empty());
                data.map(|data| json(data.as_bytes())).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// An event of an event stream (WHATWG HTML, "Server-sent events").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `message` unless the stream says otherwise.
    pub name: String,
    /// The data.
    pub data: String,
}

impl Event {
    /// The message that it carries.
    #[must_use]
    pub fn message(&self) -> Value {
        assert_eq!(self.name, "message", "{self:?}");
        let message = serde_json::from_str(&self.data);
        message.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The event in `block`, unless that is a comment or has no data.
    fn parse(block: &[u8]) -> Option<Self> {
        let mut event = Self {
            name: "message".into(),
            data: String::new(),
        };
        for line in std::str::from_utf8(block).expect("UTF-8").lines() {
            match line.split_once(": ").unwrap_or((line, "")) {
                ("event", name) => event.name = name.into(),
                ("data", data) => event.data += data,
                _ => {}
            }
        }
        (!event.data.is_empty()).then_some(event)
    }
}

fn value<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    let mut headers = headers.iter();
    let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    let headers = headers.iter();
    headers
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect()
}

fn number(text: &[u8]) -> usize {
    let text = std::str::from_utf8(text).expect("a number");
    text.parse().expect("a number")
}
