//! What async-std and smol share: the reactor and the streams of async-io, and a tokio context.
//!
//! rmcp and reqwest call `tokio::spawn`, and tokio's timers and sockets, wherever they are polled. So
//! there is one tokio runtime beside the other, on one thread. What they spawn runs there: rmcp's
//! tasks of a conversation and reqwest's connections; each message of theirs crosses threads. All
//! else, sqlx too, stays on the runtime of the binary's name.
//!
//! async-io's own thread (`async-io`) polls for IO only while no worker does. Workers inside of
//! `async_io::block_on` take turns at it whenever they have nothing to run, also a single one.

use std::{
    fs::{self, File, OpenOptions},
    future::Future,
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    sync::{Mutex, PoisonError},
    thread,
};

use async_io::Async;
use blocking::Unblock;
use futures::future::Either;

/// Standard input: a pipe that the reactor watches, or whatever else, read on a thread.
pub(super) type Stdin = Either<Async<File>, Unblock<io::Stdin>>;
/// Standard output, likewise.
pub(super) type Stdout = Either<Async<File>, Unblock<io::Stdout>>;

/// The tokio runtime in the background; the first call starts it, and it lives as long as the process.
pub(super) fn tokio() -> io::Result<tokio::runtime::Handle> {
    static STARTED: Mutex<Option<tokio::runtime::Handle>> = Mutex::new(None);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*started {
        return Ok(handle.clone());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_name("tokio-blocking")
        .build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("tokio".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *started = Some(handle.clone());
    Ok(handle)
}

/// Runs `work` on a thread for blocking work, with the context of `tokio`.
pub(super) fn unblock<T: Send + 'static>(
    tokio: &tokio::runtime::Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send + 'static {
    let tokio = tokio.clone();
    blocking::unblock(move || {
        let _context = tokio.enter();
        work()
    })
}

/// This process's standard input and output.
pub(super) fn stdio() -> (Stdin, Stdout) {
    let stdin = pipe("/proc/self/fd/0", OpenOptions::new().read(true));
    let stdout = pipe("/proc/self/fd/1", OpenOptions::new().write(true));
    (
        stdin.map_or_else(|| Either::Right(Unblock::new(io::stdin())), Either::Left),
        stdout.map_or_else(|| Either::Right(Unblock::new(io::stdout())), Either::Left),
    )
}

/// The pipe at `path`, where there is one, opened anew: whoever shares the descriptor that this
/// process was started with would be surprised if it became non-blocking.
fn pipe(path: &str, how: &mut OpenOptions) -> Option<Async<File>> {
    if !fs::metadata(path).ok()?.file_type().is_fifo() {
        return None;
    }
    // Without the flag, opening a pipe that nobody writes to any more would wait for somebody.
    let file = how.custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    Async::new_nonblocking(file).ok()
}
