//! Hands what arrives to the call that waits for it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

/// The calls that wait, by their number. A call has one notification under way at a time, so no queue
/// grows.
#[derive(Debug, Default)]
pub(super) struct Desk {
    next: AtomicU64,
    /// Nobody, once the desk is closed.
    waiting: Mutex<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    open: HashMap<u64, UnboundedSender<i64>>,
    is_closed: bool,
}

/// A call that waits at a desk until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    call: u64,
    desk: Arc<Desk>,
    arrivals: UnboundedReceiver<i64>,
}

impl Desk {
    /// Waits here from now on. At a desk that is closed nothing arrives, and the arrivals end at once.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, arrivals) = unbounded();
        let mut calls = self.calls();
        if !calls.is_closed {
            calls.open.insert(call, sender);
        }
        drop(calls);
        Waiting {
            call,
            desk: Arc::clone(self),
            arrivals,
        }
    }

    /// Hands notification `at` to `call`, if it still waits.
    pub(super) fn hand_over(&self, call: u64, at: i64) {
        if let Some(waiting) = self.calls().open.get(&call) {
            // It may leave at this moment.
            let _ = waiting.unbounded_send(at);
        }
    }

    /// Nothing will arrive any more: whoever waits is told.
    pub(super) fn close(&self) {
        let mut calls = self.calls();
        calls.is_closed = true;
        calls.open.clear();
    }

    /// Whether nothing will arrive any more.
    pub(super) fn is_closed(&self) -> bool {
        self.calls().is_closed
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// The number under which notifications reach this call.
    pub(super) fn call(&self) -> u64 {
        self.call
    }

    /// What arrives; ends when the desk is closed.
    pub(super) fn arrivals(&mut self) -> &mut UnboundedReceiver<i64> {
        &mut self.arrivals
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.desk.calls().open.remove(&self.call);
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt};

    use super::*;

    #[test]
    fn a_call_gets_what_is_its_own_until_it_leaves() {
        let desk = Arc::new(Desk::default());
        let (mut a, b) = (desk.wait(), desk.wait());
        desk.hand_over(b.call(), 7);
        desk.hand_over(a.call(), 1);
        desk.hand_over(99, 2);
        assert_eq!(a.arrivals().next().now_or_never(), Some(Some(1)));
        assert_eq!(a.arrivals().next().now_or_never(), None);
        drop(b);
        assert_eq!(desk.calls().open.len(), 1);
        drop(a);
        assert!(desk.calls().open.is_empty());
    }

    #[test]
    fn a_desk_that_closes_lets_nobody_wait() {
        let desk = Arc::new(Desk::default());
        let mut before = desk.wait();
        desk.close();
        assert!(desk.is_closed());
        assert_eq!(before.arrivals().next().now_or_never(), Some(None));
        let mut after = desk.wait();
        assert_eq!(after.arrivals().next().now_or_never(), Some(None));
    }
}
