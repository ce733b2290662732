//! What the servers of one test run share: a database that is filled once, and an upstream.

use std::sync::{
    OnceLock,
    mpsc::{self, Sender},
};

use nix::sys::signal::Signal::SIGTERM;
use testkit::process::{Process, bare};
use transports::runtime::Runtime;

use crate::front_door::subjects::{SERVERS, UPSTREAMS};

/// The products database. The first caller has it filled, by a server that finds it missing.
pub(crate) fn database_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let url = format!("sqlite:{}", testkit::folder().join("products.db").display());
        let mut command = bare(SERVERS[0].binary);
        command.args(["--database-url", &url]);
        let mut server = Process::start(command);
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

/// Runs the catalogue API on a runtime `R`, and sends its URL.
pub(crate) fn serve_upstream<R: Runtime>(sender: Sender<String>) {
    let serve = |runtime| async move {
        let server = ::fixtures::Server::start_anywhere(&runtime).unwrap();
        sender.send(server.url()).unwrap();
        std::future::pending::<()>().await;
    };
    R::block_on(1, serve).unwrap();
}
