//! Streamable HTTP, and HTTP without a protocol: each client has one connection, which is kept alive; an answer is
//! complete, and is timed, when the HTTP response is.

use std::{net::SocketAddr, time::Instant};

use mio::{Registry, Token, event::Event};

use super::{
    Answer, Happened, Input, READ_BUFFER, Tell, Traffic, Wire, connection::Connection, protocol,
};
use crate::load::{
    http::Whole,
    message::Message,
    outcome::{CallError, ErrorKind},
    revision::Revision,
};

/// All clients of one endpoint.
#[derive(Debug)]
pub(in crate::load) struct Streamable {
    registry: Registry,
    address: SocketAddr,
    /// Heads up to the value of `Content-Length`: before the handshake, and after it where there is no session.
    opening: Vec<u8>,
    agreed: Vec<u8>,
    path: String,
    revision: Revision,
    lines: Vec<Line>,
    buffer: Vec<u8>,
    traffic: Traffic,
}

/// One client.
#[derive(Debug, Default)]
struct Line {
    connection: Option<Connection>,
    /// A request is under way.
    waiting: bool,
    /// When the first part of its answer came, if that was not all of it.
    began: Option<Instant>,
    is_agreed: bool,
    /// The session and the head with its id, where there is one.
    session: Option<(Vec<u8>, Vec<u8>)>,
    /// Whose session the next message is sent in, where it is not its own.
    lender: Option<usize>,
}

impl Streamable {
    /// The wire to `http://address/path` for so many clients; client `n` has the token `n`.
    pub(in crate::load) fn new(
        registry: Registry,
        address: SocketAddr,
        path: &str,
        revision: Revision,
        clients: usize,
    ) -> Self {
        let opening = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n"
        );
        let agreed = format!("{opening}{}Content-Length: ", version_line(revision));
        Self {
            registry,
            address,
            opening: format!("{opening}Content-Length: ").into_bytes(),
            agreed: agreed.into_bytes(),
            path: path.to_owned(),
            revision,
            lines: std::iter::repeat_with(Line::default)
                .take(clients)
                .collect(),
            buffer: vec![0; READ_BUFFER],
            traffic: Traffic::default(),
        }
    }

    /// The same for a subject that is asked without a handshake: requests are those that come after one, so that they
    /// cost it what they cost the others.
    pub(in crate::load) fn without_handshake(mut self) -> Self {
        self.lines.iter_mut().for_each(|line| line.is_agreed = true);
        self
    }

    fn connect(&mut self, client: usize) -> Result<(), CallError> {
        self.close(client);
        self.traffic.connects += 1;
        self.lines[client].connection = Some(Connection::open(
            &self.registry,
            Token(client),
            self.address,
        )?);
        Ok(())
    }

    /// Sends a request, over a new connection if the last one has ended in good order.
    fn request(
        &mut self,
        client: usize,
        fill: impl FnOnce(&mut Vec<u8>, &Self),
    ) -> Result<(), CallError> {
        if self.lines[client].connection.is_none() {
            self.connect(client)?;
        }
        let Some(mut connection) = self.lines[client].connection.take() else {
            return Ok(());
        };
        let written = connection.send(|out| fill(out, self))?;
        self.traffic.bytes_out += written as u64;
        let line = &mut self.lines[client];
        line.connection = Some(connection);
        line.waiting = true;
        Ok(())
    }

    fn fail(&mut self, client: usize, error: CallError, tell: &mut Tell<'_>) {
        self.close(client);
        tell(client, Happened::Failed(error));
    }

    fn advance(&mut self, event: &Event, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let client = event.token().0;
        let Some(line) = self.lines.get_mut(client) else {
            return Ok(());
        };
        let Some(connection) = &mut line.connection else {
            return Ok(());
        };
        match connection.advance(event)? {
            Some(written) => self.traffic.bytes_out += written as u64,
            None => return Ok(()),
        }
        while event.is_readable() || event.is_read_closed() || event.is_error() {
            let Some(connection) = &mut line.connection else {
                return Ok(());
            };
            let input = match connection.read(&mut self.buffer) {
                // A reset of an idle connection costs nobody an answer: it is an end like any other.
                Err(_) if !line.waiting => Input::End,
                input => input?,
            };
            match input {
                Input::Blocked => return Ok(()),
                Input::End => return line.end(client, tell),
                Input::Bytes(length) => {
                    self.traffic.bytes_in += length as u64;
                    line.take(client, &self.buffer[..length], tell)?;
                    if length < self.buffer.len() && !event.is_read_closed() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

impl Line {
    /// Takes bytes of the connection.
    fn take(&mut self, client: usize, bytes: &[u8], tell: &mut Tell<'_>) -> Result<(), CallError> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        if !self.waiting {
            return Err(protocol(format!(
                "bytes that answer no request: {}",
                crate::load::message::excerpt(bytes)
            )));
        }
        let Some(whole) = connection.decoder.push(bytes).map_err(protocol)? else {
            self.began.get_or_insert_with(Instant::now);
            return Ok(());
        };
        let at = Instant::now();
        self.waiting = false;
        let began = self.began.take();
        let (used, closes) = (whole.used, whole.head.closes);
        tell(client, Happened::Answered(answer(&whole, began, at)));
        connection.decoder.clear();
        // Answered before the request was written: the rest of it would be taken for the next one.
        if closes || !connection.is_sent() {
            self.connection = None;
        } else if used < bytes.len() {
            return self.take(client, &bytes[used..], tell);
        }
        Ok(())
    }

    /// The connection has ended: an answer may end with it, and an idle connection may end at any time.
    fn end(&mut self, client: usize, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let Some(connection) = self.connection.take() else {
            return Ok(());
        };
        if std::mem::take(&mut self.waiting) {
            let whole = connection
                .decoder
                .finish()
                .map_err(|text| CallError::new(ErrorKind::Transport, text))?;
            let (began, at) = (self.began.take(), Instant::now());
            tell(client, Happened::Answered(answer(&whole, began, at)));
        }
        Ok(())
    }
}

impl Wire for Streamable {
    fn open(&mut self, client: usize, tell: &mut Tell<'_>) {
        match self.connect(client) {
            Ok(()) => tell(client, Happened::Opened),
            Err(error) => self.fail(client, error, tell),
        }
    }

    fn close(&mut self, client: usize) {
        let line = &mut self.lines[client];
        line.connection = None;
        line.waiting = false;
        line.began = None;
    }

    fn forget(&mut self, client: usize) {
        self.lines[client].is_agreed = false;
        self.lines[client].session = None;
    }

    fn agree(&mut self, client: usize, session: Option<&[u8]>) {
        let head = |id: &[u8]| {
            let mut head = self.agreed[..self.agreed.len() - b"Content-Length: ".len()].to_vec();
            head.extend_from_slice(b"Mcp-Session-Id: ");
            head.extend_from_slice(id);
            head.extend_from_slice(b"\r\nContent-Length: ");
            (id.to_vec(), head)
        };
        self.lines[client].session = session.map(head);
        self.lines[client].is_agreed = true;
    }

    fn lend(&mut self, client: usize, lender: usize) {
        self.lines[client].lender = Some(lender);
    }

    fn send(&mut self, client: usize, message: &Message, id: u32, tell: &mut Tell<'_>) {
        let lender = self.lines[client].lender.take();
        let sent = self.request(client, |out, wire| {
            let line = &wire.lines[lender.unwrap_or(client)];
            let head = match &line.session {
                Some((_, head)) => head,
                None if line.is_agreed => &wire.agreed,
                None => &wire.opening,
            };
            out.extend_from_slice(head);
            message.append_http(out, id);
        });
        if let Err(error) = sent {
            self.fail(client, error, tell);
        }
    }

    fn send_delete(&mut self, client: usize, tell: &mut Tell<'_>) -> bool {
        if self.lines[client].session.is_none() {
            return false;
        }
        let sent = self.request(client, |out, wire| {
            let head = format!(
                "DELETE {} HTTP/1.1\r\nHost: {}\r\n",
                wire.path, wire.address
            );
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(version_line(wire.revision).as_bytes());
            out.extend_from_slice(b"Mcp-Session-Id: ");
            if let Some((id, _)) = &wire.lines[client].session {
                out.extend_from_slice(id);
            }
            out.extend_from_slice(b"\r\n\r\n");
        });
        if let Err(error) = sent {
            self.fail(client, error, tell);
        }
        true
    }

    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>) {
        if let Err(error) = self.advance(event, tell) {
            self.fail(event.token().0, error, tell);
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

fn version_line(revision: Revision) -> String {
    if revision.has_version_header() {
        format!("MCP-Protocol-Version: {revision}\r\n")
    } else {
        String::new()
    }
}

fn answer<'a>(whole: &Whole<'a>, began: Option<Instant>, at: Instant) -> Answer<'a> {
    Answer {
        status: whole.head.status,
        form: whole.head.form,
        body: whole.body,
        session: (!whole.head.session.is_empty()).then_some(&whole.head.session),
        began,
        at,
    }
}
