//! A TCP connection that carries HTTP/1.1, without blocking.

use std::{io, net::SocketAddr};

use mio::{Interest, Registry, Token, event::Event, net::TcpStream};

use super::{Input, Outbox, read_some, transport};
use crate::load::{
    http::Decoder,
    outcome::{CallError, ErrorKind},
};

/// One connection, with the response that it is reading and the request that it is writing.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    connecting: bool,
    out: Outbox,
    pub(super) decoder: Decoder,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(
        registry: &Registry,
        token: Token,
        address: SocketAddr,
    ) -> Result<Self, CallError> {
        let begin = || {
            let mut stream = TcpStream::connect(address)?;
            // A request larger than a segment must not wait for the acknowledgement of its begin.
            stream.set_nodelay(true)?;
            registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        };
        Ok(Self {
            stream: begin().map_err(|error| cannot_connect(address, &error))?,
            address,
            connecting: true,
            out: Outbox::default(),
            decoder: Decoder::default(),
        })
    }

    /// Takes note of what the poll reported, and writes what waits for it. Returns the bytes written, or `None` when
    /// the connection is still being made.
    pub(super) fn advance(&mut self, event: &Event) -> Result<Option<usize>, CallError> {
        if self.connecting {
            if let Some(error) = self.stream.take_error().unwrap_or_else(Some) {
                return Err(cannot_connect(self.address, &error));
            }
            match self.stream.peer_addr() {
                Ok(_) => self.connecting = false,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(None),
                Err(error) => return Err(cannot_connect(self.address, &error)),
            }
        }
        if event.is_writable() && !self.out.is_empty() {
            self.flush().map(Some)
        } else {
            Ok(Some(0))
        }
    }

    /// Lets `fill` append a request, and writes it if the connection is made. Returns the bytes written.
    pub(super) fn send(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<usize, CallError> {
        fill(&mut self.out.bytes);
        if self.connecting { Ok(0) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<usize, CallError> {
        self.out
            .flush(&mut self.stream)
            .map_err(|error| transport("writing a request", &error))
    }

    /// Whether the request is written as a whole.
    pub(super) fn is_sent(&self) -> bool {
        self.out.is_empty()
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Input, CallError> {
        read_some(&mut self.stream, buffer).map_err(|error| transport("reading an answer", &error))
    }
}

fn cannot_connect(address: SocketAddr, error: &io::Error) -> CallError {
    CallError::new(
        ErrorKind::Connect,
        format!("connecting to {address}: {error}"),
    )
}
