//! Which connections are open, and which of them owe somebody an answer.
//!
//! On the way of every request lie two uncontended atomic operations on the connection's own
//! state; the table is touched only when a connection opens or closes.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    must_close: AtomicBool,
    waker: AtomicWaker,
}

/// One open connection; dropping it closes the entry.
pub(super) struct Connection {
    id: u64,
    state: Arc<State>,
}

/// Held while a request is answered, until the last byte of the answer is handed to hyper.
pub(super) struct Answering(Arc<State>);

impl Connections {
    /// Enters a new connection.
    pub(super) fn open(self: &Arc<Self>) -> Connection {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(State {
            connections: self.clone(),
            answering: AtomicBool::new(false),
            must_close: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        self.table().insert(id, state.clone());
        Connection { id, state }
    }

    /// Asks every connection to close as soon as it owes nothing.
    pub(super) fn close_when_answered(&self) {
        self.draining.store(true, Ordering::SeqCst);
        for state in self.table().values() {
            state.must_close.store(true, Ordering::SeqCst);
            state.waker.wake();
        }
    }

    /// Completes when no connection owes an answer.
    pub(super) async fn answered(&self) {
        self.until(|open| {
            open.values()
                .all(|state| !state.answering.load(Ordering::SeqCst))
        })
        .await;
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
    /// Notes that `request` is being answered. A GET is not: what it opens may stand for ever.
    pub(super) fn answering<B>(self: &Arc<Self>, request: &Request<B>) -> Option<Answering> {
        (request.method() != Method::GET).then(|| {
            self.answering.store(true, Ordering::SeqCst);
            Answering(self.clone())
        })
    }
}

impl Connection {
    pub(super) fn state(&self) -> Arc<State> {
        self.state.clone()
    }

    /// Whether the connection has been asked to close; if not, `context` is woken when it is.
    pub(super) fn must_close(&self, context: &Context<'_>) -> bool {
        if self.state.must_close.load(Ordering::SeqCst) {
            return true;
        }
        self.state.waker.register(context.waker());
        self.state.must_close.load(Ordering::SeqCst)
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
        self.0.answering.store(false, Ordering::SeqCst);
        self.0.connections.tell();
    }
}
