//! A connection that blocks.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use futures::io::AllowStdIo;
use serde_json::Value;
use socket2::SockRef;

use super::{Event, Request, Response, Stream};
use crate::{PATIENCE, now};

/// A connection to a server. It blocks, for [`PATIENCE`] at most.
pub struct Connection(Stream<AllowStdIo<TcpStream>>);

impl Connection {
    /// Connects to a server.
    #[must_use]
    pub fn open(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server accepts connections");
        stream.set_nodelay(true).unwrap();
        let mut connection = Self(Stream::over(AllowStdIo::new(stream), &server.to_string()));
        connection.patience(PATIENCE);
        connection
    }

    /// Limits how long a read waits.
    pub fn patience(&mut self, patience: Duration) {
        let stream = self.0.io.get_ref();
        stream.set_read_timeout(Some(patience)).unwrap();
    }

    /// The bytes of `request` on this connection.
    #[must_use]
    pub fn bytes(&self, request: &Request) -> Vec<u8> {
        self.0.bytes(request)
    }

    /// Writes bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        now(self.0.write(bytes)).unwrap();
    }

    /// Writes `request` without waiting for its response.
    pub fn send(&mut self, request: &Request) {
        now(self.0.send(request));
    }

    /// Writes `request` and reads the whole response.
    pub fn exchange(&mut self, request: &Request) -> Response {
        now(self.0.exchange(request))
    }

    /// Reads a whole response.
    pub fn response(&mut self) -> Response {
        now(self.0.response())
    }

    /// Reads the head of a response.
    pub fn head(&mut self) -> Response {
        now(self.0.head())
    }

    /// The next event of a response, or nothing at the end of the stream.
    ///
    /// # Errors
    /// The error of the socket.
    pub fn event(&mut self) -> io::Result<Option<Event>> {
        now(self.0.event())
    }

    /// The message of the next event, or nothing at the end of the stream.
    ///
    /// # Errors
    /// The error of the socket.
    pub fn message(&mut self) -> io::Result<Option<Value>> {
        Ok(self.event()?.map(|event| event.message()))
    }

    /// Writes `request`, whose response must be an event stream: [`Connection::message`] reads it.
    #[must_use]
    pub fn listen(mut self, request: &Request) -> Self {
        self.send(request);
        let head = self.head();
        assert_eq!(
            (head.status, head.content_type()),
            (200, "text/event-stream")
        );
        self
    }

    /// Sends nothing more; the response can still be read.
    pub fn finish(&mut self) {
        let stream = self.0.io.get_ref();
        stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes the connection so that the server hears of it at once.
    pub fn reset(self) {
        let stream = SockRef::from(self.0.io.get_ref());
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Whether the server closes the connection, and sends nothing before.
    pub fn closes(&mut self) -> bool {
        now(self.0.closes())
    }
}

/// Sends one request on a connection of its own.
#[must_use]
pub fn once(server: SocketAddr, request: &Request) -> Response {
    Connection::open(server).exchange(request)
}
