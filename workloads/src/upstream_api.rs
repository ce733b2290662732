//! The upstream API: the catalogue over HTTP, for tools that fetch.
//!
//! It stands behind every server that is measured and must never be what limits one. So products
//! are serialised once, prices are searched by bisection, and no answer is computed that could be
//! copied. What is said over a connection is here; connections are [`transports::http`]'s.

mod cart;
mod index;
mod parameters;
mod reply;
mod routes;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use tokio::task::JoinHandle;
use transports::{
    http::{HttpOptions, serve_http},
    runtime::{Handle, Tokio},
    shutdown::Shutdown,
};

use self::{index::Index, routes::Routes};

/// The longest delay that `delay_ms` may ask for.
pub const MAX_DELAY_MS: u64 = 60_000;

/// The most products that one search returns.
pub const MAX_SEARCH_LIMIT: usize = 100;

/// How long answers in flight may take once the server is stopped: longer than any delay that can
/// be asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(MAX_DELAY_MS + 5_000);

/// A running upstream API. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shutdown: Shutdown,
    serving: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Serves on `listener` until the server is stopped. Must be called inside of a tokio runtime,
    /// whose threads then do the work. The catalogue is prepared first, once in a process.
    ///
    /// # Errors
    /// When the operating system refuses the listener.
    pub fn start(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shutdown = Shutdown::new(DRAIN_TIMEOUT);
        let routes = Routes::new(Index::shared(), Handle::new(Tokio));
        let options = HttpOptions::default();
        let serving = serve_http(Tokio, listener, routes, options, shutdown.clone());
        Ok(Self {
            address,
            shutdown,
            serving: Some(tokio::spawn(serving)),
        })
    }

    /// Serves on a free port of 127.0.0.1. See [`Server::start`].
    ///
    /// # Errors
    /// When the operating system gives no port.
    pub fn start_anywhere() -> io::Result<Self> {
        Self::start(TcpListener::bind(("127.0.0.1", 0))?)
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops accepting, and returns when what is in flight has been answered.
    ///
    /// # Errors
    /// When serving had failed.
    pub async fn stop(mut self) -> io::Result<()> {
        self.shutdown.begin();
        match self.serving.take() {
            Some(serving) => serving.await?,
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}
