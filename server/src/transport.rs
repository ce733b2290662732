//! A transport as a binary has it: a name, flags, and a way to serve.
//!
//! A new one is one more type here and one more line in [`elsewhere`].

mod sse;
mod stdio;
mod streamable;

use std::{future::Future, net::SocketAddr};

use anyhow::Context;
use clap::{Args, Command};
use transports::{
    fast_path::{Counters, FastTools},
    http::{HttpService, Listeners, bind, serve_http},
    runtime::Runtime,
    shutdown::Shutdown,
};

pub use self::{
    sse::Sse,
    stdio::Stdio,
    streamable::{EventStream, HttpJson, HttpStream, Json, Kind, StreamableHttp},
};
use crate::flags::ListenFlags;

/// One way for clients to reach the tools.
pub trait Transport: 'static {
    /// The name, as in the binary's.
    const NAME: &'static str;
    /// One line of `--help`.
    const ABOUT: &'static str;
    /// The flags that it has beyond those of every binary.
    type Flags: Args + Send + 'static;

    /// Says when it is ready, then serves `handler` until `shutdown`.
    ///
    /// # Errors
    /// When it cannot listen, or a stream fails; the error says which.
    fn serve<R: Runtime, H: FastTools>(
        runtime: R,
        handler: H,
        flags: Self::Flags,
        shutdown: Shutdown,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// The transports that have `flag`, for somebody who gave it to one that has not.
pub(crate) fn elsewhere(flag: &str) -> Vec<&'static str> {
    fn has<T: Transport>(flag: &str) -> Option<&'static str> {
        let command = T::Flags::augment_args(Command::new(T::NAME));
        let found = command
            .get_arguments()
            .any(|arg| arg.get_long() == Some(flag));
        found.then_some(T::NAME)
    }
    [
        has::<Stdio>(flag),
        has::<Sse>(flag),
        has::<HttpJson>(flag),
        has::<HttpStream>(flag),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Binds, says that it is ready at `path`, and serves until `shutdown`.
pub(crate) async fn listen<R: Runtime>(
    runtime: R,
    service: impl HttpService,
    flags: &ListenFlags,
    path: &str,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let (listeners, address) = bound(flags.listen, runtime.shards().len())?;
    eprintln!("ready http://{address}{path}");
    let served = service.clone();
    serve_http(runtime, listeners, served, flags.options(), shutdown)
        .await
        .with_context(|| format!("serving on {address}"))?;
    sum_up(service.counters());
    Ok(())
}

/// Says at the end what the fast path has done.
fn sum_up(counters: Option<&Counters>) {
    if let Some(counters) = counters {
        tracing::info!("fast path: {counters}");
    }
}

fn bound(address: SocketAddr, count: usize) -> anyhow::Result<(Listeners, SocketAddr)> {
    let listeners = bind(address, count)
        .with_context(|| format!("listening on {address}; choose another with --listen"))?;
    let address = listeners
        .local_addr()
        .context("asking for the address that is listened on")?;
    Ok((listeners, address))
}
