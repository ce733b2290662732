//! The tuning of a server that are no service of their own: where CPU-bound work runs, and what is cached.

use transports::runtime::Handle;

use crate::cache::Cache;

/// How the tools are asked to work.
#[derive(Clone, Debug, Default)]
pub struct Tuning {
    /// Where CPU-bound work runs.
    pub cpu_offload: CpuOffload,
    /// Where results are kept; without one every call works for itself.
    pub cache: Option<Cache>,
}

/// Where CPU-bound work runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CpuOffload {
    /// On the thread that reads the network, however long it takes: everybody on that thread waits.
    Inline,
    /// Where it may block, unless moving it would take longer than the work.
    #[default]
    Blocking,
}

/// How long a piece of CPU-bound work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuWork {
    /// Not much longer than moving it to another thread and back: 13 us on the machine that it was
    /// measured on. It is never moved.
    Short,
    /// Longer.
    Long,
}

impl CpuOffload {
    /// Does `work` where this lever puts it, and gives back what it returns.
    ///
    /// # Panics
    /// When `work` panics.
    pub async fn run<T: Send + 'static>(
        self,
        runtime: &Handle,
        size: CpuWork,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match (self, size) {
            (Self::Inline, _) | (_, CpuWork::Short) => work(),
            (Self::Blocking, CpuWork::Long) => runtime.unblock(work).await,
        }
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use std::thread;

    use transports::runtime::Tokio;

    use super::*;

    #[tokio::test]
    async fn only_long_work_that_may_move_is_moved() {
        let runtime = Handle::new(Tokio);
        for (lever, size, moves) in [
            (CpuOffload::Inline, CpuWork::Short, false),
            (CpuOffload::Inline, CpuWork::Long, false),
            (CpuOffload::Blocking, CpuWork::Short, false),
            (CpuOffload::Blocking, CpuWork::Long, true),
        ] {
            let there = lever.run(&runtime, size, || thread::current().id()).await;
            let moved = there != thread::current().id();
            assert_eq!(moved, moves, "{lever:?} {size:?}");
        }
    }
}
