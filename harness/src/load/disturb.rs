//! Clients that misbehave, over plain sockets: what they send is no measurement, and what comes
//! back matters only as far as it keeps them going.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::{
    http1::Decoder,
    plan::{Address, Target},
};

/// How long a client waits for the server.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often each socket is looked at.
const ROUND: Duration = Duration::from_millis(200);
/// The length of a body that is announced, and of which half is sent.
const BODY_BYTES: usize = 1_000;
/// The length of a message whose answer fits into no socket's buffers.
const LARGE_BYTES: usize = 1_000_000;

/// What the clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// They open connections, get one answer on each, and keep them open.
    IdleConnections,
    /// They open sessions and keep them open.
    IdleSessions,
    /// They open so many sessions a second and close none.
    SessionChurn,
    /// They send the heads of requests byte by byte, without an end.
    SlowHeads,
    /// They send half of a body and then nothing.
    HalfBodies,
    /// They reset so many connections a second, in the middle of a body or of an answer.
    Resets,
    /// They ask for large answers and read none.
    SilentReaders,
}

/// What the clients have done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbed {
    /// Connections, sessions or resets that were made.
    pub made: u64,
    /// How many of them the server has kept until the end, where that can be seen.
    pub kept: Option<u64>,
}

/// The clients of one disturbance.
#[derive(Debug)]
pub struct Disturber<'a> {
    /// What they do.
    pub what: Disturbance,
    /// How many of them there are, or how often they do it.
    pub count: usize,
    address: &'a Address,
    path: &'a str,
    is_sse: bool,
    /// Ends them when set.
    pub stop: &'a AtomicBool,
    /// Set by them when all of them have begun.
    pub begun: &'a AtomicBool,
}

impl<'a> Disturber<'a> {
    /// Clients of the server at `target`; nothing where it is no socket.
    #[must_use]
    pub fn new(
        what: Disturbance,
        count: usize,
        target: &'a Target,
        (stop, begun): (&'a AtomicBool, &'a AtomicBool),
    ) -> Option<Self> {
        let (address, path) = target.place()?;
        Some(Self {
            what,
            count,
            address,
            path,
            is_sse: matches!(target, Target::Sse { .. }),
            stop,
            begun,
        })
    }

    /// Misbehaves on the calling thread until [`Disturber::stop`] is set.
    #[must_use]
    pub fn run(&self) -> Disturbed {
        // Over SSE bodies go to a session, whose stream has to stay.
        let stream = self.is_sse.then(|| self.stream().ok()).flatten();
        let path = stream.as_ref().map_or(self.path, |(_, path)| path);
        let done = match self.what {
            Disturbance::IdleConnections => self.hold(Self::answered, |_, socket| is_open(socket)),
            Disturbance::IdleSessions if self.is_sse => self.hold(
                |this| this.greeted().map(|(stream, ..)| stream),
                |_, stream| is_standing(stream),
            ),
            Disturbance::IdleSessions => self.hold(Self::session, |this, session| {
                this.ping(session).is_ok_and(|status| status == 200)
            }),
            Disturbance::SessionChurn => self.often(|this, _| this.session().map(drop)),
            Disturbance::Resets => self.often(|this, number| this.reset(path, number)),
            Disturbance::SlowHeads => self.nag(Self::begin_head, |socket| socket.write_all(b"x")),
            Disturbance::HalfBodies => self.nag(|this| this.half_body(path), |_| Ok(())),
            Disturbance::SilentReaders => self.nag(Self::unread, |_| Ok(())),
        };
        // Also where the first one was never made.
        self.begun.store(true, Ordering::Release);
        done
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Makes `count` things and keeps them; counts at the end how many of them the server has kept.
    fn hold<T>(
        &self,
        open: impl Fn(&Self) -> io::Result<T>,
        is_kept: impl Fn(&Self, &T) -> bool,
    ) -> Disturbed {
        let held = (0..self.count).map_while(|_| (!self.is_stopped()).then(|| open(self)));
        let held: Vec<T> = held.flatten().collect();
        self.begun.store(true, Ordering::Release);
        while !self.is_stopped() {
            thread::sleep(ROUND);
        }
        let kept = held.iter().filter(|one| is_kept(self, one)).count();
        Disturbed {
            made: held.len() as u64,
            kept: Some(kept as u64),
        }
    }

    /// Does something `count` times a second; it is told how often it was done before.
    fn often(&self, act: impl Fn(&Self, u64) -> io::Result<()>) -> Disturbed {
        let begin = Instant::now();
        let mut disturbed = Disturbed::default();
        let mut tried = 0;
        self.begun.store(true, Ordering::Release);
        while !self.is_stopped() {
            let due = begin + Duration::from_secs_f64(tried as f64 / self.count as f64);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            disturbed.made += u64::from(act(self, tried).is_ok());
            tried += 1;
        }
        disturbed
    }

    /// Keeps `count` sockets, touches each in every round, and opens those again that are closed.
    fn nag(
        &self,
        open: impl Fn(&Self) -> io::Result<TcpStream>,
        touch: impl Fn(&mut TcpStream) -> io::Result<()>,
    ) -> Disturbed {
        let mut sockets: Vec<Option<TcpStream>> = Vec::new();
        sockets.resize_with(self.count, || None);
        let mut disturbed = Disturbed::default();
        while !self.is_stopped() {
            for socket in &mut sockets {
                let is_fine = socket
                    .as_mut()
                    .is_some_and(|socket| is_open(socket) && touch(socket).is_ok());
                if !is_fine && !self.is_stopped() {
                    *socket = open(self).ok();
                    disturbed.made += u64::from(socket.is_some());
                }
            }
            self.begun.store(true, Ordering::Release);
            thread::sleep(ROUND);
        }
        disturbed
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpStream::connect_timeout(&self.address.socket, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    /// A connection that has had an answer.
    fn answered(&self) -> io::Result<TcpStream> {
        let mut socket = self.connect()?;
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        exchange(&mut socket, request.as_bytes())?;
        Ok(socket)
    }

    /// The head of a POST to `path`, with more headers, each of them ended.
    fn head(&self, path: &str, length: usize, headers: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.address
        )
    }

    fn post(&self, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let head = self.head(path, body.len(), headers);
        [head.as_bytes(), body.as_bytes()].concat()
    }

    /// An event stream of SSE, and where to post to.
    fn stream(&self) -> io::Result<(TcpStream, String)> {
        let mut socket = self.connect()?;
        let (path, address) = (self.path, self.address);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
        socket.write_all(request.as_bytes())?;
        let mut read = Vec::new();
        loop {
            let mut piece = [0; 1024];
            let length = socket.read(&mut piece)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read.extend_from_slice(&piece[..length]);
            let text = String::from_utf8_lossy(&read);
            let data = text.split_once("\ndata:").map(|(_, data)| data);
            if let Some((endpoint, _)) = data.and_then(|data| data.split_once('\n')) {
                return Ok((socket, endpoint.trim().to_owned()));
            }
        }
    }

    /// An event stream of SSE after its whole handshake, of which nothing more is read; a
    /// connection for further messages; and where to post them to.
    fn greeted(&self) -> io::Result<(TcpStream, TcpStream, String)> {
        let (stream, path) = self.stream()?;
        let mut posts = self.connect()?;
        for message in [INITIALIZE, INITIALIZED] {
            exchange(&mut posts, &self.post(&path, "", message))?;
        }
        Ok((stream, posts, path))
    }

    /// Opens a session of Streamable HTTP, with its whole handshake.
    fn session(&self) -> io::Result<String> {
        let mut socket = self.connect()?;
        let (_, session) = exchange(&mut socket, &self.post(self.path, "", INITIALIZE))?;
        let session = String::from_utf8(session).unwrap_or_default();
        if session.is_empty() {
            return Err(io::Error::other("the server keeps no sessions"));
        }
        let initialized = self.post(self.path, &in_session(&session), INITIALIZED);
        exchange(&mut socket, &initialized)?;
        Ok(session)
    }

    /// The status of the answer to a ping in a session.
    fn ping(&self, session: &str) -> io::Result<u16> {
        let request = self.post(self.path, &in_session(session), PING);
        exchange(&mut self.connect()?, &request).map(|(status, _)| status)
    }

    fn begin_head(&self) -> io::Result<TcpStream> {
        let mut socket = self.connect()?;
        let (path, address) = (self.path, self.address);
        let begin = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nX-Slow: ");
        socket.write_all(begin.as_bytes())?;
        Ok(socket)
    }

    fn half_body(&self, path: &str) -> io::Result<TcpStream> {
        let head = self.head(path, BODY_BYTES, "");
        let mut socket = self.connect()?;
        socket.write_all(head.as_bytes())?;
        socket.write_all(&[b' '; BODY_BYTES / 2])?;
        Ok(socket)
    }

    /// A client whose large answers wait to be read.
    fn unread(&self) -> io::Result<TcpStream> {
        let large = "x".repeat(LARGE_BYTES);
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"echo","arguments":{{"message":"{large}"}}}}}}"#
        );
        if !self.is_sse {
            let mut socket = self.connect()?;
            socket.write_all(&self.post(self.path, "", &call))?;
            return Ok(socket);
        }
        let (stream, mut posts, path) = self.greeted()?;
        exchange(&mut posts, &self.post(&path, "", &call))?;
        Ok(stream)
    }

    /// Resets a connection: in the middle of a body, or of what the server sends.
    fn reset(&self, path: &str, number: u64) -> io::Result<()> {
        let socket = if number.is_multiple_of(2) {
            self.half_body(path)?
        } else {
            let mut socket = self.unread()?;
            // Some of the answer is there, and more to come.
            let _ = socket.read(&mut [0; 1024])?;
            socket
        };
        SockRef::from(&socket).set_linger(Some(Duration::ZERO))
    }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"chaos","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#;

fn in_session(session: &str) -> String {
    format!("Mcp-Session-Id: {session}\r\nMCP-Protocol-Version: 2025-06-18\r\n")
}

/// Sends a request and reads the whole answer: its status, and the session that it names.
fn exchange(socket: &mut TcpStream, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    socket.write_all(request)?;
    let mut decoder = Decoder::default();
    let mut piece = [0; 4096];
    loop {
        let length = socket.read(&mut piece)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(whole) = decoder.push(&piece[..length]).map_err(io::Error::other)? {
            return Ok((whole.head.status, whole.head.session.clone()));
        }
    }
}

/// Whether the server has not closed a connection whose client now reads what was sent.
fn is_standing(mut socket: &TcpStream) -> bool {
    let read = is_open(socket).then(|| io::copy(&mut socket, &mut io::sink()));
    read.is_some_and(|end| end.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock))
}

/// Whether the server has not closed the connection, as far as the client can see. What was sent
/// and not read stays so.
fn is_open(socket: &TcpStream) -> bool {
    if socket.set_nonblocking(true).is_err() || !matches!(socket.take_error(), Ok(None)) {
        return false;
    }
    match socket.peek(&mut [0]) {
        Ok(length) => length > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
