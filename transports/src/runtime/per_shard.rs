//! What every shard of a runtime has one of, so that shards share nothing.

use std::{fmt, future::Future, io, sync::Arc};

use futures::{channel::oneshot, future::try_join_all};

use super::Handle;

/// One `T` for each [shard](super::Runtime::shards), made there and used there: a pool whose connections
/// stay with the event queue that opened them, and whose lock no other core takes. On a runtime whose
/// threads share their work there is one.
///
/// Cheap to clone: clones share everything.
pub struct PerShard<T> {
    runtime: Handle,
    each: Arc<[T]>,
}

impl<T: Send + Sync + 'static> PerShard<T> {
    /// One for each shard of `runtime`. `make` is given the shard's handle and how many shards there are;
    /// what it returns runs on the shard.
    ///
    /// # Errors
    /// The first error of `make`, and one of its own when `make` panics.
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
                // Nobody waits any more when another shard has failed.
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
    /// One for all shards of `runtime`.
    pub fn shared(runtime: Handle, one: T) -> Self {
        Self {
            runtime,
            each: Arc::new([one]),
        }
    }

    /// The one of the shard that this is called on; outside of every shard, the first one's.
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
