//! What the tests of several crates share: clients that write and read raw bytes, upstreams that
//! misbehave, and processes with their logs.
//!
//! The kit knows the wire and nothing else: no transport, no server, no tool. Each client exists
//! once, over any stream of `futures`; the blocking clients are the same code over sockets and
//! pipes that block. Everything here panics when something goes wrong, because that is how a test
//! fails.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and clippy knows tests by their attribute alone"
)]

pub mod client;
pub mod http;
pub mod message;
pub mod process;
pub mod stdio;
pub mod upstream;

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up on it. Generous: only what hangs reaches it.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How much a client reads at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Asks until `ask` returns something: for what has no event to wait for.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = ask() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until `is_so`, without blocking the thread: for what has no event to wait for.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The output of `work`, which must come within [`PATIENCE`].
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A folder of this test process in the target folder. Folders of processes that have ended are
/// removed.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        // The program is target/PROFILE/deps/NAME.
        let program = std::env::current_exe().unwrap();
        let target = program.ancestors().nth(3).expect("cargo runs the tests");
        let runs = target.join("tmp/testkit");
        std::fs::create_dir_all(&runs).unwrap();
        for run in std::fs::read_dir(&runs).unwrap() {
            let run = run.unwrap();
            if !Path::new("/proc").join(run.file_name()).exists() {
                // Another process may be removing the same one.
                let _ = std::fs::remove_dir_all(run.path());
            }
        }
        let folder = runs.join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The output of a future over streams that block, which is never pending.
fn now<T>(work: impl Future<Output = T>) -> T {
    futures::FutureExt::now_or_never(work).expect("a stream that blocks is never pending")
}
