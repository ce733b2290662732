//! The seam between this project and an async runtime.
//!
//! [`Runtime`] names what a server needs: sockets, time, standard streams and a place for blocking
//! work. Each adapter is one file below this one. Spawning is hyper's own [`Executor`] of one boxed
//! future.
//!
//! Left to others: the protocol over the sockets ([`crate::http`]), and when to stop
//! ([`crate::shutdown`]).

mod handle;
mod outside;
mod per_shard;

#[cfg(feature = "async-std-runtime")]
mod async_std;
#[cfg(feature = "futures-io")]
mod futures_io;
#[cfg(feature = "percore-runtime")]
mod percore;
#[cfg(feature = "smol-runtime")]
mod smol;
#[cfg(feature = "tokio-runtime")]
mod tokio;

#[cfg(test)]
mod tests;

use std::{future::Future, io, net::SocketAddr, time::Duration};

pub use handle::{BoxFuture, Handle};
use hyper::rt::Executor;
pub use per_shard::PerShard;

#[cfg(feature = "async-std-runtime")]
pub use self::async_std::AsyncStd;
#[cfg(feature = "percore-runtime")]
pub use self::percore::PerCore;
#[cfg(feature = "smol-runtime")]
pub use self::smol::Smol;
#[cfg(feature = "tokio-runtime")]
pub use self::tokio::Tokio;

/// The name of the threads that run a runtime's tasks, so that an observer of the process can count
/// them. (tokio's threads for blocking work have the same name; they end after 10 s without work.)
pub const WORKER: &str = "worker";

/// IO, time, standard streams and blocking work of one async runtime.
///
/// Its methods are called from tasks of the runtime itself. rmcp and reqwest need a tokio context
/// wherever they are polled: a runtime that is not tokio's gives its tasks and its blocking work
/// one.
pub trait Runtime: Clone + Send + Sync + Executor<BoxFuture<()>> + 'static {
    /// A connected TCP stream with hyper's traits.
    type Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static;
    /// A listening TCP socket.
    type Listener: Send + Sync + 'static;
    /// Standard input.
    type Stdin: futures::io::AsyncRead + Unpin + Send + 'static;
    /// Standard output.
    type Stdout: futures::io::AsyncWrite + Unpin + Send + 'static;

    /// The runtime's name in binaries, flags and results.
    const NAME: &'static str;

    /// Starts the runtime on `workers` threads, at least one, named [`WORKER`], and runs the future
    /// of `main` to its end.
    ///
    /// # Errors
    /// When the operating system refuses the threads or the event queue.
    ///
    /// # Panics
    /// When `main` panics: the panic is resumed here.
    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Returns the shards of this runtime. Each keeps its tasks to itself and has a listener of its
    /// own. A runtime whose threads share their work is one shard.
    fn shards(&self) -> Vec<Self> {
        vec![self.clone()]
    }

    /// Returns the number of the [shard](Self::shards) that the caller runs on, from 0; outside of
    /// all shards, 0.
    #[must_use]
    fn shard() -> usize {
        0
    }

    /// Adopts a bound, non-blocking listener.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime's event queue.
    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Self::Listener>;

    /// Waits for the next connection and sets `TCP_NODELAY` on it as `nodelay` says. Returns the
    /// connection and the address of its client.
    ///
    /// # Errors
    /// Whatever `accept(2)` or `setsockopt(2)` reports; the listener stays usable.
    fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;

    /// Adopts a connection that was accepted without the runtime, and sets `TCP_NODELAY` on it as
    /// `nodelay` says.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime's event queue, or `setsockopt(2)`
    /// fails.
    fn adopt(&self, stream: std::net::TcpStream, nodelay: bool) -> io::Result<Self::Io>;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static;

    /// Runs `work` on a thread that may block, and returns its result.
    ///
    /// A panic in `work` is resumed in the caller.
    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// Returns this process's standard input and output.
    ///
    /// # Errors
    /// When the streams cannot be registered with the runtime's event queue.
    fn stdio(&self) -> io::Result<(Self::Stdin, Self::Stdout)>;
}
