//! Streamable HTTP, and HTTP without a protocol.
//!
//! Each client has one connection, which is kept alive, or takes one of a pool for the time of a
//! request. A connection is free again when the HTTP response is complete. The answer is timed to
//! its message: to the end of a JSON body, or to the event that brings it in an event stream.

use std::{collections::VecDeque, time::Instant};

use mio::{Registry, event::Event};

use super::{
    Answer, Happened, Tell, Traffic, Transport,
    connection::{Connection, Io},
};
use crate::load::{
    errors::{CallError, CallResult},
    http1::{Decoder, EventParser, Form, Whole},
    message::{Kind, Message, classify},
    plan::Address,
    requests::Revision,
};

/// All clients of one endpoint.
#[derive(Debug)]
pub(super) struct Streamable {
    registry: Registry,
    address: Address,
    path: String,
    version_header: String,
    /// The head up to the value of `Content-Length`, before the handshake and after it.
    opening: Vec<u8>,
    agreed: Vec<u8>,
    lines: Vec<Line>,
    /// By token. Without a pool client `n` always has slot `n`.
    slots: Vec<Slot>,
    /// The free slots of a pool, the one that has been free for longest first.
    free: Option<VecDeque<usize>>,
    io: Io,
}

/// One client.
#[derive(Debug, Default)]
struct Line {
    /// Where its request is under way, or would be.
    slot: Option<usize>,
    is_agreed: bool,
    /// The session and the head with its id, if there is one.
    session: Option<(Vec<u8>, Vec<u8>)>,
    /// The client in whose session the next message is sent, if that is not its own.
    lender: Option<usize>,
}

/// The place of a connection.
#[derive(Debug, Default)]
struct Slot {
    connection: Option<Box<Connection>>,
    /// The client whose request is under way, or was last.
    client: usize,
    arrival: Arrival,
}

impl Slot {
    /// Drops the connection; an answer that is still to come belongs to no client.
    fn close(&mut self) {
        self.connection = None;
        self.arrival.reset();
    }

    fn is_waiting(&self) -> bool {
        self.connection.as_ref().is_some_and(|one| one.is_waiting)
    }
}

/// When the parts of an answer came that takes more than one read.
#[derive(Debug, Default)]
struct Arrival {
    /// The first part, if it did not contain the message.
    began: Option<Instant>,
    /// The message of an event stream, if it came before the end of the stream.
    message: Option<Instant>,
    events: EventParser,
    /// How much of the body the parser of the events has read.
    parsed: usize,
}

impl Arrival {
    /// Looks at an answer that is not complete: the message of an event stream may be.
    fn look(&mut self, decoder: &Decoder) {
        if self.message.is_some() {
            return;
        }
        let (now, mut is_answered) = (Instant::now(), false);
        if decoder
            .head()
            .is_some_and(|head| head.form == Form::EventStream)
        {
            self.events.push(&decoder.body()[self.parsed..], |_, data| {
                is_answered |= matches!(classify(data), Ok(Kind::Response(_)));
            });
            self.parsed = decoder.body().len();
        }
        if is_answered {
            self.message = Some(now);
        } else {
            self.began.get_or_insert(now);
        }
    }

    /// The answer is complete.
    fn finish<'a>(&mut self, whole: &Whole<'a>) -> Answer<'a> {
        let at = self.message.unwrap_or_else(Instant::now);
        let answer = Answer {
            form: whole.head.form,
            session: (!whole.head.session.is_empty()).then_some(&whole.head.session),
            began: self.began,
            ..Answer::new(whole.head.status, whole.body, at)
        };
        self.reset();
        answer
    }

    fn reset(&mut self) {
        (self.began, self.message, self.parsed) = (None, None, 0);
        self.events.clear();
    }
}

impl Streamable {
    /// The transport to `http://address/path`.
    pub(super) fn new(
        registry: Registry,
        address: Address,
        path: String,
        revision: Revision,
        (clients, pool): (usize, Option<usize>),
    ) -> Self {
        let version = revision.has_version_header();
        let version = version.then(|| format!("MCP-Protocol-Version: {revision}\r\n"));
        let version_header = version.unwrap_or_default();
        let opening = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\n"
        );
        let line = |client| Line {
            slot: pool.is_none().then_some(client),
            ..Line::default()
        };
        let slot = |client| Slot {
            client,
            ..Slot::default()
        };
        Self {
            registry,
            address,
            path,
            opening: format!("{opening}Content-Length: ").into_bytes(),
            agreed: format!("{opening}{version_header}Content-Length: ").into_bytes(),
            version_header,
            lines: (0..clients).map(line).collect(),
            slots: (0..pool.unwrap_or(clients)).map(slot).collect(),
            free: pool.map(|slots| (0..slots).collect()),
            io: Io::default(),
        }
    }

    fn connect(&mut self, slot: usize) -> CallResult<Box<Connection>> {
        self.slots[slot].close();
        Connection::open(&self.registry, slot, self.address.socket, &mut self.io)
    }

    /// Sends a request, over a new connection if the last one has ended properly.
    fn request(&mut self, client: usize, fill: impl FnOnce(&mut Vec<u8>, &Self)) -> CallResult {
        let free = &mut self.free;
        let pooled = || free.as_mut().and_then(VecDeque::pop_front);
        let Some(slot) = self.lines[client].slot.or_else(pooled) else {
            let text = "no connection is free: a defect of the load client";
            return Err(CallError::protocol(text));
        };
        self.lines[client].slot = Some(slot);
        self.slots[slot].client = client;
        let mut connection = match self.slots[slot].connection.take() {
            Some(connection) => connection,
            None => self.connect(slot)?,
        };
        fill(&mut connection.out.bytes, self);
        connection.send(&mut self.io)?;
        self.slots[slot].connection = Some(connection);
        Ok(())
    }

    /// Gives the slot of an answered request back to the pool.
    fn release(&mut self, slot: usize) {
        let line = &mut self.lines[self.slots[slot].client];
        if let Some(free) = &mut self.free
            && line.slot == Some(slot)
        {
            line.slot = None;
            free.push_back(slot);
        }
    }
}

impl Transport for Streamable {
    fn has_room(&self, client: usize) -> bool {
        let is_free = |free: &VecDeque<usize>| !free.is_empty();
        self.lines[client].slot.is_some() || self.free.as_ref().is_none_or(is_free)
    }

    fn open(&mut self, client: usize, tell: &mut Tell<'_>) -> CallResult {
        // A connection of a pool is opened when it is first used.
        if let Some(slot) = self.lines[client].slot {
            self.slots[slot].connection = Some(self.connect(slot)?);
        }
        tell(client, Happened::Opened);
        Ok(())
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

    fn send(&mut self, client: usize, message: &Message, id: u32) -> CallResult {
        let lender = self.lines[client].lender.take();
        self.request(client, |out, transport| {
            let line = &transport.lines[lender.unwrap_or(client)];
            out.extend_from_slice(match &line.session {
                Some((_, head)) => head,
                None if line.is_agreed => &transport.agreed,
                None => &transport.opening,
            });
            message.append_http(out, id);
        })
    }

    fn send_delete(&mut self, client: usize) -> CallResult {
        self.request(client, |out, transport| {
            let (path, address) = (&transport.path, &transport.address);
            let version = &transport.version_header;
            let head = format!("DELETE {path} HTTP/1.1\r\nHost: {address}\r\n{version}");
            out.extend_from_slice(head.as_bytes());
            if let Some((id, _)) = &transport.lines[client].session {
                out.extend_from_slice(b"Mcp-Session-Id: ");
                out.extend_from_slice(id);
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(b"\r\n");
        })
    }

    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>) {
        let number = event.token().0;
        let Some(slot) = self.slots.get_mut(number) else {
            return;
        };
        let Some(mut connection) = slot.connection.take() else {
            return;
        };
        let (client, arrival) = (slot.client, &mut slot.arrival);
        let is_usable = connection.ready(event, &mut self.io, |connection, bytes| {
            let is_usable = connection.take(bytes, |whole| {
                tell(client, Happened::Answered(arrival.finish(whole)));
            })?;
            if connection.is_waiting {
                arrival.look(&connection.decoder);
            }
            Ok(is_usable)
        });
        match is_usable {
            Ok(is_usable) => slot.connection = is_usable.then_some(connection),
            // It concerns the client that waits on the connection, if there is one.
            Err(error) if self.lines[client].slot == Some(number) => {
                self.close(client);
                tell(client, Happened::Failed(error));
            }
            Err(error) => {
                slot.close();
                tell(client, Happened::Stray(error));
            }
        }
        // The client acts later on what it was told, so that the connection is free by then.
        if !self.slots[number].is_waiting() {
            self.release(number);
        }
    }

    fn traffic(&self) -> Traffic {
        self.io.traffic
    }
}
