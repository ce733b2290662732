//! Which connections are open, and which of them owe somebody an answer.
//!
//! On the way of every request lie a few uncontended atomic stores to the connection's own state;
//! the table is touched only when a connection opens or closes, and by the sweep.
//!
//! The sweep closes connections whose request head does not arrive (slowloris). hyper can do that
//! too, but for the price of a timer for every request (ARCHITECTURE.md, "Draining").

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::Context,
};

use futures::task::AtomicWaker;
use http::{Method, Request};
use tokio::sync::Notify;

/// All open connections of one server.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<State>>>,
    next: AtomicU64,
    draining: AtomicBool,
    /// Told whenever, while draining, an answer is finished or a connection closes.
    changed: Notify,
}

/// What is known of one connection.
pub(super) struct State {
    connections: Arc<Connections>,
    /// Whether a request is being answered; HTTP/1.1 answers one at a time.
    answering: AtomicBool,
    /// Whether a GET is being answered: what it opens may stand for ever.
    standing: AtomicBool,
    /// Whether bytes have come in that do not belong to a request that was begun.
    heard: AtomicBool,
    /// How many sweeps in a row have found `heard` set.
    stalled: AtomicU8,
    must_close: AtomicBool,
    must_break: AtomicBool,
    waker: AtomicWaker,
}

/// What a connection is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Carry on.
    Serve,
    /// Close as soon as nothing is owed.
    Close,
    /// Close at once.
    Break,
}

/// How many sweeps in a row have to find a head incomplete before its connection is closed.
pub(super) const SWEEPS: u8 = 5;

/// One open connection; dropping it closes the entry.
pub(super) struct Connection {
    id: u64,
    state: Arc<State>,
}

/// Held while a request is answered, until the last byte of the answer is handed to hyper.
pub(super) struct Answering {
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
            standing: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            stalled: AtomicU8::new(0),
            must_close: AtomicBool::new(false),
            must_break: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        self.table().insert(id, state.clone());
        Connection { id, state }
    }

    /// Asks every connection that is open to close as soon as it owes nothing. One that opens later
    /// is not asked before this is called again.
    pub(super) fn close_when_answered(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for state in self.table().values() {
            state.must_close.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Breaks connections whose request head has been incomplete for [`SWEEPS`] sweeps.
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

    /// Breaks the connections that have sent no more than a part of a request's head.
    pub(super) fn break_unfinished(&self) {
        for state in self.table().values().filter(|state| state.awaits_head()) {
            state.must_break.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Completes when the connections that are left stand only for a GET. All others close by
    /// themselves once they have answered; looking for "nobody is answering" instead would miss
    /// the request that begins right afterwards.
    pub(super) async fn answered(&self) {
        let standing = |state: &Arc<State>| state.standing.load(Ordering::SeqCst);
        self.until(|open| open.values().all(standing)).await;
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

    fn tell(&self) {
        if self.draining.load(Ordering::SeqCst) {
            self.changed.notify_one();
        }
    }
}

impl State {
    /// Notes that bytes have come in.
    pub(super) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Notes that `request` has begun, and is answered until what this returns is dropped.
    pub(super) fn begin<B>(self: &Arc<Self>, request: &Request<B>) -> Answering {
        let is_get = request.method() == Method::GET;
        self.answering.store(true, Ordering::SeqCst);
        self.heard.store(false, Ordering::Relaxed);
        if is_get {
            self.standing.store(true, Ordering::SeqCst);
            self.connections.tell();
        }
        Answering {
            state: self.clone(),
            is_get,
        }
    }

    /// Whether bytes have come in that are not a whole request head yet.
    fn awaits_head(&self) -> bool {
        self.heard.load(Ordering::Relaxed) && !self.answering.load(Ordering::SeqCst)
    }
}

impl Connection {
    pub(super) fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// What the connection has been told to do; `context` is woken when that changes.
    pub(super) fn order(&self, context: &Context<'_>) -> Order {
        self.state.waker.register(context.waker());
        // Asked again, for the rest of the head may have come between the look and this poll.
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
        connections.tell();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let state = &self.state;
        state.heard.store(false, Ordering::Relaxed);
        state.answering.store(false, Ordering::SeqCst);
        if self.is_get {
            state.standing.store(false, Ordering::SeqCst);
        }
        state.connections.tell();
    }
}
