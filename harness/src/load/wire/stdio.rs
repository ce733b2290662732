//! stdio: one pipe each way for all clients, messages ended by a newline, answers in any order.
//!
//! Requests that are due together go out in one write. While the pipe is full they wait in memory, at most one for
//! each client, and what comes in is read all the same, so that neither side can wait for the other for ever.

use std::{
    collections::HashSet,
    process::{ChildStdin, ChildStdout},
    time::Instant,
};

use mio::{
    Interest, Registry, Token,
    event::Event,
    unix::pipe::{Receiver, Sender},
};

use super::{
    Answer, Happened, Input, Outbox, READ_BUFFER, Tell, Traffic, Wire, protocol, read_some,
    transport,
};
use crate::load::{
    head::Form,
    http::MAX_BODY,
    message::{Kind, Message, classify, excerpt, owner},
    outcome::{CallError, ErrorKind, LoadError},
};

const STDIN: Token = Token(0);
const STDOUT: Token = Token(1);

/// The pipes of one child, shared by all clients.
#[derive(Debug)]
pub(in crate::load) struct Stdio {
    stdin: Sender,
    stdout: Receiver,
    out: Outbox,
    /// Why the child can no longer be spoken to.
    gone: Option<CallError>,
    waiting: Waiting,
    buffer: Vec<u8>,
    /// The begin of a line that is not complete.
    held: Vec<u8>,
    traffic: Traffic,
}

/// The requests that are not answered.
#[derive(Debug)]
struct Waiting {
    /// By client; 0 where there is none.
    ids: Vec<u32>,
    /// Given up, but the answer may still come.
    abandoned: HashSet<u32>,
}

impl Stdio {
    /// The wire over these pipes for so many clients.
    ///
    /// # Errors
    /// When the pipes cannot be made non-blocking or be polled.
    pub(in crate::load) fn new(
        registry: &Registry,
        stdin: ChildStdin,
        stdout: ChildStdout,
        clients: usize,
    ) -> Result<Self, LoadError> {
        let (mut stdin, mut stdout) = (Sender::from(stdin), Receiver::from(stdout));
        let mut prepare = || {
            stdin.set_nonblocking(true)?;
            stdout.set_nonblocking(true)?;
            registry.register(&mut stdin, STDIN, Interest::WRITABLE)?;
            registry.register(&mut stdout, STDOUT, Interest::READABLE)
        };
        prepare().map_err(|source| LoadError::Io {
            doing: "poll the pipes of the subject",
            source,
        })?;
        Ok(Self {
            stdin,
            stdout,
            out: Outbox::default(),
            gone: None,
            waiting: Waiting {
                ids: vec![0; clients],
                abandoned: HashSet::new(),
            },
            buffer: vec![0; READ_BUFFER],
            held: Vec::new(),
            traffic: Traffic {
                connects: 1,
                ..Traffic::default()
            },
        })
    }

    fn read(&mut self, at_end: bool, tell: &mut Tell<'_>) -> Result<(), CallError> {
        loop {
            match read_some(&mut self.stdout, &mut self.buffer)
                .map_err(|error| transport("reading stdout", &error))?
            {
                Input::Blocked => return Ok(()),
                Input::End => {
                    return Err(CallError::new(
                        ErrorKind::Transport,
                        "the subject has closed its stdout",
                    ));
                }
                Input::Bytes(length) => {
                    self.traffic.bytes_in += length as u64;
                    self.take(length, tell)?;
                    if length < self.buffer.len() && !at_end {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Takes the lines out of the first bytes of the buffer.
    fn take(&mut self, length: usize, tell: &mut Tell<'_>) -> Result<(), CallError> {
        let at = Instant::now();
        let mut rest = &self.buffer[..length];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            if self.held.is_empty() {
                self.waiting.line(&rest[..end], at, tell);
            } else {
                self.held.extend_from_slice(&rest[..end]);
                self.waiting.line(&self.held, at, tell);
                self.held.clear();
            }
            rest = &rest[end + 1..];
        }
        self.held.extend_from_slice(rest);
        if self.held.len() > MAX_BODY {
            return Err(protocol(format!(
                "a line of stdout is longer than {MAX_BODY} bytes"
            )));
        }
        Ok(())
    }

    /// The child cannot be spoken to any more: nothing that is under way will be answered.
    fn lose(&mut self, error: CallError, tell: &mut Tell<'_>) {
        self.out.clear();
        for (client, id) in self.waiting.ids.iter_mut().enumerate() {
            if std::mem::take(id) != 0 {
                tell(client, Happened::Failed(error.clone()));
            }
        }
        self.gone = Some(error);
    }
}

impl Waiting {
    fn line(&mut self, line: &[u8], at: Instant, tell: &mut Tell<'_>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        let stray = |text: String| Happened::Stray(protocol(text));
        match classify(line) {
            Ok(Kind::FromServer) => {}
            Ok(Kind::Response(Some(id))) => match self.settle(id) {
                Settled::Client(client) => {
                    let answer = Answer {
                        status: 200,
                        form: Form::Json,
                        body: line,
                        session: None,
                        began: None,
                        at,
                    };
                    tell(client, Happened::Answered(answer));
                }
                Settled::Late => {}
                Settled::Nobody => tell(
                    0,
                    stray(format!("an answer to no request: {}", excerpt(line))),
                ),
            },
            Ok(Kind::Response(None)) => tell(
                0,
                stray(format!(
                    "an answer without an id of ours: {}",
                    excerpt(line)
                )),
            ),
            Err(text) => tell(0, stray(text)),
        }
    }

    /// Finds whose request this id is, and takes it off the list.
    fn settle(&mut self, id: u64) -> Settled {
        let client = owner(id, self.ids.len());
        if let Some(client) = client.filter(|client| u64::from(self.ids[*client]) == id) {
            self.ids[client] = 0;
            return Settled::Client(client);
        }
        match u32::try_from(id) {
            Ok(id) if self.abandoned.remove(&id) => Settled::Late,
            _ => Settled::Nobody,
        }
    }
}

enum Settled {
    Client(usize),
    Late,
    Nobody,
}

impl Wire for Stdio {
    fn is_shared(&self) -> bool {
        true
    }

    fn open(&mut self, client: usize, tell: &mut Tell<'_>) {
        match &self.gone {
            None => tell(client, Happened::Opened),
            Some(error) => tell(client, Happened::Failed(error.clone())),
        }
    }

    fn close(&mut self, client: usize) {
        let id = std::mem::take(&mut self.waiting.ids[client]);
        if id != 0 {
            self.waiting.abandoned.insert(id);
        }
    }

    fn send(&mut self, client: usize, message: &Message, id: u32, tell: &mut Tell<'_>) {
        if let Some(error) = &self.gone {
            return tell(client, Happened::Failed(error.clone()));
        }
        message.append_line(&mut self.out.bytes, id);
        if message.is_request() {
            self.waiting.ids[client] = id;
        } else {
            let answer = Answer {
                status: 202,
                form: Form::Other,
                body: b"",
                session: None,
                began: None,
                at: Instant::now(),
            };
            tell(client, Happened::Answered(answer));
        }
    }

    fn flush(&mut self, tell: &mut Tell<'_>) {
        if self.gone.is_some() || self.out.is_empty() {
            return;
        }
        match self.out.flush(&mut self.stdin) {
            Ok(written) => self.traffic.bytes_out += written as u64,
            Err(error) => self.lose(transport("writing to stdin", &error), tell),
        }
    }

    fn ready(&mut self, event: &Event, tell: &mut Tell<'_>) {
        if self.gone.is_some() {
            return;
        }
        if event.token() == STDIN {
            self.flush(tell);
        } else if let Err(error) = self.read(event.is_read_closed(), tell) {
            self.lose(error, tell);
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }

    fn is_gone(&self) -> bool {
        self.gone.is_some()
    }
}
