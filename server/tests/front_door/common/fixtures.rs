//! What the servers of one test run share: a folder, a database that is filled once, an upstream.

use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        mpsc::{self, Sender},
    },
};

use nix::sys::signal::Signal::SIGTERM;
use transports::runtime::Runtime;
use workloads::upstream_api;

use super::server::Server;
use crate::subjects::{SERVERS, UPSTREAMS};

/// A folder of this test run. It lies in the target folder; those of runs that have ended are
/// removed.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("front-door");
        std::fs::create_dir_all(&runs).unwrap();
        for run in std::fs::read_dir(&runs).unwrap() {
            let run = run.unwrap();
            if !Path::new("/proc").join(run.file_name()).exists() {
                // Another run may be removing the same one.
                let _ = std::fs::remove_dir_all(run.path());
            }
        }
        let folder = runs.join(std::process::id().to_string());
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

/// The products database. The first to ask has it filled, by a server that finds it missing.
pub(crate) fn database_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let url = format!("sqlite:{}", folder().join("products.db").display());
        let filler = SERVERS[0];
        let mut command = super::server::bare(filler.binary);
        command.args(["--database-url", &url]);
        let mut server = Server::spawn(&filler, command);
        server.signal(SIGTERM);
        server.ended_well();
        url
    })
}

/// The catalogue API, for as long as the test run lasts.
pub(crate) fn upstream_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || UPSTREAMS[0](sender));
        receiver.recv().unwrap()
    })
}

/// Runs the catalogue API on a runtime `R`, and tells its URL.
pub(crate) fn serve_upstream<R: Runtime>(sender: Sender<String>) {
    let serve = |runtime| async move {
        let server = upstream_api::Server::start_anywhere(&runtime).unwrap();
        sender.send(server.url()).unwrap();
        std::future::pending::<()>().await;
    };
    R::block_on(1, serve).unwrap();
}
