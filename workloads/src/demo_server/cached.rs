//! How a tool's method asks the cache before it works.

use std::future::Future;

use serde::Serialize;
use transports::fast_path::FastResult;

use super::DemoServer;
use crate::cache::{Cacheable, Cached, Keep};

impl DemoServer {
    /// What `work` makes of `arguments`, or what was kept of an earlier call of `tool`.
    pub(super) async fn cached<A, R, F>(
        &self,
        tool: Cacheable,
        arguments: A,
        work: impl FnOnce(Self, A) -> F,
    ) -> Cached<R>
    where
        A: Serialize,
        R: FastResult + Keep + Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let Some(cache) = &self.parts.here().tuning.cache else {
            return Cached::Fresh(work(self.clone(), arguments).await);
        };
        // The work outlives this call where others wait for it, so it owns all that it needs.
        let result = cache.get(tool, arguments, |arguments| work(self.clone(), arguments));
        Cached::Shared(result.await)
    }
}
