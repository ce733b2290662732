//! The upstream API: the catalogue over HTTP, for tools that fetch.
//!
//! It stands behind every server that is measured and must never be what limits one. So products
//! are serialised once, prices are searched by bisection, and no answer is computed that could be
//! copied. What is said over a connection is here; connections are [`transports::http`]'s.

mod cart;
mod index;
mod lessons;
mod parameters;
pub mod payload;
mod reply;
mod routes;

use std::{io, net::SocketAddr, time::Duration};

use tokio::sync::oneshot;
use transports::{
    http::{HttpOptions, Listeners, bind, serve_http},
    runtime::{Handle, Runtime},
    shutdown::Shutdown,
};

pub use self::cart::{MAX_ITEMS as MAX_CART_ITEMS, MAX_QUANTITY as MAX_CART_QUANTITY};
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
    served: oneshot::Receiver<io::Result<()>>,
}

impl Server {
    /// Serves on `listeners` until the server is stopped, on the threads of `runtime`. The catalogue
    /// is prepared first, once in a process.
    ///
    /// # Errors
    /// When the operating system cannot say where the listeners listen.
    pub fn start<R: Runtime>(runtime: &R, listeners: Listeners) -> io::Result<Self> {
        let address = listeners.local_addr()?;
        let shutdown = Shutdown::new(DRAIN_TIMEOUT);
        let routes = Routes::new(Index::shared(), Handle::new(runtime.clone()));
        let options = HttpOptions::default();
        let serving = serve_http(
            runtime.clone(),
            listeners,
            routes,
            options,
            shutdown.clone(),
        );
        let (done, served) = oneshot::channel();
        runtime.execute(Box::pin(async move {
            // Nobody waits for a server that was dropped.
            let _ = done.send(serving.await);
        }));
        Ok(Self {
            address,
            shutdown,
            served,
        })
    }

    /// Serves on a free port of 127.0.0.1. See [`Server::start`].
    ///
    /// # Errors
    /// When the operating system gives no port.
    pub fn start_anywhere<R: Runtime>(runtime: &R) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = bind(address, runtime.shards().len())?;
        Self::start(runtime, listeners)
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
        (&mut self.served).await.map_err(io::Error::other)?
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}
