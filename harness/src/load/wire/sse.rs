//! The HTTP+SSE transport of 2024-11-05: each client has a GET whose event stream brings the answers, and a connection
//! for its POSTs, which are answered 202.
//!
//! A call is done when both its POST is accepted and its message has come, in either order; it is timed to the message.

mod line;

use mio::{Registry, Token, event::Event};

use self::line::Line;
use super::{Happened, Input, READ_BUFFER, Tell, Traffic, Wire, connection::Connection, protocol};
use crate::load::{
    address::Address,
    message::Message,
    outcome::{CallError, ErrorKind},
};

/// All clients of one server.
#[derive(Debug)]
pub(in crate::load) struct Sse {
    registry: Registry,
    address: Address,
    path: String,
    lines: Vec<Line>,
    buffer: Vec<u8>,
    traffic: Traffic,
}

impl Sse {
    /// The wire to `http://address/path` for so many clients.
    pub(in crate::load) fn new(
        registry: Registry,
        address: Address,
        path: &str,
        clients: usize,
    ) -> Self {
        Self {
            registry,
            address,
            path: path.to_owned(),
            lines: std::iter::repeat_with(Line::default)
                .take(clients)
                .collect(),
            buffer: vec![0; READ_BUFFER],
            traffic: Traffic::default(),
        }
    }

    fn connect(&mut self, client: usize) -> Result<(), CallError> {
        self.close(client);
        self.traffic.connects += 1;
        self.traffic.http_requests += 1;
        let mut stream = Connection::open(&self.registry, Token(2 * client), self.address.socket)?;
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nCache-Control: no-store\r\n\r\n",
            self.path, self.address
        );
        self.traffic.bytes_out += stream.send(|out| out.extend_from_slice(head.as_bytes()))? as u64;
        self.lines[client].stream = Some(stream);
        Ok(())
    }

    fn post(&mut self, client: usize, message: &Message, id: u32) -> Result<(), CallError> {
        let line = &mut self.lines[client];
        let Some(head) = &line.head else {
            return Err(protocol("the event stream has not told where to post to"));
        };
        if line.post.is_none() {
            // Counted from the second on: the first belongs to its stream, as one connection.
            if line.had_post {
                self.traffic.connects += 1;
            }
            line.had_post = true;
            line.post = Some(Connection::open(
                &self.registry,
                Token(2 * client + 1),
                self.address.socket,
            )?);
        }
        let Some(post) = &mut line.post else {
            return Ok(());
        };
        let written = post.send(|out| {
            out.extend_from_slice(head);
            message.append_http(out, id);
        })?;
        self.traffic.bytes_out += written as u64;
        self.traffic.http_requests += 1;
        line.call.begin(message.is_request());
        Ok(())
    }

    fn fail(&mut self, client: usize, error: CallError, tell: &mut Tell<'_>) {
        self.close(client);
        tell(client, Happened::Failed(error));
    }

    fn advance(&mut self, event: &Event, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let (client, is_post) = (event.token().0 / 2, event.token().0 % 2 == 1);
        let Some(line) = self.lines.get_mut(client) else {
            return Ok(());
        };
        let connection = if is_post {
            &mut line.post
        } else {
            &mut line.stream
        };
        let Some(connection) = connection else {
            return Ok(());
        };
        match connection.advance(event)? {
            Some(written) => self.traffic.bytes_out += written as u64,
            None => return Ok(()),
        }
        while event.is_readable() || event.is_read_closed() || event.is_error() {
            let connection = if is_post {
                &mut line.post
            } else {
                &mut line.stream
            };
            let Some(connection) = connection else {
                return Ok(());
            };
            let length = match connection.read(&mut self.buffer)? {
                Input::Blocked => return Ok(()),
                Input::End if is_post => return line.post_ended(client, tell),
                Input::End => {
                    return Err(CallError::new(
                        ErrorKind::Transport,
                        "the event stream has ended",
                    ));
                }
                Input::Bytes(length) => length,
            };
            self.traffic.bytes_in += length as u64;
            let bytes = &self.buffer[..length];
            if is_post {
                line.take_post(client, bytes, tell)?;
            } else {
                line.take_stream(client, bytes, &self.address, tell)?;
            }
            if length < self.buffer.len() && !event.is_read_closed() {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Wire for Sse {
    fn session_survives(&self) -> bool {
        false
    }

    fn open(&mut self, client: usize, tell: &mut Tell<'_>) {
        if let Err(error) = self.connect(client) {
            self.fail(client, error, tell);
        }
    }

    fn close(&mut self, client: usize) {
        self.lines[client] = Line::default();
    }

    fn send(&mut self, client: usize, message: &Message, id: u32, tell: &mut Tell<'_>) {
        if let Err(error) = self.post(client, message, id) {
            self.fail(client, error, tell);
        }
    }

    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>) {
        if let Err(error) = self.advance(event, tell) {
            self.fail(event.token().0 / 2, error, tell);
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}
