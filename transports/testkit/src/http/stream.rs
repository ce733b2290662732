//! A connection over any stream.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

use super::{Event, MAX_HEADERS, Request, Response, number, owned};
use crate::PATIENCE;

/// How much of the current response's body is left.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Length(usize),
    Chunks,
    UntilClose,
    Nothing,
}

/// A client's end of a connection over `S`. A read that is dropped half-way loses nothing.
pub struct Stream<S> {
    pub(super) io: S,
    /// What requests say in `Host` unless they say it themselves.
    host: String,
    patience: Option<Duration>,
    /// Where the next bytes are read to.
    buffer: Box<[u8]>,
    unread: Vec<u8>,
    rest: Rest,
    /// What has been read of the event that comes next.
    event: Vec<u8>,
}

/// A connection to a server that does not block its thread. Reads have [`PATIENCE`].
pub type AsyncConnection = Stream<Compat<TcpStream>>;

impl AsyncConnection {
    /// Connects to a server.
    pub async fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).await;
        let stream = stream.expect("the server accepts connections");
        stream.set_nodelay(true).unwrap();
        Self::over(stream.compat(), &server.to_string()).patient()
    }
}

impl<S> Stream<S> {
    /// A connection to `host` over `stream`.
    pub fn over(stream: S, host: &str) -> Self {
        Self {
            io: stream,
            host: host.into(),
            patience: None,
            buffer: vec![0; crate::BUFFER_BYTES].into(),
            unread: Vec::new(),
            rest: Rest::Nothing,
            event: Vec::new(),
        }
    }

    /// The same with [`PATIENCE`] for every read. It needs tokio's timer.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.patience = Some(PATIENCE);
        self
    }

    /// The bytes of `request` on this connection.
    #[must_use]
    pub fn bytes(&self, request: &Request) -> Vec<u8> {
        match request.value("Host") {
            Some(_) => request.bytes(),
            None => request.clone().with("Host", &self.host).bytes(),
        }
    }

    /// Forgets a body that will not come, as after a HEAD.
    pub fn skip_body(&mut self) {
        self.rest = Rest::Nothing;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Writes bytes.
    ///
    /// # Errors
    /// The error of the stream.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// Writes `request` without waiting for its response.
    pub async fn send(&mut self, request: &Request) {
        let bytes = self.bytes(request);
        self.write(&bytes).await.unwrap();
    }

    /// Writes `request` and reads the whole response.
    pub async fn exchange(&mut self, request: &Request) -> Response {
        self.send(request).await;
        self.response().await
    }

    /// Writes `request` and reads the response; nothing when the server closed the connection
    /// instead. A response that breaks off fails the test.
    pub async fn exchange_or_closed(&mut self, request: &Request) -> Option<Response> {
        let bytes = self.bytes(request);
        self.write(&bytes).await.ok()?;
        if self.unread.is_empty() && !self.more().await.ok()? {
            return None;
        }
        Some(self.response().await)
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// Reads a whole response.
    pub async fn response(&mut self) -> Response {
        let head = self.head().await;
        self.body(head).await
    }

    /// Reads the body that `head` announces.
    pub async fn body(&mut self, head: Response) -> Response {
        let mut response = head;
        while let Some(piece) = self.piece().await.expect("the body goes on") {
            response.body.extend(piece);
        }
        response
    }

    /// Reads the head of a response; [`Stream::piece`] and [`Stream::event`] read its body.
    pub async fn head(&mut self) -> Response {
        let head = self.head_or_closed().await;
        head.expect("the connection ended before a response")
    }

    /// Reads the head of a response; nothing when the server closed the connection instead.
    pub async fn head_or_closed(&mut self) -> Option<Response> {
        loop {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut parsed = httparse::Response::new(&mut headers);
            if let httparse::Status::Complete(length) = parsed.parse(&self.unread).unwrap() {
                let response = Response {
                    status: parsed.code.unwrap(),
                    headers: owned(parsed.headers),
                    body: Vec::new(),
                };
                self.unread.drain(..length);
                self.rest = Rest::after(&response);
                return Some(response);
            }
            if !self.more().await.expect("a response comes") {
                let read = self.unread.escape_ascii();
                assert!(self.unread.is_empty(), "the head breaks off: {read}");
                return None;
            }
        }
    }

    /// The next piece of the body, or nothing at its end.
    ///
    /// # Errors
    /// The error of the stream, and a body that breaks off.
    pub async fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.rest {
            Rest::Nothing | Rest::Length(0) => return Ok(None),
            Rest::Length(length) => {
                self.at_least(length).await?;
                self.rest = Rest::Nothing;
                return Ok(Some(self.unread.drain(..length).collect()));
            }
            Rest::UntilClose => {
                while self.more().await? {}
                self.rest = Rest::Nothing;
                return Ok(Some(std::mem::take(&mut self.unread)));
            }
            Rest::Chunks => {}
        }
        loop {
            let parsed = httparse::parse_chunk_size(&self.unread);
            if let httparse::Status::Complete((start, size)) = parsed.expect("the size of a chunk")
            {
                let end = start + usize::try_from(size).unwrap();
                self.at_least(end + 2).await?;
                assert_eq!(self.unread[end..end + 2], *b"\r\n", "the end of a chunk");
                let chunk = self.unread[start..end].to_vec();
                self.unread.drain(..end + 2);
                if size > 0 {
                    return Ok(Some(chunk));
                }
                self.rest = Rest::Nothing;
                return Ok(None);
            }
            self.at_least(self.unread.len() + 1).await?;
        }
    }

    /// The next event of the body that carries data, or nothing at the end of the stream.
    ///
    /// # Errors
    /// The error of the stream.
    pub async fn event(&mut self) -> io::Result<Option<Event>> {
        loop {
            if let Some(end) = self.event.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.event.drain(..end + 2).collect();
                if let Some(event) = Event::parse(&block) {
                    return Ok(Some(event));
                }
            } else if let Some(piece) = self.piece().await? {
                self.event.extend(piece);
            } else {
                let rest = self.event.escape_ascii();
                assert!(
                    self.event.is_empty(),
                    "the stream ended in an event: {rest}"
                );
                return Ok(None);
            }
        }
    }

    /// Whether the server closes the connection, and sends nothing before.
    pub async fn closes(&mut self) -> bool {
        match self.more().await {
            Ok(_) => self.unread.is_empty(),
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Reads until so many bytes are here.
    async fn at_least(&mut self, length: usize) -> io::Result<()> {
        while self.unread.len() < length {
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Reads what there is; false at the end.
    async fn more(&mut self) -> io::Result<bool> {
        let read = self.io.read(&mut self.buffer);
        let read = match self.patience {
            Some(patience) => within(patience, read).await?,
            None => read.await?,
        };
        self.unread.extend_from_slice(&self.buffer[..read]);
        Ok(read > 0)
    }
}

async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let timeout = tokio::time::timeout(patience, work).await;
    timeout.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

impl Rest {
    /// What `response` announces.
    fn after(response: &Response) -> Self {
        match (
            response.header("transfer-encoding"),
            response.header("content-length"),
        ) {
            (Some("chunked"), _) => Self::Chunks,
            (_, Some(length)) => Self::Length(number(length.as_bytes())),
            _ if matches!(response.status, 100..=199 | 204 | 304) => Self::Nothing,
            _ => Self::UntilClose,
        }
    }
}
