//! A [`Runtime`] behind a pointer, for code that need not be generic over it.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures::channel::oneshot;

use super::Runtime;

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A runtime as tools see it: they sleep, move blocking work away, and spawn tasks. Cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<dyn Erased>);

trait Erased: Send + Sync {
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
    fn unblock(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<()>;
    fn spawn(&self, task: BoxFuture<()>);
    fn shards(&self) -> Vec<Handle>;
    fn shard(&self) -> usize;
}

impl<R: Runtime> Erased for R {
    fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        Box::pin(Runtime::sleep(self, duration))
    }

    fn unblock(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<()> {
        Box::pin(Runtime::unblock(self, work))
    }

    fn spawn(&self, task: BoxFuture<()>) {
        self.execute(task);
    }

    fn shards(&self) -> Vec<Handle> {
        Runtime::shards(self).into_iter().map(Handle::new).collect()
    }

    fn shard(&self) -> usize {
        R::shard()
    }
}

impl Handle {
    /// Wraps `runtime`.
    pub fn new(runtime: impl Runtime) -> Self {
        Self(Arc::new(runtime))
    }

    /// Completes after `duration`.
    #[must_use]
    pub fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        self.0.sleep(duration)
    }

    /// Runs `task` in the background.
    pub fn spawn(&self, task: BoxFuture<()>) {
        self.0.spawn(task);
    }

    /// Returns handles of the runtime's [shards](Runtime::shards). A task that is spawned on one
    /// stays there.
    pub(super) fn shards(&self) -> Vec<Self> {
        self.0.shards()
    }

    /// Returns the number of the shard that the caller runs on.
    pub(super) fn shard(&self) -> usize {
        self.0.shard()
    }

    /// Runs `work` on a thread that may block, and returns its result.
    ///
    /// # Panics
    /// When `work` panics: the panic is resumed here.
    pub async fn unblock<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = oneshot::channel();
        self.0
            .unblock(Box::new(move || {
                // A cancelled caller has dropped the receiver, and the result is dropped too.
                let _ = sender.send(work());
            }))
            .await;
        match receiver.await {
            Ok(value) => value,
            Err(oneshot::Canceled) => unreachable!("the work ended without a result or a panic"),
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Handle")
    }
}
