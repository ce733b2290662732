//! One current-thread tokio runtime per core: no task moves, and the tasks of a connection stay
//! where the connection was accepted.
//!
//! The threads are not pinned: the kernel may move them, as with any other runtime. Sessions are
//! shared between the cores; the tools' pools are not ([`PerShard`](super::PerShard)).

use std::{cell::Cell, future::Future, io, net::SocketAddr, sync::Arc, thread, time::Duration};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Runtime, Tokio, WORKER, outside};

/// As many tokio runtimes as there are workers.
#[derive(Clone, Debug)]
pub struct PerCore {
    cores: Arc<[Handle]>,
    /// The core to spawn on. Without one, the caller's core; outside of all cores, the first.
    core: Option<usize>,
}

impl hyper::rt::Executor<BoxFuture<()>> for PerCore {
    fn execute(&self, future: BoxFuture<()>) {
        match (self.core, Handle::try_current()) {
            (None, Ok(here)) => here.spawn(future),
            (core, _) => self.cores[core.unwrap_or(0)].spawn(future),
        };
    }
}

thread_local! {
    /// The core whose runtime this thread runs.
    static CORE: Cell<usize> = const { Cell::new(0) };
}

/// Starts the runtime of `core` on a thread of its own that runs until `stop`.
fn start(core: usize, stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread()
        .thread_name("blocking")
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name(WORKER.into()).spawn(move || {
        CORE.set(core);
        runtime.block_on(stop.cancelled());
        // The process does not wait for blocking calls whose callers have given up.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}

impl Runtime for PerCore {
    type Io = <Tokio as Runtime>::Io;
    type Listener = <Tokio as Runtime>::Listener;
    type Stdin = <Tokio as Runtime>::Stdin;
    type Stdout = <Tokio as Runtime>::Stdout;

    const NAME: &'static str = "percore";

    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let stop = CancellationToken::new();
        // The threads end when this function does, also by a panic.
        let _stopped = stop.clone().drop_guard();
        let cores: io::Result<_> = (0..workers).map(|core| start(core, stop.clone())).collect();
        let runtime = Self {
            cores: cores?,
            core: None,
        };
        outside::wait_for(main(runtime.clone()), |main| {
            hyper::rt::Executor::execute(&runtime, main);
        })
    }

    fn shards(&self) -> Vec<Self> {
        let shard = |core| Self {
            core: Some(core),
            ..self.clone()
        };
        (0..self.cores.len()).map(shard).collect()
    }

    fn shard() -> usize {
        CORE.get()
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Self::Listener> {
        Tokio.listen(listener)
    }

    async fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> io::Result<(Self::Io, SocketAddr)> {
        Tokio.accept(listener, nodelay).await
    }

    fn adopt(&self, stream: std::net::TcpStream, nodelay: bool) -> io::Result<Self::Io> {
        Tokio.adopt(stream, nodelay)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        Tokio.sleep(duration)
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Tokio.unblock(work)
    }

    fn stdio(&self) -> io::Result<(Self::Stdin, Self::Stdout)> {
        Tokio.stdio()
    }
}
