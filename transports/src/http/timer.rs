//! hyper's timer over any [`Runtime`]'s.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::rt::{Sleep, Timer};

use crate::runtime::{BoxFuture, Runtime};

/// Gives hyper the runtime's own time.
#[derive(Clone)]
pub(super) struct RuntimeTimer<R>(pub(super) R);

/// hyper asks for a `Sync` future, which a boxed one is not. It is only ever polled through an
/// exclusive reference, and a `Mutex` that is never locked says just that.
struct Sleeping(Mutex<BoxFuture<()>>);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleeping = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        sleeping.as_mut().poll(context)
    }
}

impl Sleep for Sleeping {}

impl<R: Runtime> Timer for RuntimeTimer<R> {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping(Mutex::new(Box::pin(self.0.sleep(duration)))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}
