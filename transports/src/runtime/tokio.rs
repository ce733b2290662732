//! tokio, multi-threaded and work-stealing.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use hyper_util::rt::TokioIo;
use rmcp::transport::io::{StdioReader, StdioWriter};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::{Runtime, WORKER, outside};

/// Every so many tasks, a worker takes one of the queue that all workers share. A worker's own queue
/// holds 256 tasks, and what does not fit goes to the shared one. By tokio's default the tasks there
/// have one turn in up to 127: with 300 busy connections the unlucky ones were answered after 30 ms,
/// the others after 2. With every second turn they all are within 10.
const GLOBAL_QUEUE_INTERVAL: u32 = 2;

/// The tokio runtime of the caller.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

impl<F> hyper::rt::Executor<F> for Tokio
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(future);
    }
}

impl Runtime for Tokio {
    type Io = TokioIo<tokio::net::TcpStream>;
    type Listener = tokio::net::TcpListener;
    type Stdin = Compat<StdioReader>;
    type Stdout = Compat<StdioWriter>;

    const NAME: &'static str = "tokio";

    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers)
            .global_queue_interval(GLOBAL_QUEUE_INTERVAL)
            // tokio gives its threads for blocking work the same name.
            .thread_name(WORKER)
            .enable_all()
            .build()?;
        let outcome = outside::wait_for(main(Self), |main| {
            runtime.spawn(main);
        });
        // The process does not wait for blocking calls whose callers have given up.
        runtime.shutdown_background();
        outcome
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Self::Listener> {
        tokio::net::TcpListener::from_std(listener)
    }

    async fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> io::Result<(Self::Io, SocketAddr)> {
        let (stream, client) = listener.accept().await?;
        stream.set_nodelay(nodelay)?;
        Ok((TokioIo::new(stream), client))
    }

    fn adopt(&self, stream: std::net::TcpStream, nodelay: bool) -> io::Result<Self::Io> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(nodelay)?;
        Ok(TokioIo::new(tokio::net::TcpStream::from_std(stream)?))
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(duration)
    }

    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let task = tokio::task::spawn_blocking(work);
        async move {
            match task.await {
                Ok(value) => value,
                Err(failed) => match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // tokio cancels blocking work only while the runtime shuts down.
                    Err(_) => std::future::pending().await,
                },
            }
        }
    }

    fn stdio(&self) -> io::Result<(Self::Stdin, Self::Stdout)> {
        let (stdin, stdout) = rmcp::transport::stdio_pipes();
        Ok((stdin.compat(), stdout.compat_write()))
    }
}
