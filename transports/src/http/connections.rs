//! The open connections, and which of them have a request to answer.
//!
//! A request costs a few uncontended atomic stores to the state of its connection. The table is
//! locked only when a connection opens or closes, and by the sweep.
//!
//! Sweeps close connections whose client stalls: its request head does not arrive (slowloris), it
//! has never sent a byte, it does not read its answer, or it sends no further request. hyper can
//! find the first of these, too, but it sets a timer for every request (ARCHITECTURE.md,
//! "Draining").
//!
//! hyper does not look for the end of the input while it answers, so that a client may finish
//! sending and wait (RFC 9112, section 9.6, lets a client do so). Where a client that leaves ends
//! its request, the connection's IO looks for it.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::AtomicWaker;
use http::{Method, Request};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::sync::Notify;

use crate::{
    log_limit::LogLimit,
    metrics::{Metrics, Shed, count_shed},
};

/// All open connections of one server.
pub(super) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<State>>>,
    limit: usize,
    pub(super) failures: LogLimit,
    rejections: LogLimit,
    next: AtomicU64,
    draining: AtomicBool,
    /// Notified when an answer is finished or a connection closes, while draining.
    changed: Notify,
    metrics: Option<Metrics>,
}

/// The state of one connection.
pub(super) struct State {
    connections: Arc<Connections>,
    /// Whether a request is being answered; HTTP/1.1 answers one at a time.
    answering: AtomicBool,
    /// Whether a GET is being answered: the stream that it opens may never end.
    is_stream: AtomicBool,
    /// Whether bytes have arrived that belong to no request with a whole head.
    has_read: AtomicBool,
    /// Whether no byte has arrived yet.
    is_silent: AtomicBool,
    /// Whether the body of the request in hand has not arrived yet.
    awaits_body: AtomicBool,
    /// Whether the client does not take what is written.
    awaits_reader: AtomicBool,
    /// Whether a client that leaves ends the request in hand.
    ends_with_client: AtomicBool,
    /// Whether the request in hand waits in line, so that it has to know whether its client left.
    looks_for_client: AtomicBool,
    /// Whether the client was found to have finished sending.
    has_finished_sending: AtomicBool,
    /// How many sweeps of each kind in a row have found the client stalled.
    stalled: [AtomicU8; 4],
    must_close: AtomicBool,
    must_break: AtomicBool,
    waker: AtomicWaker,
}

/// The next step of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Carry on.
    Serve,
    /// Close after the answer.
    Close,
    /// Close at once.
    Break,
}

/// Sweeps in a row that have to find a client stalled before its connection is closed.
pub(super) const SWEEPS: u8 = 5;

/// A way for clients to stall a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stall {
    /// The head of a request does not arrive.
    Head,
    /// The client does not read.
    Reader,
    /// In a shutdown: the client does not read, or the body of its request does not arrive.
    Draining,
    /// There is no request.
    Idle,
}

/// One open connection. Dropping this takes it out of the table.
pub(super) struct Connection {
    id: u64,
    state: Arc<State>,
}

/// Marks a connection as answering, until hyper has the last byte of the answer and drops this.
pub(super) struct AnswerGuard {
    state: Arc<State>,
    is_get: bool,
}

impl Connections {
    /// Creates a table for `limit` connections, which `metrics` count.
    pub(super) fn new(limit: usize, metrics: Option<Metrics>) -> Self {
        Self {
            open: Mutex::default(),
            limit,
            failures: LogLimit::default(),
            rejections: LogLimit::default(),
            next: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            changed: Notify::new(),
            metrics,
        }
    }

    /// Adds the connections to the metrics.
    pub(super) fn register(self: &Arc<Self>) {
        let Some(metrics) = &self.metrics else { return };
        // The metrics may live longer than the table, which holds them.
        let table = Arc::downgrade(self);
        let of_table = move |number: fn(&Self) -> f64| {
            let table = table.clone();
            move || table.upgrade().map_or(0.0, |table| number(&table))
        };
        metrics.gauge(
            "mcp_connections",
            "Open connections",
            &[],
            of_table(|connections| connections.table().len() as f64),
        );
        metrics.gauge(
            "mcp_connections_limit",
            "Connections that may be open at once",
            &[],
            of_table(|connections| connections.limit as f64),
        );
        metrics.counter(
            "mcp_connections_opened",
            "Connections that were opened",
            &[],
            of_table(|connections| connections.next.load(Ordering::Relaxed) as f64),
        );
    }

    /// Enters a new connection. Where there is no place, one that has nothing to answer is closed
    /// for it, because a server may close idle connections at any time. When all are busy there is
    /// no place, and the log says so.
    pub(super) fn open(self: &Arc<Self>) -> Option<Connection> {
        let mut table = self.table();
        if table.len() >= self.limit && !make_room(&table) {
            count_shed(Shed::Connections);
            if let Some(left_out) = self.rejections.admit() {
                tracing::warn!(
                    max_connections = self.limit,
                    left_out,
                    "a connection was rejected: all are busy; raise --max-connections"
                );
            }
            return None;
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(State {
            connections: self.clone(),
            answering: AtomicBool::new(false),
            is_stream: AtomicBool::new(false),
            has_read: AtomicBool::new(false),
            is_silent: AtomicBool::new(true),
            awaits_body: AtomicBool::new(false),
            awaits_reader: AtomicBool::new(false),
            ends_with_client: AtomicBool::new(false),
            looks_for_client: AtomicBool::new(false),
            has_finished_sending: AtomicBool::new(false),
            stalled: Default::default(),
            must_close: AtomicBool::new(false),
            must_break: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        table.insert(id, state.clone());
        Some(Connection { id, state })
    }

    /// Begins the shutdown: asks every open connection to close after its answer. Only the first of
    /// the shards does that, because after it another may have opened connections from its backlog,
    /// and their requests are not read yet.
    pub(super) fn begin_draining(&self) {
        if !self.draining.swap(true, Ordering::SeqCst) {
            self.close_when_answered();
        }
    }

    /// Asks every open connection to close after its answer. A connection that opens later is asked
    /// by the next call.
    pub(super) fn close_when_answered(&self) {
        for state in self.table().values() {
            state.must_close.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Closes connections whose client has stalled for [`SWEEPS`] sweeps.
    pub(super) fn sweep(&self, stall: Stall) {
        for state in self.table().values() {
            let stalled = &state.stalled[stall as usize];
            if !state.is_stalled(stall) {
                stalled.store(0, Ordering::Relaxed);
            } else if stalled.fetch_add(1, Ordering::Relaxed) + 1 >= SWEEPS {
                // A request that comes this moment on an idle connection is answered.
                let must = match stall {
                    Stall::Idle => &state.must_close,
                    Stall::Head | Stall::Reader | Stall::Draining => &state.must_break,
                };
                must.store(true, Ordering::SeqCst);
                state.waker.wake();
            }
        }
    }

    /// Closes the connections that have sent only a part of a request's head.
    pub(super) fn break_unfinished(&self) {
        for state in self.table().values().filter(|state| state.awaits_head()) {
            state.must_break.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Completes when all open connections carry a stream that a GET opened. All others close by
    /// themselves after their answer. Waiting until no connection is answering would miss the
    /// request that begins right afterwards.
    pub(super) async fn answered(&self) {
        let is_stream = |state: &Arc<State>| state.is_stream.load(Ordering::SeqCst);
        self.until(|open| open.values().all(is_stream)).await;
    }

    /// Completes when no connection is open.
    pub(super) async fn closed(&self) {
        self.until(BTreeMap::is_empty).await;
    }

    async fn until(&self, reached: impl Fn(&BTreeMap<u64, Arc<State>>) -> bool) {
        loop {
            let changed = self.changed.notified();
            if reached(&self.table()) {
                return;
            }
            changed.await;
        }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<State>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify_if_draining(&self) {
        if self.draining.load(Ordering::SeqCst) {
            self.changed.notify_one();
        }
    }
}

/// Has an idle connection close, if there is one; first one that has never sent a byte, the oldest
/// of them: what a new client sends may be on its way.
fn make_room(open: &BTreeMap<u64, Arc<State>>) -> bool {
    let is_idle = |state: &&Arc<State>| {
        !state.answering.load(Ordering::SeqCst) && !state.must_close.load(Ordering::SeqCst)
    };
    let is_silent = |state: &&Arc<State>| state.is_silent.load(Ordering::Relaxed);
    let mut silent = open.values().filter(is_idle).filter(is_silent);
    let Some(state) = silent.next().or_else(|| open.values().find(is_idle)) else {
        return false;
    };
    state.must_close.store(true, Ordering::SeqCst);
    // One that waits for the rest of a head does not close by itself.
    state.must_break.store(true, Ordering::SeqCst);
    state.waker.wake();
    true
}

impl State {
    fn record_read(&self, has_arrived: bool) {
        if has_arrived {
            self.has_read.store(true, Ordering::Relaxed);
            self.is_silent.store(false, Ordering::Relaxed);
            self.awaits_body.store(false, Ordering::Relaxed);
        } else if self.answering.load(Ordering::SeqCst) {
            // While it answers hyper reads nothing but the request's body.
            self.awaits_body.store(true, Ordering::Relaxed);
        }
    }

    fn record_write(&self, is_taken: bool) {
        self.awaits_reader.store(!is_taken, Ordering::Relaxed);
        if is_taken {
            for stall in [Stall::Reader, Stall::Draining] {
                self.stalled[stall as usize].store(0, Ordering::Relaxed);
            }
        }
    }

    /// Records that a client that leaves from now on ends the request in hand.
    pub(super) fn end_with_client(&self) {
        self.ends_with_client.store(true, Ordering::Relaxed);
    }

    /// Has the connection look from now on whether the client is there, for the request in hand.
    pub(super) fn look_for_client(&self) {
        self.looks_for_client.store(true, Ordering::Relaxed);
    }

    /// Whether the client was found to have finished sending.
    pub(super) fn has_finished_sending(&self) -> bool {
        self.has_finished_sending.load(Ordering::Relaxed)
    }

    fn is_stalled(&self, stall: Stall) -> bool {
        let awaits_reader = self.awaits_reader.load(Ordering::Relaxed);
        match stall {
            Stall::Head => self.awaits_head() || self.is_silent.load(Ordering::Relaxed),
            Stall::Reader => awaits_reader,
            Stall::Draining => awaits_reader || self.awaits_body.load(Ordering::Relaxed),
            Stall::Idle => {
                !self.answering.load(Ordering::SeqCst) && !self.has_read.load(Ordering::Relaxed)
            }
        }
    }

    /// Records that `request` has begun. It is being answered until the guard is dropped.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> AnswerGuard {
        let is_get = request.method() == Method::GET;
        self.answering.store(true, Ordering::SeqCst);
        self.has_read.store(false, Ordering::Relaxed);
        self.ends_with_client.store(false, Ordering::Relaxed);
        self.stalled[Stall::Idle as usize].store(0, Ordering::Relaxed);
        if is_get {
            self.is_stream.store(true, Ordering::SeqCst);
            self.connections.notify_if_draining();
        }
        AnswerGuard {
            state: self.clone(),
            is_get,
        }
    }

    /// Whether bytes have arrived that are not a whole request head yet.
    fn awaits_head(&self) -> bool {
        self.has_read.load(Ordering::Relaxed) && !self.answering.load(Ordering::SeqCst)
    }
}

impl Connection {
    pub(super) fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Returns the next step of the connection, and wakes `context` when it changes.
    pub(super) fn order(&self, context: &Context<'_>) -> Order {
        self.state.waker.register(context.waker());
        // The client may have gone on between the sweep and this poll.
        let stalls = [Stall::Head, Stall::Draining];
        let is_stalled = || stalls.iter().any(|stall| self.state.is_stalled(*stall));
        let must_break = self.state.must_break.load(Ordering::SeqCst);
        if must_break && is_stalled() {
            return Order::Break;
        }
        if must_break {
            self.state.must_break.store(false, Ordering::SeqCst);
        }
        if self.state.must_close.load(Ordering::SeqCst) {
            Order::Close
        } else {
            Order::Serve
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let connections = &self.state.connections;
        connections.table().remove(&self.id);
        connections.notify_if_draining();
    }
}

impl AnswerGuard {
    /// Returns the state of the connection.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Counts `bytes` of the answer.
    pub(super) fn count_sent(&self, bytes: usize) {
        if let Some(metrics) = &self.state.connections.metrics {
            metrics.count_sent(bytes);
        }
    }
}

impl Drop for AnswerGuard {
    fn drop(&mut self) {
        let state = &self.state;
        state.has_read.store(false, Ordering::Relaxed);
        state.awaits_body.store(false, Ordering::Relaxed);
        state.ends_with_client.store(false, Ordering::Relaxed);
        state.looks_for_client.store(false, Ordering::Relaxed);
        state.answering.store(false, Ordering::SeqCst);
        if self.is_get {
            state.is_stream.store(false, Ordering::SeqCst);
        }
        state.connections.notify_if_draining();
    }
}

/// A connection's IO that records in its state when bytes arrive and when they are taken.
pub(super) struct TrackedIo<Io> {
    io: Io,
    state: Arc<State>,
    /// A byte that arrived when the IO looked whether the client is still there.
    early: Option<u8>,
}

impl<Io> TrackedIo<Io> {
    pub(super) fn new(io: Io, state: Arc<State>) -> Self {
        Self {
            io,
            state,
            early: None,
        }
    }
}

impl<Io: Read + Unpin> TrackedIo<Io> {
    /// Finds out whether the client has left a request that ends with it, or waits in line.
    fn look_for_end(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let ends_with_client = self.state.ends_with_client.load(Ordering::Relaxed);
        let looks = ends_with_client
            || self.state.looks_for_client.load(Ordering::Relaxed)
                && !self.state.has_finished_sending();
        if !looks || self.early.is_some() {
            return Ok(());
        }
        let mut byte = [MaybeUninit::uninit()];
        let mut byte = ReadBuf::uninit(&mut byte);
        match Pin::new(&mut self.io).poll_read(context, byte.unfilled()) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) => {
                self.early = byte.filled().first().copied();
                if self.early.is_some() {
                    return Ok(());
                }
                if ends_with_client {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the client left",
                    ));
                }
                // It may wait for its answer. The call hears of it when it looks.
                self.state
                    .has_finished_sending
                    .store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

impl<Io: Read + Unpin> Read for TrackedIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let early = self.early.take();
        if let Some(byte) = early {
            buffer.put_slice(&[byte]);
        }
        // With an early byte alone, a body would be read byte by byte.
        let read = match Pin::new(&mut self.io).poll_read(context, buffer) {
            Poll::Pending if early.is_some() => Poll::Ready(Ok(())),
            read => read,
        };
        self.state.record_read(read.is_ready());
        read
    }
}

impl<Io: Read + Write + Unpin> Write for TrackedIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.state.record_write(written.is_ready());
        written
    }

    /// hyper calls this whenever it has nothing to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look_for_end(context)?;
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        // TLS takes bytes before the client does.
        if flushed.is_pending() || self.state.awaits_reader.load(Ordering::Relaxed) {
            self.state.record_write(flushed.is_ready());
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.state.record_write(written.is_ready());
        written
    }
}
