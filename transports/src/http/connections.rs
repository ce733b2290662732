//! The open connections, and which of them have a request to answer.
//!
//! A request costs a few uncontended atomic stores to the state of its connection. The table is
//! locked only when a connection opens or closes, and by the sweep.
//!
//! The sweep closes connections whose request head does not arrive (slowloris). hyper can do that
//! too, but it sets a timer for every request (ARCHITECTURE.md, "Draining").

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::task::AtomicWaker;
use http::{Method, Request};
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::sync::Notify;

/// All open connections of one server.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<State>>>,
    next: AtomicU64,
    draining: AtomicBool,
    /// Notified when an answer is finished or a connection closes, while draining.
    changed: Notify,
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
    /// How many sweeps in a row have found `has_read` set.
    stalled: AtomicU8,
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

/// Sweeps in a row that have to find a head incomplete before its connection is closed.
pub(super) const SWEEPS: u8 = 5;

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
    /// Enters a new connection.
    pub(super) fn open(self: &Arc<Self>) -> Connection {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(State {
            connections: self.clone(),
            answering: AtomicBool::new(false),
            is_stream: AtomicBool::new(false),
            has_read: AtomicBool::new(false),
            stalled: AtomicU8::new(0),
            must_close: AtomicBool::new(false),
            must_break: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        self.table().insert(id, state.clone());
        Connection { id, state }
    }

    /// Asks every open connection to close after its answer. A connection that opens later is asked
    /// by the next call.
    pub(super) fn close_when_answered(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for state in self.table().values() {
            state.must_close.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Closes connections whose request head has been incomplete for [`SWEEPS`] sweeps.
    pub(super) fn sweep(&self) {
        for state in self.table().values() {
            if !state.awaits_head() {
                state.stalled.store(0, Ordering::Relaxed);
            } else if state.stalled.fetch_add(1, Ordering::Relaxed) + 1 >= SWEEPS {
                state.must_break.store(true, Ordering::SeqCst);
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
        self.until(HashMap::is_empty).await;
    }

    async fn until(&self, reached: impl Fn(&HashMap<u64, Arc<State>>) -> bool) {
        loop {
            let changed = self.changed.notified();
            if reached(&self.table()) {
                return;
            }
            changed.await;
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u64, Arc<State>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify_if_draining(&self) {
        if self.draining.load(Ordering::SeqCst) {
            self.changed.notify_one();
        }
    }
}

impl State {
    fn record_read(&self) {
        self.has_read.store(true, Ordering::Relaxed);
    }

    /// Records that `request` has begun. It is being answered until the guard is dropped.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> AnswerGuard {
        let is_get = request.method() == Method::GET;
        self.answering.store(true, Ordering::SeqCst);
        self.has_read.store(false, Ordering::Relaxed);
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
        // The rest of the head may have arrived between the sweep and this poll.
        if self.state.must_break.load(Ordering::SeqCst) && self.state.awaits_head() {
            Order::Break
        } else if self.state.must_close.load(Ordering::SeqCst) {
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

impl Drop for AnswerGuard {
    fn drop(&mut self) {
        let state = &self.state;
        state.has_read.store(false, Ordering::Relaxed);
        state.answering.store(false, Ordering::SeqCst);
        if self.is_get {
            state.is_stream.store(false, Ordering::SeqCst);
        }
        state.connections.notify_if_draining();
    }
}

/// A connection's IO that records in its state when bytes arrive.
pub(super) struct TrackedIo<Io> {
    io: Io,
    state: Arc<State>,
}

impl<Io> TrackedIo<Io> {
    pub(super) fn new(io: Io, state: Arc<State>) -> Self {
        Self { io, state }
    }
}

impl<Io: Read + Unpin> Read for TrackedIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        if read.is_ready() {
            self.state.record_read();
        }
        read
    }
}

impl<Io: Write + Unpin> Write for TrackedIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
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
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}
