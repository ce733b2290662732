//! Whether the client of the call that this thread polls is still there.
//!
//! Up to MCP 2025-11-25 a call goes on when its client leaves. A call that only waits in line should
//! not: it would keep others waiting for an answer that no client reads. So a connection says
//! before it polls a call what it knows of the client, and a call that waits in line asks. Other
//! calls pay nothing, because the connection looks after its client only when a call has asked.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// What is known of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing says that it has left.
    There,
    /// It has finished sending. It may wait for its answer, or have left.
    FinishedSending,
    /// It has left.
    Left,
}

thread_local! {
    static PRESENCE: Cell<Presence> = const { Cell::new(Presence::There) };
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Sets the presence back, also after a panic.
struct Restore(Presence);

impl Drop for Restore {
    fn drop(&mut self) {
        PRESENCE.set(self.0);
    }
}

/// Runs `poll`, which polls a call whose client is so.
pub(crate) fn with<T>(presence: Presence, poll: impl FnOnce() -> T) -> T {
    let _restore = Restore(PRESENCE.replace(presence));
    poll()
}

/// Returns what is known of the client of the call that is polled.
pub(crate) fn ask() -> Presence {
    IS_ASKED.set(true);
    PRESENCE.get()
}

/// Whether a call has asked since this was called last on this thread.
pub(crate) fn was_asked() -> bool {
    IS_ASKED.replace(false)
}

/// A future that is polled as if its client were so.
pub(crate) struct With<F> {
    pub(crate) presence: Presence,
    pub(crate) future: F,
}

impl<F: Future + Unpin> Future for With<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let presence = self.presence;
        with(presence, || Pin::new(&mut self.future).poll(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_presence_holds_for_one_poll_also_for_one_that_panics() {
        assert_eq!(ask(), Presence::There);
        with(Presence::FinishedSending, || {
            assert_eq!(with(Presence::Left, ask), Presence::Left);
            assert_eq!(ask(), Presence::FinishedSending);
        });
        let panicked = std::panic::catch_unwind(|| with::<()>(Presence::Left, || panic!("a call")));
        assert!(panicked.is_err());
        assert_eq!(ask(), Presence::There);
    }

    #[test]
    fn asking_is_noticed_once() {
        was_asked();
        assert!(!was_asked());
        ask();
        assert!(was_asked() && !was_asked());
    }
}
