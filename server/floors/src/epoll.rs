//! `floor-epoll`: the floor under hyper, one thread with epoll and httparse. Its cost is that of
//! sockets and the kernel.
//!
//! Its answers have the headers of `floor-http` except `Date`. It understands the requests of its
//! load and no others: it rejects a chunked body (411) and does not answer `Expect: 100-continue`.
//! Of what a client sends it keeps the begin of a head alone, up to a limit.

mod client;

use std::{
    io::{self, Read},
    os::unix::net::UnixStream as Pipe,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{CommandFactory, Parser, error::ErrorKind};
use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream, UnixStream},
};
use server::{
    flags::ProcessFlags,
    process::{INTERRUPTED, LIFE, LOG, exit_code, start_log},
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    low_level::pipe,
};

use self::client::Client;
use crate::FloorFlags;

const LISTENER: Token = Token(0);
const SIGNALS: Token = Token(1);
/// The token of the first client.
const CLIENTS: usize = 2;
/// The size of the one buffer for everything that is read.
const READ_BYTES: usize = 64 * 1024;
/// Waiting time after a failed `accept`, for instance when file descriptors have run out.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// What sockets cost without hyper: every request is read whole and answered with the same bytes.
#[derive(Parser, Debug)]
#[command(name = "floor-epoll", version, after_help = LIFE)]
struct Flags {
    #[command(flatten)]
    process: ProcessFlags,
    #[command(flatten)]
    floor: FloorFlags,
}

/// The `main` of the floor. It uses no runtime.
#[must_use]
pub fn main() -> ExitCode {
    let flags = Flags::parse();
    if let Some(workers) = flags.process.workers.filter(|workers| workers.get() > 1) {
        let message =
            format!("floor-epoll runs on one thread: --workers {workers} has no meaning here");
        let mut command = Flags::command();
        command.error(ErrorKind::ValueValidation, message).exit();
    }
    exit_code(&start_log(LOG).and_then(|()| serve(&flags)))
}

fn serve(flags: &Flags) -> anyhow::Result<()> {
    let address = flags.floor.listen.listen;
    let listener = std::net::TcpListener::bind(address)
        .with_context(|| format!("listening on {address}; choose another with --listen"))?;
    listener
        .set_nonblocking(true)
        .context("listening without blocking")?;
    let address = listener
        .local_addr()
        .context("asking for the address that is listened on")?;
    let mut floor = Floor::new(flags, TcpListener::from_std(listener))
        .context("setting up epoll and signals")?;
    eprintln!("ready http://{address}/mcp");
    floor.run().with_context(|| format!("serving on {address}"))
}

/// The event loop and its connections.
struct Floor {
    poll: Poll,
    /// Closed once the shutdown has begun.
    listener: Option<TcpListener>,
    signals: UnixStream,
    /// By token, from [`CLIENTS`] on; `free` lists the empty places.
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    /// Head and body of every answer.
    answer: Vec<u8>,
    buffer: Vec<u8>,
    nodelay: bool,
    drain_timeout: Duration,
    /// The end of the drain timeout, once the shutdown has begun.
    deadline: Option<Instant>,
}

impl Floor {
    fn new(flags: &Flags, mut listener: TcpListener) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (signals, handler) = Pipe::pair()?;
        for signal in [SIGTERM, SIGINT] {
            pipe::register(signal, handler.try_clone()?)?;
        }
        signals.set_nonblocking(true)?;
        let mut signals = UnixStream::from_std(signals);
        let registry = poll.registry();
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
        let body = flags.floor.answer();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Ok(Self {
            poll,
            listener: Some(listener),
            signals,
            clients: Vec::new(),
            free: Vec::new(),
            answer: [head.into_bytes(), body].concat(),
            buffer: vec![0; READ_BYTES],
            nodelay: flags.floor.listen.nodelay.is_on(),
            drain_timeout: flags.process.drain.drain_timeout,
            deadline: None,
        })
    }

    /// Serves until a signal has come and every request that has begun is answered.
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut accept_again = None;
        loop {
            let wait = self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, accept_again.or(wait)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            let mut is_knocked = accept_again.take().is_some();
            for event in &events {
                match event.token() {
                    LISTENER => is_knocked = true,
                    SIGNALS => self.signalled()?,
                    Token(token) => self.ready(token - CLIENTS, event.is_read_closed()),
                }
            }
            if is_knocked && let Err(error) = self.accept() {
                tracing::warn!(%error, "a connection could not be accepted");
                accept_again = Some(AFTER_FAILED_ACCEPT);
            }
            if self.is_over() {
                return Ok(());
            }
        }
    }

    /// Accepts all connections that wait.
    fn accept(&mut self) -> io::Result<()> {
        while let Some(listener) = &self.listener {
            match listener.accept() {
                Ok((stream, _)) => self.enter(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // The client disconnected before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives a connection its place, or closes it if it cannot be set up.
    fn enter(&mut self, mut stream: TcpStream) {
        let place = self.free.pop().unwrap_or(self.clients.len());
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        let set_up = stream
            .set_nodelay(self.nodelay)
            .and_then(|()| registry.register(&mut stream, Token(place + CLIENTS), both));
        let client = set_up.is_ok().then(|| Client::new(stream));
        if place == self.clients.len() {
            self.clients.push(client);
        } else {
            self.clients[place] = client;
        }
        if self.clients[place].is_none() {
            self.free.push(place);
        }
    }

    /// Reads and writes as much of a client's stream as it can without waiting.
    fn ready(&mut self, place: usize, is_read_closed: bool) {
        let Some(Some(client)) = self.clients.get_mut(place) else {
            return;
        };
        let goes_on = client.turn(&mut self.buffer, &self.answer, is_read_closed);
        if !goes_on || (self.deadline.is_some() && client.is_idle()) {
            self.clients[place] = None;
            self.free.push(place);
        }
    }

    /// Begins the shutdown at the first signal, and ends the process on the spot at the second.
    fn signalled(&mut self) -> io::Result<()> {
        let mut signals = [0; 8];
        match self.signals.read(&mut signals) {
            Ok(count) if count > 1 || self.deadline.is_some() => {
                std::process::exit(INTERRUPTED);
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        // Connections and bytes that came before the signal are still answered.
        if let Err(error) = self.accept() {
            tracing::warn!(%error, "a connection could not be accepted");
        }
        self.listener = None;
        self.deadline = Some(Instant::now() + self.drain_timeout);
        for place in 0..self.clients.len() {
            self.ready(place, true);
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        if self.clients.iter().all(Option::is_none) {
            return true;
        }
        let is_late = Instant::now() >= deadline;
        if is_late {
            tracing::warn!(
                drain_timeout_s = self.drain_timeout.as_secs_f64(),
                "the drain timeout ended before everything in flight was answered; raise --drain-timeout"
            );
        }
        is_late
    }
}
