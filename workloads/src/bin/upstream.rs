//! `upstream`: the catalogue API that `fetch_external_data` and its like are pointed at.

use std::{net::SocketAddr, num::NonZeroUsize, thread};

use anyhow::Context as _;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use transports::runtime::{Runtime, Tokio};
use workloads::upstream_api::Server;

/// The catalogue API behind the tools that fetch over HTTP.
///
/// It serves 100,000 products made by formula. Every route takes `delay_ms` (0 to 60000), which
/// holds the answer back for that long: that is how a slow upstream is played.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
struct Flags {
    /// Address to listen on; port 0 takes a free one, which the ready line names.
    #[arg(
        long,
        value_name = "ADDR",
        env = "UPSTREAM_LISTEN",
        default_value = "127.0.0.1:0"
    )]
    listen: SocketAddr,

    /// Threads that serve requests [default: the cores that this process may use].
    #[arg(long, value_name = "N", env = "UPSTREAM_WORKERS")]
    workers: Option<NonZeroUsize>,
}

const HELP: &str = "\
Routes:
  GET  /products/search?category=&min_price=&max_price=&limit=   cheapest first; limit 1 to 100
  GET  /products/{id}                                            id 1 to 100000
  GET  /payload/json?bytes=                                      records; 1000 to 16000000 bytes
  GET  /payload/text?bytes=                                      lines of a log; the same
  GET  /introspect?token=                                        tokens like lesson-00042 are active
  GET  /listing                                                  the definitions of 50 tools
  POST /cart/calculate   {\"items\":[{\"product_id\":42,\"quantity\":2}]}
  GET  /health

Bad input is answered with 4xx and {\"error\": \"...\"}.
When it serves, it writes one line to stderr: ready http://ADDR
SIGTERM or SIGINT ends it once everything in flight is answered.

Try:
  upstream --listen 127.0.0.1:9090 &
  curl 'http://127.0.0.1:9090/products/search?category=Books&limit=2&delay_ms=50'";

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    let workers = flags
        .workers
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZeroUsize::get);
    Tokio::block_on(workers, move |runtime| serve(runtime, flags.listen))
        .with_context(|| format!("cannot start {workers} worker threads; give fewer --workers"))?
}

async fn serve(runtime: Tokio, address: SocketAddr) -> anyhow::Result<()> {
    // Before the ready line: whoever reads it may send a signal at once.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let listeners = transports::http::bind(address, runtime.shards().len())
        .with_context(|| format!("cannot listen on {address}; give another --listen address"))?;
    let server = Server::start(&runtime, listeners).context("cannot serve on the listener")?;
    eprintln!("ready {}", server.url());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await.context("serving failed")
}
