//! Reading and writing without blocking, and a TCP connection that carries HTTP/1.1.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::{Interest, Registry, Token, event::Event, net::TcpStream};

use super::Traffic;
use crate::load::{
    errors::{CallError, CallResult, ErrorKind},
    http1::{Decoder, Whole},
};

/// The size of the buffer that everything is read into, in bytes.
const READ_BUFFER: usize = 64 * 1024;

/// What all connections of a transport share.
#[derive(Debug)]
pub(super) struct Io {
    pub(super) buffer: Vec<u8>,
    pub(super) traffic: Traffic,
}

impl Default for Io {
    fn default() -> Self {
        Self {
            buffer: vec![0; READ_BUFFER],
            traffic: Traffic::default(),
        }
    }
}

/// What one read brought.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Input {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Blocked,
    /// The end.
    End,
}

impl Io {
    pub(super) fn read(&mut self, source: &mut impl Read) -> io::Result<Input> {
        loop {
            match source.read(&mut self.buffer) {
                Ok(0) => return Ok(Input::End),
                Ok(length) => {
                    self.traffic.bytes_in += length as u64;
                    return Ok(Input::Bytes(length));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Input::Blocked);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    sent: usize,
}

impl Outbox {
    /// Writes as much as the sink takes.
    pub(super) fn flush(&mut self, sink: &mut impl Write, io: &mut Io) -> io::Result<()> {
        while self.sent < self.bytes.len() {
            match sink.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => {
                    self.sent += length;
                    io.traffic.bytes_out += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.clear();
        Ok(())
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
    }
}

/// One connection, with the response that it reads and the request that it writes.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    is_connecting: bool,
    /// A request is under way.
    pub(super) is_waiting: bool,
    pub(super) out: Outbox,
    pub(super) decoder: Decoder,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(
        registry: &Registry,
        token: usize,
        address: SocketAddr,
        io: &mut Io,
    ) -> CallResult<Box<Self>> {
        let begin = || {
            let mut stream = TcpStream::connect(address)?;
            // A request larger than a segment must not wait for an acknowledgement.
            stream.set_nodelay(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, Token(token), interest)?;
            Ok(stream)
        };
        io.traffic.connects += 1;
        Ok(Box::new(Self {
            stream: begin().map_err(|error| cannot_connect(address, &error))?,
            address,
            is_connecting: true,
            is_waiting: false,
            out: Outbox::default(),
            decoder: Decoder::default(),
        }))
    }

    /// Sends the request in `out`, as soon as the connection is made.
    pub(super) fn send(&mut self, io: &mut Io) -> CallResult {
        io.traffic.http_requests += 1;
        self.is_waiting = true;
        if self.is_connecting {
            Ok(())
        } else {
            self.flush(io)
        }
    }

    fn flush(&mut self, io: &mut Io) -> CallResult {
        let written = self.out.flush(&mut self.stream, io);
        written.map_err(|error| failed("writing a request", &error))
    }

    /// Handles what the poll reported: writes what is left of a request, and gives what comes in to
    /// `take`, `None` for the end. Like `take` it returns whether the connection can still be used.
    pub(super) fn ready(
        &mut self,
        event: &Event,
        io: &mut Io,
        mut take: impl FnMut(&mut Self, Option<&[u8]>) -> CallResult<bool>,
    ) -> CallResult<bool> {
        if self.is_connecting && !self.connected()? {
            return Ok(true);
        }
        if event.is_writable() && !self.out.bytes.is_empty() {
            self.flush(io)?;
        }
        while event.is_readable() || event.is_read_closed() || event.is_error() {
            let length = match io.read(&mut self.stream) {
                Ok(Input::Bytes(length)) => length,
                Ok(Input::Blocked) => break,
                Err(error) if self.is_waiting => return Err(failed("reading an answer", &error)),
                // The reset of an idle connection costs no answer: it is an end like any other.
                Ok(Input::End) | Err(_) => return take(self, None).map(|_| false),
            };
            if !take(self, Some(&io.buffer[..length]))? {
                return Ok(false);
            }
            if length < io.buffer.len() && !event.is_read_closed() {
                break;
            }
        }
        Ok(true)
    }

    fn connected(&mut self) -> CallResult<bool> {
        if let Some(error) = self.stream.take_error().unwrap_or_else(Some) {
            return Err(cannot_connect(self.address, &error));
        }
        match self.stream.peer_addr() {
            Ok(_) => self.is_connecting = false,
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(error) => return Err(cannot_connect(self.address, &error)),
        }
        Ok(!self.is_connecting)
    }

    /// Takes bytes of the response under way, or the end of the connection; `complete` gets the
    /// response when it is complete. Returns whether the connection can still be used.
    pub(super) fn take(
        &mut self,
        bytes: Option<&[u8]>,
        complete: impl FnOnce(&Whole<'_>),
    ) -> CallResult<bool> {
        const STRAY: &str = "bytes that answer no request";
        let Some(bytes) = bytes else {
            if std::mem::take(&mut self.is_waiting) {
                complete(&self.decoder.finish().map_err(CallError::transport)?);
            }
            return Ok(false);
        };
        if !self.is_waiting {
            return Err(CallError::unexpected(STRAY, bytes));
        }
        let Some(whole) = self.decoder.push(bytes).map_err(CallError::protocol)? else {
            return Ok(true);
        };
        self.is_waiting = false;
        complete(&whole);
        let (rest, closes) = (&bytes[whole.used..], whole.head.closes);
        self.decoder.clear();
        // Answered before the request was written: the server would take the rest for the next.
        if closes || !self.out.bytes.is_empty() {
            return Ok(false);
        }
        if !rest.is_empty() {
            return Err(CallError::unexpected(STRAY, rest));
        }
        Ok(true)
    }
}

pub(super) fn failed(doing: &str, error: &io::Error) -> CallError {
    CallError::transport(format!("{doing}: {error}"))
}

fn cannot_connect(address: SocketAddr, error: &io::Error) -> CallError {
    let text = format!("connecting to {address}: {error}");
    CallError::new(ErrorKind::Connect, text)
}
