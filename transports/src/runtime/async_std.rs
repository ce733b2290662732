//! async-std: the global executor of its process, started on as many threads as asked for.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use async_global_executor::{GlobalExecutorConfig, init_with_config, spawn_more_threads};
use async_std::{
    net::{TcpListener, TcpStream},
    task,
};
use smol_hyper::rt::FuturesIo;

use super::{BoxFuture, Runtime, WORKER, futures_io, outside};

/// async-std's one executor.
#[derive(Clone, Debug)]
pub struct AsyncStd {
    tokio: tokio::runtime::Handle,
}

impl hyper::rt::Executor<BoxFuture<()>> for AsyncStd {
    fn execute(&self, future: BoxFuture<()>) {
        task::spawn(future);
    }
}

impl Runtime for AsyncStd {
    type Io = FuturesIo<TcpStream>;
    type Listener = TcpListener;
    type Stdin = futures_io::Stdin;
    type Stdout = futures_io::Stdout;

    const NAME: &'static str = "async-std";

    /// A process has one such executor: a second call uses the threads of the first.
    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = Self {
            tokio: futures_io::tokio()?,
        };
        {
            // Every worker enters the context that this thread has when the first is started.
            let _context = runtime.tokio.enter();
            let config = GlobalExecutorConfig::default()
                // A variable without a name cannot be set, so the flag alone decides the number.
                .with_env_var("")
                .with_min_threads(1)
                .with_max_threads(workers)
                .with_thread_name_fn(|| WORKER.into());
            init_with_config(config);
            // This call returns an error; the configuration's own maximum would panic.
            futures::executor::block_on(spawn_more_threads(workers.saturating_sub(1)))?;
        }
        outside::wait_for(main(runtime.clone()), |main| {
            hyper::rt::Executor::execute(&runtime, main);
        })
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Self::Listener> {
        Ok(listener.into())
    }

    async fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> io::Result<(Self::Io, SocketAddr)> {
        let (stream, client) = listener.accept().await?;
        stream.set_nodelay(nodelay)?;
        Ok((FuturesIo::new(stream), client))
    }

    fn adopt(&self, stream: std::net::TcpStream, nodelay: bool) -> io::Result<Self::Io> {
        stream.set_nodelay(nodelay)?;
        Ok(FuturesIo::new(stream.into()))
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        task::sleep(duration)
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
