//! Streamable HTTP, and HTTP without a protocol: each client has one connection, which is kept alive, or takes one of a
//! pool for the time of a request; an answer is complete, and is timed, when the HTTP response is.

mod slot;

use std::collections::VecDeque;

use mio::{Registry, Token, event::Event};

use self::slot::Slot;
use super::{Happened, Input, READ_BUFFER, Tell, Traffic, Wire, connection::Connection};
use crate::load::{address::Address, message::Message, outcome::CallError, revision::Revision};

/// All clients of one endpoint.
#[derive(Debug)]
pub(in crate::load) struct Streamable {
    registry: Registry,
    address: Address,
    /// Heads up to the value of `Content-Length`: before the handshake, and after it where there is no session.
    opening: Vec<u8>,
    agreed: Vec<u8>,
    path: String,
    revision: Revision,
    lines: Vec<Line>,
    /// By token. Without a pool client `n` has slot `n` for ever.
    slots: Vec<Slot>,
    /// The slots of a pool that nobody has, the one that has been free for longest first.
    free: Option<VecDeque<usize>>,
    buffer: Vec<u8>,
    traffic: Traffic,
}

/// One client.
#[derive(Debug, Default)]
struct Line {
    /// Where its request is under way, or would be.
    slot: Option<usize>,
    is_agreed: bool,
    /// The session and the head with its id, where there is one.
    session: Option<(Vec<u8>, Vec<u8>)>,
    /// Whose session the next message is sent in, where it is not its own.
    lender: Option<usize>,
}

impl Streamable {
    /// The wire to `http://address/path` for so many clients, and for so many connections where these are a pool.
    pub(in crate::load) fn new(
        registry: Registry,
        (address, path): (Address, &str),
        revision: Revision,
        (clients, pool): (usize, Option<usize>),
    ) -> Self {
        let opening = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n"
        );
        let agreed = format!("{opening}{}Content-Length: ", version_line(revision));
        let line = |client| Line {
            slot: pool.is_none().then_some(client),
            ..Line::default()
        };
        Self {
            registry,
            address,
            opening: format!("{opening}Content-Length: ").into_bytes(),
            agreed: agreed.into_bytes(),
            path: path.to_owned(),
            revision,
            lines: (0..clients).map(line).collect(),
            slots: (0..pool.unwrap_or(clients)).map(Slot::of).collect(),
            free: pool.map(|slots| (0..slots).collect()),
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

    fn connect(&mut self, slot: usize) -> Result<(), CallError> {
        self.slots[slot].close();
        self.traffic.connects += 1;
        self.slots[slot].connection = Some(Connection::open(
            &self.registry,
            Token(slot),
            self.address.socket,
        )?);
        Ok(())
    }

    /// Sends a request, over a new connection if the last one has ended in good order.
    fn request(
        &mut self,
        client: usize,
        fill: impl FnOnce(&mut Vec<u8>, &Self),
    ) -> Result<(), CallError> {
        let free = &mut self.free;
        let pooled = || free.as_mut().and_then(VecDeque::pop_front);
        let Some(slot) = self.lines[client].slot.or_else(pooled) else {
            return Err(super::protocol(
                "no connection is free: a defect of the load client",
            ));
        };
        self.lines[client].slot = Some(slot);
        self.slots[slot].client = client;
        if self.slots[slot].connection.is_none() {
            self.connect(slot)?;
        }
        let Some(mut connection) = self.slots[slot].connection.take() else {
            return Ok(());
        };
        let written = connection.send(|out| fill(out, self))?;
        self.traffic.bytes_out += written as u64;
        self.traffic.http_requests += 1;
        let slot = &mut self.slots[slot];
        slot.connection = Some(connection);
        slot.waiting = true;
        Ok(())
    }

    fn fail(&mut self, client: usize, error: CallError, tell: &mut Tell<'_>) {
        self.close(client);
        tell(client, Happened::Failed(error));
    }

    /// A connection has failed, which concerns the client that waits on it, or nobody.
    fn fail_slot(&mut self, slot: usize, error: CallError, tell: &mut Tell<'_>) {
        let client = self.slots[slot].client;
        if self.lines[client].slot == Some(slot) {
            self.fail(client, error, tell);
        } else {
            self.slots[slot].close();
            tell(client, Happened::Stray(error));
        }
    }

    /// Gives a slot of the pool back whose request is answered.
    fn release(&mut self, slot: usize) {
        let line = &mut self.lines[self.slots[slot].client];
        if let Some(free) = &mut self.free
            && line.slot == Some(slot)
        {
            line.slot = None;
            free.push_back(slot);
        }
    }

    fn advance(&mut self, event: &Event, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let Some(slot) = self.slots.get_mut(event.token().0) else {
            return Ok(());
        };
        let Some(connection) = &mut slot.connection else {
            return Ok(());
        };
        match connection.advance(event)? {
            Some(written) => self.traffic.bytes_out += written as u64,
            None => return Ok(()),
        }
        while event.is_readable() || event.is_read_closed() || event.is_error() {
            let Some(connection) = &mut slot.connection else {
                return Ok(());
            };
            let input = match connection.read(&mut self.buffer) {
                // A reset of an idle connection costs nobody an answer: it is an end like any other.
                Err(_) if !slot.waiting => Input::End,
                input => input?,
            };
            match input {
                Input::Blocked => return Ok(()),
                Input::End => return slot.end(tell),
                Input::Bytes(length) => {
                    self.traffic.bytes_in += length as u64;
                    slot.take(&self.buffer[..length], tell)?;
                    if length < self.buffer.len() && !event.is_read_closed() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

impl Wire for Streamable {
    fn has_room(&self, client: usize) -> bool {
        let is_free = |free: &VecDeque<usize>| !free.is_empty();
        self.lines[client].slot.is_some() || self.free.as_ref().is_none_or(is_free)
    }

    fn open(&mut self, client: usize, tell: &mut Tell<'_>) {
        // A connection of a pool is opened when it is first used.
        let opened = match self.lines[client].slot {
            Some(slot) => self.connect(slot),
            None => Ok(()),
        };
        match opened {
            Ok(()) => tell(client, Happened::Opened),
            Err(error) => self.fail(client, error, tell),
        }
    }

    fn close(&mut self, client: usize) {
        if let Some(slot) = self.lines[client].slot {
            self.slots[slot].close();
            self.release(slot);
        }
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
        let slot = event.token().0;
        if let Err(error) = self.advance(event, tell) {
            self.fail_slot(slot, error, tell);
        }
        // What was told is acted on later, so that the connection is free by then.
        if self.slots.get(slot).is_some_and(|slot| !slot.waiting) {
            self.release(slot);
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
