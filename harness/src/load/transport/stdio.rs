//! stdio: one pipe each way for all clients, messages ended by a newline, answers in any order.
//!
//! Requests that are due together go out in one write. While the pipe is full they wait in memory,
//! at most one for each client, and answers are read all the same, so that neither side can wait
//! for the other for ever.

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
    Answer, Happened, Tell, Traffic, Transport,
    connection::{Input, Io, Outbox, failed},
};
use crate::load::{
    errors::{CallError, CallResult, LoadError, LoadResult},
    http1::MAX_BODY,
    message::{Kind, Message, classify, owner},
};

const STDIN: Token = Token(0);
const STDOUT: Token = Token(1);

/// The pipes of one child, shared by all clients.
#[derive(Debug)]
pub(super) struct Stdio {
    stdin: Sender,
    stdout: Receiver,
    out: Outbox,
    /// Why the child cannot be reached any more.
    gone: Option<CallError>,
    waiting: Waiting,
    /// The client whose notification is sent, for which no answer comes.
    notified: Option<usize>,
    /// The begin of a line that is not complete.
    held: Vec<u8>,
    io: Io,
}

/// The requests that are not answered.
#[derive(Debug)]
struct Waiting {
    /// By client; 0 for none.
    ids: Vec<u32>,
    /// Given up, but the answer may still come.
    abandoned: HashSet<u64>,
}

impl Stdio {
    /// The transport over these pipes for so many clients.
    pub(super) fn new(
        registry: &Registry,
        stdin: ChildStdin,
        stdout: ChildStdout,
        clients: usize,
    ) -> LoadResult<Self> {
        let (mut stdin, mut stdout) = (Sender::from(stdin), Receiver::from(stdout));
        let mut prepare = || {
            stdin.set_nonblocking(true)?;
            stdout.set_nonblocking(true)?;
            registry.register(&mut stdin, STDIN, Interest::WRITABLE)?;
            registry.register(&mut stdout, STDOUT, Interest::READABLE)
        };
        prepare().map_err(LoadError::io("poll the pipes of the subject"))?;
        Ok(Self {
            stdin,
            stdout,
            out: Outbox::default(),
            gone: None,
            waiting: Waiting {
                ids: vec![0; clients],
                abandoned: HashSet::new(),
            },
            notified: None,
            held: Vec::new(),
            io: Io::default(),
        })
    }

    fn read(&mut self, is_ending: bool, tell: &mut Tell<'_>) -> CallResult {
        loop {
            let input = self.io.read(&mut self.stdout);
            let length = match input.map_err(|error| failed("reading stdout", &error))? {
                Input::Bytes(length) => length,
                Input::Blocked => return Ok(()),
                Input::End => {
                    return Err(CallError::transport("the subject has closed its stdout"));
                }
            };
            self.take(length, tell)?;
            if length < self.io.buffer.len() && !is_ending {
                return Ok(());
            }
        }
    }

    /// Takes the lines in the first bytes of the buffer.
    fn take(&mut self, length: usize, tell: &mut Tell<'_>) -> CallResult {
        let at = Instant::now();
        let mut rest = &self.io.buffer[..length];
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
            let text = format!("a line of stdout is longer than {MAX_BODY} bytes");
            return Err(CallError::protocol(text));
        }
        Ok(())
    }

    /// The child cannot be reached any more: no outstanding request will be answered.
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
        let error = match classify(line) {
            Ok(Kind::FromServer) => return,
            Ok(Kind::Response(Some(id))) => {
                let is_waiting = |client: &usize| u64::from(self.ids[*client]) == id;
                if let Some(client) = owner(id, self.ids.len()).filter(is_waiting) {
                    self.ids[client] = 0;
                    return tell(client, Happened::Answered(Answer::message(line, at)));
                }
                if self.abandoned.remove(&id) {
                    return;
                }
                CallError::unexpected("an answer to no request", line)
            }
            Ok(Kind::Response(None)) => {
                CallError::unexpected("an answer without an id of a request", line)
            }
            Err(text) => CallError::protocol(text),
        };
        tell(0, Happened::Stray(error));
    }
}

impl Transport for Stdio {
    fn is_shared(&self) -> bool {
        true
    }

    fn open(&mut self, client: usize, tell: &mut Tell<'_>) -> CallResult {
        self.gone.clone().map_or(Ok(()), Err)?;
        tell(client, Happened::Opened);
        Ok(())
    }

    fn close(&mut self, client: usize) {
        let id = std::mem::take(&mut self.waiting.ids[client]);
        if id != 0 {
            self.waiting.abandoned.insert(u64::from(id));
        }
    }

    fn send(&mut self, client: usize, message: &Message, id: u32) -> CallResult {
        self.gone.clone().map_or(Ok(()), Err)?;
        message.append_line(&mut self.out.bytes, id);
        if message.is_request {
            self.waiting.ids[client] = id;
        } else {
            self.notified = Some(client);
        }
        Ok(())
    }

    fn flush(&mut self, tell: &mut Tell<'_>) {
        if self.gone.is_some() || self.out.bytes.is_empty() {
            return;
        }
        if let Err(error) = self.out.flush(&mut self.stdin, &mut self.io) {
            self.lose(failed("writing to stdin", &error), tell);
        } else if let Some(client) = self.notified.take() {
            let sent = Answer::new(202, b"", Instant::now());
            tell(client, Happened::Answered(sent));
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
        self.io.traffic
    }

    fn is_gone(&self) -> bool {
        self.gone.is_some()
    }
}
