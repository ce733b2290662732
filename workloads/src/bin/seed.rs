//! `seed`: fills a store with the content that the shop tools expect, or resets it to that content.

use std::{
    io::{IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use clap::Parser;
use transports::runtime::{Handle, Runtime as _, Tokio};
use workloads::{
    pool::PoolOptions,
    store::{self, Progress, Store, StoreOptions},
};

/// How long the program waits for a file that a server has locked.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fills the store of carts, order histories, popularity and rate counters.
///
/// The tools `search_products`, `get_user_cart` and `checkout` need it. A store in a file is filled by the first server
/// that opens it; Redis is shared with others, so nothing is put there until this program is told to.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
struct Flags {
    /// The store: sqlite:PATH or redis://HOST:PORT [default: store.db in the cache folder].
    ///
    /// In full: redis://USER:PASSWORD@HOST:PORT/NUMBER, where NUMBER is one of Redis's databases.
    #[arg(
        long,
        value_name = "URL",
        env = "MCP_STORE_URL",
        hide_env_values = true
    )]
    store_url: Option<String>,

    /// Take away everything that the store holds first; without it, what is there stays and what is missing is added.
    ///
    /// Of Redis only the keys bench:cart:*, bench:history:*, bench:popular and bench:ratelimit:* are touched.
    #[arg(long)]
    reset: bool,
}

const HELP: &str = "\
What is put there, by formula (workloads/src/store/content.rs):
  10,000 carts, of user-00000 to user-09999
   1,000 order histories of 20 orders each, of user-00000 to user-00999
 100,000 products with a popularity, no two of them equal
     100 rate counters, at 0

Progress goes to stderr. The exit code is 0 when all of it is there, 1 when the store could not be asked, and 2 when a
flag is wrong. Running it again does no harm; after an interruption it goes on.

Try:
  seed --store-url redis://127.0.0.1:6379
  seed --store-url redis://127.0.0.1:6379 --reset     between two measurements";

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    Tokio::block_on(1, move |runtime| run(flags, runtime))
        .context("cannot start a worker thread")?
}

async fn run(flags: Flags, runtime: Tokio) -> anyhow::Result<()> {
    let url = match flags.store_url {
        Some(url) => url,
        None => store::default_url()?,
    };
    let started = Instant::now();
    let store = Store::open(&StoreOptions {
        url,
        pool: PoolOptions {
            timeout: PATIENCE,
            ..PoolOptions::of(1)
        },
        runtime: Handle::new(runtime),
    })
    .await?;
    let show = progress(std::io::stderr().is_terminal());
    if flags.reset {
        store.reset(show).await?;
    } else {
        store.seed(show).await?;
    }
    store.close().await;
    let verb = if flags.reset { "reset" } else { "seeded" };
    eprintln!("{verb} in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// One line for each kind of thing: it grows on a terminal, and is written once it is complete elsewhere.
fn progress(is_terminal: bool) -> impl FnMut(Progress) + Send {
    move |Progress { what, done, total }| {
        let mut stderr = std::io::stderr().lock();
        // Nobody reads it any more: no reason to stop.
        let _ = if done == total {
            let start = if is_terminal { "\r" } else { "" };
            writeln!(stderr, "{start}{what}: {done} of {total}")
        } else if is_terminal {
            write!(stderr, "\r{what}: {done} of {total}")
        } else {
            Ok(())
        };
    }
}
