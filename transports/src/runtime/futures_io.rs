//! The parts that async-std and smol share: the reactor and streams of async-io, and a tokio
//! context.
//!
//! rmcp and reqwest call `tokio::spawn`, tokio's timers and tokio's sockets wherever they are
//! polled. So one tokio runtime runs beside the other, on one thread. It runs the tasks that they
//! spawn: rmcp's conversations and reqwest's connections, whose messages cross threads. All other
//! tasks, also those of sqlx, stay on the runtime that the binary is named after.
//!
//! async-io's own thread (`async-io`) polls for IO only while no worker does. Workers inside
//! `async_io::block_on` poll in turn whenever they have nothing to run, also a single one.

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

/// Standard input: a pipe that the reactor watches, or another file that a thread reads.
pub(super) type Stdin = Either<Async<File>, Unblock<io::Stdin>>;
/// Standard output, likewise.
pub(super) type Stdout = Either<Async<File>, Unblock<io::Stdout>>;

/// Returns the tokio runtime in the background. The first call starts it; it lives as long as the
/// process.
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

/// Runs `work` on a thread for blocking work, in the context of `tokio`.
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

/// Returns this process's standard input and output.
pub(super) fn stdio() -> (Stdin, Stdout) {
    let stdin = pipe("/proc/self/fd/0", OpenOptions::new().read(true));
    let stdout = pipe("/proc/self/fd/1", OpenOptions::new().write(true));
    (
        stdin.map_or_else(|| Either::Right(Unblock::new(io::stdin())), Either::Left),
        stdout.map_or_else(|| Either::Right(Unblock::new(io::stdout())), Either::Left),
    )
}

/// Opens the pipe at `path` again, if it is one. The descriptor that this process was started with
/// may be shared, and other processes do not expect it to become non-blocking.
fn pipe(path: &str, how: &mut OpenOptions) -> Option<Async<File>> {
    if !fs::metadata(path).ok()?.file_type().is_fifo() {
        return None;
    }
    // Without the flag, opening a pipe without a writer would wait for a writer.
    let file = how.custom_flags(libc::O_NONBLOCK).open(path).ok()?;
    Async::new_nonblocking(file).ok()
}
