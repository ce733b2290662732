//! Waits for a runtime on a thread that is not one of its workers.

use std::{any::Any, future::Future, io, panic::AssertUnwindSafe, sync::mpsc};

use futures::FutureExt;

use super::BoxFuture;

/// Has `main` run by `execute` and waits for it on this thread, which does no work of the runtime.
///
/// A panic of `main` is resumed here.
///
/// # Errors
/// When the runtime drops `main` before it is done.
pub(super) fn wait_for<F>(main: F, execute: impl FnOnce(BoxFuture<()>)) -> io::Result<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (sender, receiver) = mpsc::sync_channel::<Result<F::Output, Box<dyn Any + Send>>>(1);
    execute(Box::pin(async move {
        let outcome = AssertUnwindSafe(main).catch_unwind().await;
        // The receiver waits until this is sent.
        let _ = sender.send(outcome);
    }));
    match receiver.recv() {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(dropped) => Err(io::Error::other(dropped)),
    }
}
