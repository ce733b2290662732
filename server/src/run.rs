//! A binary's life: telemetry, signals, runtime, tools, transport, exit code.

pub(crate) mod command;
mod demo_server;

use std::{future::Future, process::ExitCode};

use anyhow::Context;
use futures::future::{Either, select};
use transports::{
    runtime::{Handle, Runtime},
    shutdown::Shutdown,
    supervise::Supervised,
};
use workloads::cache::{self, Cache};

use self::command::Flags;
pub(crate) use self::command::LIFE;
use crate::{
    flags::{ProcessFlags, Switch},
    signals, telemetry,
    transport::Transport,
};

/// The `main` of the server of transport `T` on runtime `R`.
#[must_use]
pub fn main<T: Transport, R: Runtime>() -> ExitCode {
    let flags = command::parse::<T, R>().unwrap_or_else(|error| error.exit());
    let process = flags.process.clone();
    on::<R, _>(&process, |runtime, shutdown| {
        serve::<T, R>(runtime, flags, shutdown)
    })
}

/// Starts `R` and runs on it what `serve` makes, until it ends or a signal ends it.
pub(crate) fn on<R: Runtime, F>(
    process: &ProcessFlags,
    serve: impl FnOnce(R, Shutdown) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let run = || {
        telemetry::start()?;
        let shutdown = Shutdown::new(process.drain_timeout);
        signals::begin(shutdown.clone())?;
        let workers = process.workers();
        R::block_on(workers, |runtime| serve(runtime, shutdown))
            .with_context(|| format!("starting {} on {workers} threads", R::NAME))?
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve<T: Transport, R: Runtime>(
    runtime: R,
    flags: Flags<T::Flags>,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let handle = Handle::new(runtime.clone());
    let Flags {
        transport,
        tools,
        services,
        cache,
        ..
    } = flags;
    // Made once, and part of every answer for as long as the process lives.
    let server_type: &'static str = format!("{}-{}", T::NAME, R::NAME).leak();
    let open = async {
        let results = lab::cache(&cache, &services, server_type).await?;
        let lab = lab::lab(&tools, services, results.clone(), server_type, &handle).await?;
        let handler = Supervised::new(lab, handle.clone(), tools.call_timeout)
            .with_time_limits(tools.time_limits.clone());
        if cache.cache_warm == Switch::On {
            cache::warm(&handler).await;
        }
        anyhow::Ok((handler, results))
    };
    // Filling a new database takes a while; a signal need not wait for it.
    let (handler, results) =
        match select(std::pin::pin!(open), std::pin::pin!(shutdown.begun())).await {
            Either::Left((opened, _)) => opened?,
            Either::Right(_) => return Ok(()),
        };
    T::serve(runtime, handler, transport, shutdown).await?;
    sum_up(results.as_ref());
    Ok(())
}

/// Says at the end what the cache has done.
fn sum_up(cache: Option<&Cache>) {
    if let Some(cache) = cache {
        let (hits, misses) = cache.hits_and_misses();
        tracing::info!("cache: {hits} hits, {misses} misses");
    }
}
