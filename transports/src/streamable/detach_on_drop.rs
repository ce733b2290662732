//! A call whose client may leave before it is answered.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::runtime::Handle;

/// A call that goes on by itself when it is dropped before its end. MCP, "Streamable HTTP": up to
/// 2025-11-25 disconnection SHOULD NOT be taken for cancellation.
pub(super) struct DetachOnDrop<F>
where
    F: Future + Unpin + Send + 'static,
{
    call: Option<F>,
    runtime: Handle,
}

impl<F: Future + Unpin + Send + 'static> DetachOnDrop<F> {
    pub(super) fn new(call: F, runtime: &Handle) -> Self {
        Self {
            call: Some(call),
            runtime: runtime.clone(),
        }
    }
}

impl<F: Future + Unpin + Send + 'static> Future for DetachOnDrop<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(call) = &mut self.call else {
            return Poll::Pending;
        };
        let outcome = Pin::new(call).poll(context);
        if outcome.is_ready() {
            self.call = None;
        }
        outcome
    }
}

impl<F: Future + Unpin + Send + 'static> Drop for DetachOnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            self.runtime.spawn(Box::pin(async move {
                call.await;
            }));
        }
    }
}
