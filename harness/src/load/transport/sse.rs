//! The HTTP+SSE transport of 2024-11-05.
//!
//! Each client has a GET whose event stream brings the answers, and a connection for its POSTs,
//! which are answered 202. A call is done when its POST is accepted and its message has come, in
//! either order; it is timed to the message.

use std::time::Instant;

use mio::{Registry, event::Event};

use super::{
    Answer, Happened, Tell, Traffic, Transport,
    connection::{Connection, Io},
};
use crate::load::{
    errors::{CallError, CallResult, ErrorKind, seen},
    http1::{EventParser, Form, MAX_BODY, Whole},
    message::{Kind, Message, classify},
    plan::Address,
};

/// All clients of one server.
#[derive(Debug)]
pub(super) struct Sse {
    registry: Registry,
    address: Address,
    path: String,
    lines: Vec<Line>,
    io: Io,
}

/// One client. Its stream has the token `2 * client`, its POSTs have the one after that.
#[derive(Debug, Default)]
struct Line {
    stream: Option<Box<Connection>>,
    post: Option<Box<Connection>>,
    /// There was a connection for POSTs since the stream was opened.
    had_post: bool,
    events: EventParser,
    /// The head of a POST up to the value of `Content-Length`, once the server has named the
    /// endpoint.
    head: Option<Vec<u8>>,
    call: Call,
}

/// The call under way.
#[derive(Debug, Default)]
struct Call {
    /// The POST is not answered yet.
    is_posted: bool,
    /// The message has not come yet.
    is_expected: bool,
    /// The message and when it came, while the POST is not answered.
    early: Option<Instant>,
    message: Vec<u8>,
}

impl Sse {
    /// The transport to `http://address/path` for so many clients.
    pub(super) fn new(registry: Registry, address: Address, path: String, clients: usize) -> Self {
        let lines = (0..clients).map(|_| Line::default()).collect();
        Self {
            registry,
            address,
            path,
            lines,
            io: Io::default(),
        }
    }

    fn advance(&mut self, event: &Event, tell: &mut Tell<'_>) -> CallResult {
        let (client, is_post) = (event.token().0 / 2, event.token().0 % 2 == 1);
        let (io, address) = (&mut self.io, &self.address);
        let Some(line) = self.lines.get_mut(client) else {
            return Ok(());
        };
        if is_post {
            let Some(mut post) = line.post.take() else {
                return Ok(());
            };
            let is_usable = post.ready(event, io, |post, bytes| {
                post.take(bytes, |whole| line.call.accepted(client, whole, tell))
            })?;
            line.post = is_usable.then_some(post);
        } else if let Some(mut stream) = line.stream.take() {
            stream.ready(event, io, |stream, bytes| {
                let Some(bytes) = bytes else {
                    return Err(CallError::transport("the event stream has ended"));
                };
                line.take_stream(stream, (client, bytes, address), tell)
            })?;
            line.stream = Some(stream);
        }
        Ok(())
    }
}

impl Transport for Sse {
    fn session_survives(&self) -> bool {
        false
    }

    fn open(&mut self, client: usize, _tell: &mut Tell<'_>) -> CallResult {
        self.close(client);
        let socket = self.address.socket;
        let mut stream = Connection::open(&self.registry, 2 * client, socket, &mut self.io)?;
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\nCache-Control: no-store\r\n\r\n",
            self.path, self.address
        );
        stream.out.bytes.extend_from_slice(head.as_bytes());
        stream.send(&mut self.io)?;
        self.lines[client].stream = Some(stream);
        Ok(())
    }

    fn close(&mut self, client: usize) {
        self.lines[client] = Line::default();
    }

    fn send(&mut self, client: usize, message: &Message, id: u32) -> CallResult {
        let line = &mut self.lines[client];
        let Some(head) = &line.head else {
            let text = "the event stream has named no endpoint";
            return Err(CallError::protocol(text));
        };
        if line.post.is_none() {
            let (socket, io) = (self.address.socket, &mut self.io);
            let post = Connection::open(&self.registry, 2 * client + 1, socket, io)?;
            line.post = Some(post);
            // The first one counts as one connection together with its stream.
            if !std::mem::replace(&mut line.had_post, true) {
                io.traffic.connects -= 1;
            }
        }
        if let Some(post) = &mut line.post {
            post.out.bytes.extend_from_slice(head);
            message.append_http(&mut post.out.bytes, id);
            post.send(&mut self.io)?;
        }
        line.call.is_posted = true;
        line.call.is_expected = message.is_request;
        line.call.early = None;
        Ok(())
    }

    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>) {
        if let Err(error) = self.advance(event, tell) {
            let client = event.token().0 / 2;
            self.close(client);
            tell(client, Happened::Failed(error));
        }
    }

    fn traffic(&self) -> Traffic {
        self.io.traffic
    }
}

impl Line {
    /// Takes bytes of the event stream.
    fn take_stream(
        &mut self,
        stream: &mut Connection,
        (client, bytes, address): (usize, &[u8], &Address),
        tell: &mut Tell<'_>,
    ) -> CallResult<bool> {
        let at = Instant::now();
        let is_ended = stream
            .decoder
            .push(bytes)
            .map_err(CallError::protocol)?
            .is_some();
        let Some(head) = stream.decoder.head() else {
            return Ok(true);
        };
        if head.status != 200 {
            let text = format!("status {} to the GET of the event stream", head.status);
            return Err(CallError::new(ErrorKind::Http, text));
        }
        if head.form != Form::EventStream {
            let text = "the GET was not answered with text/event-stream";
            return Err(CallError::protocol(text));
        }
        let (call, post_head, mut outcome) = (&mut self.call, &mut self.head, Ok(()));
        self.events.push(stream.decoder.body(), |name, data| {
            if outcome.is_ok() {
                outcome = match name {
                    b"endpoint" if post_head.is_none() => endpoint(data, address).map(|head| {
                        *post_head = Some(head);
                        tell(client, Happened::Opened);
                    }),
                    b"" | b"message" if !data.is_empty() => call.message(client, data, at, tell),
                    _ => Ok(()),
                };
            }
        });
        stream.decoder.clear_body();
        outcome?;
        if is_ended {
            return Err(CallError::transport("the event stream has ended"));
        }
        if self.events.held() > MAX_BODY {
            let text = format!("an event is longer than {MAX_BODY} bytes");
            return Err(CallError::protocol(text));
        }
        Ok(true)
    }
}

impl Call {
    /// A message came over the stream.
    fn message(
        &mut self,
        client: usize,
        data: &[u8],
        at: Instant,
        tell: &mut Tell<'_>,
    ) -> CallResult {
        if classify(data).map_err(CallError::protocol)? == Kind::FromServer {
            return Ok(());
        }
        if !std::mem::take(&mut self.is_expected) {
            return Err(CallError::unexpected("an answer to no request", data));
        }
        if self.is_posted {
            self.early = Some(at);
            self.message.clear();
            self.message.extend_from_slice(data);
        } else {
            tell(client, Happened::Answered(Answer::message(data, at)));
        }
        Ok(())
    }

    /// The POST was answered.
    fn accepted(&mut self, client: usize, whole: &Whole<'_>, tell: &mut Tell<'_>) {
        self.is_posted = false;
        let status = whole.head.status;
        let is_accepted = (200..300).contains(&status);
        let answer = match self.early.take() {
            Some(at) if is_accepted => Answer::message(&self.message, at),
            None if is_accepted && self.is_expected => return,
            _ => Answer::new(status, whole.body, Instant::now()),
        };
        self.is_expected = false;
        tell(client, Happened::Answered(answer));
    }
}

/// The head of a POST to the URI that the server named: a path, or an absolute URI of the same
/// origin.
fn endpoint(uri: &[u8], address: &Address) -> CallResult<Vec<u8>> {
    let path = std::str::from_utf8(uri)
        .ok()
        .and_then(|uri| match uri.split_once("://") {
            None => Some(uri),
            Some(("http", rest)) => {
                let (host, path) = rest.split_at(rest.find('/')?);
                address.is_called(host).then_some(path)
            }
            Some(_) => None,
        });
    let is_path = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.bytes().any(|byte| byte <= b' ' || byte == 0x7f)
    };
    let Some(path) = path.filter(is_path) else {
        let what = format!("the endpoint is not a path on {address}");
        return Err(CallError::protocol(seen(&what, uri)));
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Accept: */*\r\nContent-Length: "
    );
    Ok(head.into_bytes())
}
