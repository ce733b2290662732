//! smol: an executor of our own, run by as many threads as asked for.
//!
//! smol's global executor takes its number of threads from the environment only. sqlx's few spawned
//! tasks (a connection that goes back to its pool) run there, on the one thread `smol-1`.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use futures::FutureExt;
use smol::{Async, Executor, Timer};
use smol_hyper::rt::FuturesIo;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Runtime, WORKER, futures_io, outside};

/// A smol executor.
#[derive(Clone, Debug)]
pub struct Smol {
    executor: Arc<Executor<'static>>,
    tokio: tokio::runtime::Handle,
}

impl hyper::rt::Executor<BoxFuture<()>> for Smol {
    fn execute(&self, future: BoxFuture<()>) {
        self.executor.spawn(future).detach();
    }
}

impl Smol {
    /// Runs tasks, IO and timers on this thread until `stop`.
    fn work(&self, stop: &CancellationToken) {
        // Entered once for the thread, not for every poll.
        let _context = self.tokio.enter();
        let run = || smol::block_on(self.executor.run(stop.cancelled()));
        // A panic ends its own task and no other.
        while catch_unwind(AssertUnwindSafe(run)).is_err() {}
    }
}

impl Runtime for Smol {
    // Not `smol::net::TcpStream`: with async-net 2.0.0 about one request in 400 was never answered
    // when its body came a moment after its head; with these streams, none in 14,400.
    type Io = FuturesIo<Async<TcpStream>>;
    type Listener = Async<TcpListener>;
    type Stdin = futures_io::Stdin;
    type Stdout = futures_io::Stdout;

    const NAME: &'static str = "smol";

    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let smol = Self {
            executor: Arc::new(Executor::new()),
            tokio: futures_io::tokio()?,
        };
        let stop = CancellationToken::new();
        // The threads end when this function does, also by a panic.
        let _stopped = stop.clone().drop_guard();
        for _ in 0..workers {
            let (smol, stop) = (smol.clone(), stop.clone());
            thread::Builder::new()
                .name(WORKER.into())
                .spawn(move || smol.work(&stop))?;
        }
        outside::wait_for(main(smol.clone()), |main| {
            hyper::rt::Executor::execute(&smol, main);
        })
    }

    fn listen(&self, listener: TcpListener) -> io::Result<Self::Listener> {
        Async::new_nonblocking(listener)
    }

    async fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> io::Result<(Self::Io, SocketAddr)> {
        let (stream, client) = listener.accept().await?;
        stream.get_ref().set_nodelay(nodelay)?;
        Ok((FuturesIo::new(stream), client))
    }

    fn adopt(&self, stream: TcpStream, nodelay: bool) -> io::Result<Self::Io> {
        stream.set_nodelay(nodelay)?;
        Ok(FuturesIo::new(Async::new(stream)?))
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        Timer::after(duration).map(drop)
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        futures_io::unblock(&self.tokio, work)
    }

    fn stdio(&self) -> io::Result<(Self::Stdin, Self::Stdout)> {
        Ok(futures_io::stdio())
    }
}
