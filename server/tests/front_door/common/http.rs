//! HTTP/1.1 as raw bytes: a connection on which requests are written and responses are read, whole
//! or piece by piece.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use super::PATIENCE;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A POST of one MCP message, with the headers that Streamable HTTP asks for.
    pub(crate) fn message(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new("POST", path)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        request.body = body.into();
        request
    }

    /// Sets a header, in place of one of the same name.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        let mut request = self.without(name);
        request.headers.push((name.into(), value.into()));
        request
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    /// Sends the body in one chunk, without saying its length beforehand.
    pub(crate) fn chunked(mut self) -> Self {
        let head = format!("{:x}\r\n", self.body.len());
        self.body = [head.as_bytes(), &self.body, b"\r\n0\r\n\r\n"].concat();
        self.header("Transfer-Encoding", "chunked")
    }

    fn has(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut request = self.clone();
        if !self.has("Host") {
            request = request.header("Host", &host.to_string());
        }
        if !self.has("Transfer-Encoding") {
            request = request.header("Content-Length", &self.body.len().to_string());
        }
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        for (name, value) in &request.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The head of a response, and its body if it has been read whole.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The content type without its parameters.
    pub(crate) fn content_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// How much of the current response's body is left.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Length(usize),
    Chunks,
    UntilClose,
    Nothing,
}

/// A connection to a server.
pub(crate) struct Connection {
    peer: SocketAddr,
    stream: BufReader<TcpStream>,
    rest: Rest,
}

impl Connection {
    pub(crate) fn open(peer: SocketAddr) -> Self {
        let stream = TcpStream::connect(peer).expect("the server accepts connections");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            peer,
            stream: BufReader::new(stream),
            rest: Rest::Nothing,
        }
    }

    /// Writes `request` without waiting for what it is answered.
    pub(crate) fn send(&mut self, request: &Request) {
        let bytes = self.bytes(request);
        self.write(&bytes);
    }

    /// What `request` is on this connection.
    pub(crate) fn bytes(&self, request: &Request) -> Vec<u8> {
        request.bytes(self.peer)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    /// Writes `request` and reads the whole response.
    pub(crate) fn exchange(&mut self, request: &Request) -> Response {
        self.send(request);
        self.response()
    }

    /// Reads a whole response.
    pub(crate) fn response(&mut self) -> Response {
        let mut response = self.head();
        while let Some(piece) = self.piece().unwrap() {
            response.body.extend(piece);
        }
        response
    }

    /// Reads the head of a response; [`Connection::piece`] reads its body.
    pub(crate) fn head(&mut self) -> Response {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let read = self.stream.read_until(b'\n', &mut bytes).unwrap();
            assert_ne!(
                read,
                0,
                "the connection ended in {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Response::new(&mut headers);
        assert!(parsed.parse(&bytes).unwrap().is_complete());
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        let response = Response {
            status: parsed.code.unwrap(),
            headers: parsed
                .headers
                .iter()
                .map(|h| (h.name.into(), text(h.value)))
                .collect(),
            body: Vec::new(),
        };
        self.rest = match (
            response.header("transfer-encoding"),
            response.header("content-length"),
        ) {
            (Some("chunked"), _) => Rest::Chunks,
            (_, Some(length)) => Rest::Length(length.parse().unwrap()),
            _ if matches!(response.status, 100..=199 | 204 | 304) => Rest::Nothing,
            _ => Rest::UntilClose,
        };
        response
    }

    /// The next piece of the body, or nothing at its end.
    ///
    /// # Errors
    /// What reading the socket reports, and a body that breaks off.
    pub(crate) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.rest {
            Rest::Nothing | Rest::Length(0) => Ok(None),
            Rest::Length(length) => {
                self.rest = Rest::Nothing;
                self.exactly(length).map(Some)
            }
            Rest::UntilClose => {
                self.rest = Rest::Nothing;
                let mut piece = Vec::new();
                self.stream.read_to_end(&mut piece)?;
                Ok(Some(piece))
            }
            Rest::Chunks => self.chunk(),
        }
    }

    /// Whether the server closes the connection, and says nothing before.
    pub(crate) fn closes(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Limits how long a read waits.
    pub(crate) fn patience(&mut self, patience: std::time::Duration) {
        self.stream
            .get_ref()
            .set_read_timeout(Some(patience))
            .unwrap();
    }

    fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let size = match httparse::parse_chunk_size(&line) {
            Ok(httparse::Status::Complete((_, size))) => usize::try_from(size).unwrap(),
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let chunk = self.exactly(size)?;
        assert_eq!(self.exactly(2)?, b"\r\n", "the end of a chunk");
        if size == 0 {
            self.rest = Rest::Nothing;
            return Ok(None);
        }
        Ok(Some(chunk))
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn once(peer: SocketAddr, request: &Request) -> Response {
    Connection::open(peer).exchange(request)
}
