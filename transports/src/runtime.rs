//! The seam between this project and an async runtime.
//!
//! [`Runtime`] says what a server needs of one: sockets, time, standard streams and a place for
//! blocking work. Each adapter is one file below this one. Spawning is hyper's own [`Executor`],
//! asked for over one boxed future, so that what runs on a runtime can be written as it likes.
//!
//! Left to others: what is spoken over the sockets ([`crate::http`]), and when to stop
//! ([`crate::shutdown`]).

mod handle;
#[cfg(feature = "tokio-runtime")]
mod tokio;

use std::{future::Future, io, time::Duration};

pub use handle::{BoxFuture, Handle};
use hyper::rt::Executor;

#[cfg(feature = "tokio-runtime")]
pub use self::tokio::Tokio;

/// IO, time, standard streams and blocking work of one async runtime.
pub trait Runtime: Clone + Send + Sync + Executor<BoxFuture<()>> + 'static {
    /// A connected TCP stream, already in hyper's terms.
    type Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static;
    /// A listening TCP socket.
    type Listener: Send + Sync + 'static;
    /// Standard input.
    type Stdin: futures::io::AsyncRead + Unpin + Send + 'static;
    /// Standard output.
    type Stdout: futures::io::AsyncWrite + Unpin + Send + 'static;

    /// The runtime's name in binaries, flags and results.
    const NAME: &'static str;

    /// Starts the runtime on `workers` threads and drives what `main` makes until it is done.
    ///
    /// # Errors
    /// When the operating system refuses the threads or the event queue.
    ///
    /// # Panics
    /// When `main` panics: the panic is continued here.
    fn block_on<F>(workers: usize, main: impl FnOnce(Self) -> F) -> io::Result<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Adopts a bound, non-blocking listener.
    ///
    /// # Errors
    /// When the socket cannot be registered with the runtime's event queue.
    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Self::Listener>;

    /// Waits for the next connection and sets `TCP_NODELAY` on it as `nodelay` says.
    ///
    /// # Errors
    /// Whatever `accept(2)` or `setsockopt(2)` reports; the listener stays usable.
    fn accept(
        &self,
        listener: &Self::Listener,
        nodelay: bool,
    ) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static;

    /// Runs `work` where it may block, and gives back what it returns.
    ///
    /// A panic in `work` is continued in the caller.
    fn unblock<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// This process's standard input and output.
    ///
    /// # Errors
    /// When the streams cannot be registered with the runtime's event queue.
    fn stdio(&self) -> io::Result<(Self::Stdin, Self::Stdout)>;
}
