//! One value for each shard of a runtime, so that shards share nothing.

use std::{fmt, future::Future, io, sync::Arc};

use futures::{channel::oneshot, future::try_join_all};

use super::Handle;

/// One `T` for each [shard](super::Runtime::shards), made there and used there. A pool then keeps
/// its connections at the event queue that opened them, and no other core takes its lock. A runtime
/// whose threads share their work has one `T`.
///
/// Cheap to clone: clones share everything.
pub struct PerShard<T> {
    runtime: Handle,
    each: Arc<[T]>,
}

impl<T: Send + Sync + 'static> PerShard<T> {
    /// Makes one `T` for each shard of `runtime`. `make` gets the shard's handle and the number of
    /// shards; its future runs on the shard.
    ///
    /// # Errors
    /// The first error of `make`, and an I/O error when `make` panics.
    pub async fn make<F, E>(runtime: Handle, make: impl Fn(Handle, usize) -> F) -> Result<Self, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let shards = runtime.shards();
        let count = shards.len();
        let making = shards.into_iter().map(|shard| {
            let (sender, receiver) = oneshot::channel();
            let one = make(shard.clone(), count);
            shard.spawn(Box::pin(async move {
                // The receiver is gone when another shard has failed.
                let _ = sender.send(one.await);
            }));
            async {
                receiver.await.unwrap_or_else(|oneshot::Canceled| {
                    Err(io::Error::other("a shard ended before it was set up").into())
                })
            }
        });
        let each = try_join_all(making).await?;
        Ok(Self {
            runtime,
            each: each.into(),
        })
    }
}

impl<T> PerShard<T> {
    /// Shares `one` between all shards of `runtime`.
    pub fn shared(runtime: Handle, one: T) -> Self {
        Self {
            runtime,
            each: Arc::new([one]),
        }
    }

    /// Returns the `T` of the caller's shard; outside of all shards, the first one.
    #[must_use]
    pub fn here(&self) -> &T {
        match &*self.each {
            [one] => one,
            each => &each[self.runtime.shard() % each.len()],
        }
    }
}

impl<T> Clone for PerShard<T> {
    fn clone(&self) -> Self {
        Self {
            runtime: self.runtime.clone(),
            each: self.each.clone(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for PerShard<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&*self.each).finish()
    }
}
