//! A binary's life: flags, telemetry, signals, runtime, tools, transport, exit code.

use std::{future::Future, process::ExitCode};

use anyhow::Context;
use clap::{
    Args, CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use futures::future::{Either, select};
use transports::{
    runtime::{BoxFuture, Handle, Runtime},
    shutdown::Shutdown,
    supervise::Supervised,
};
use workloads::{
    Lab, LabParts,
    database::{Database, DatabaseOptions, default_url},
    upstream::{Upstream, UpstreamOptions},
};

use crate::{
    flags::{ProcessFlags, ToolFlags},
    signals, telemetry,
    transport::{Transport, elsewhere},
};

/// What every binary's `--help` ends with.
pub(crate) const LIFE: &str = "\
When ready it prints one line on standard error, `ready URL` or `ready stdio`, and logs there as
MCP_LOG says. SIGTERM and SIGINT answer what is in flight and end it with exit code 0.
Exit codes: 0 ended as asked, 1 could not start or serve, 2 wrong usage.";
const TOOLS: &str = "Tools: echo, calculate_fibonacci, query_products, fetch_external_data.";

/// How much of a call's time its upstream may take.
const UPSTREAM_SHARE: f64 = 0.9;

#[derive(Parser, Debug)]
#[command(version)]
struct Flags<F: Args> {
    #[command(flatten)]
    transport: F,
    #[command(flatten)]
    tools: ToolFlags,
    #[command(flatten)]
    process: ProcessFlags,
}

/// The `main` of the server of transport `T` on runtime `R`.
#[must_use]
pub fn main<T: Transport, R: Runtime>() -> ExitCode {
    let flags = parse::<T, R>().unwrap_or_else(|error| error.exit());
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
    let lab = {
        let server_type = format!("{}-{}", T::NAME, R::NAME);
        let open = lab(flags.tools.clone(), server_type, handle.clone());
        // Filling a new database takes a while; a signal need not wait for it.
        match select(open, std::pin::pin!(shutdown.begun())).await {
            Either::Left((lab, _)) => lab?,
            Either::Right(_) => return Ok(()),
        }
    };
    let handler = Supervised::new(lab, handle, flags.tools.call_timeout);
    T::serve(runtime, handler, flags.transport, shutdown).await
}

/// The tools, and what they stand on.
///
/// Boxed, because the compiler cannot prove that sqlx's futures are `Send` inside of a generic one.
fn lab(flags: ToolFlags, server_type: String, runtime: Handle) -> BoxFuture<anyhow::Result<Lab>> {
    Box::pin(async move {
        let url = match flags.database_url {
            Some(url) => url,
            None => default_url()?,
        };
        let database = Database::open(&DatabaseOptions {
            pool_size: flags.database_pool,
            ..DatabaseOptions::new(url)
        })
        .await?;
        let upstream = match flags.upstream_url {
            Some(url) => Some(Upstream::new(&UpstreamOptions {
                idle_connections: flags.upstream_pool,
                // A little before the call itself is given up, so that the answer says why.
                time_limit: flags.call_timeout.mul_f64(UPSTREAM_SHARE),
                ..UpstreamOptions::new(url)
            })?),
            None => None,
        };
        Ok(Lab::new(LabParts {
            // Made once, and part of every answer for as long as the process lives.
            server_type: server_type.leak(),
            runtime,
            database,
            upstream,
        }))
    })
}

fn parse<T: Transport, R: Runtime>() -> Result<Flags<T::Flags>, clap::Error> {
    let name: &'static str = format!("mcp-{}-{}", T::NAME, R::NAME).leak();
    let mut command = Flags::<T::Flags>::command()
        .name(name)
        .about(format!("{}, on {}", T::ABOUT, R::NAME))
        .after_help(format!("{TOOLS}\n{LIFE}"));
    let parsed = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Flags::from_arg_matches(&matches));
    parsed.map_err(|error| {
        let Some(flag) = unknown_flag(&error) else {
            return error;
        };
        let others = elsewhere(&flag);
        if others.is_empty() {
            return error;
        }
        let others = others.join(", ");
        let message = format!(
            "--{flag} has no meaning on {}; it is a flag of {others}",
            T::NAME
        );
        command.error(ErrorKind::UnknownArgument, message)
    })
}

/// The name of the flag that `error` does not know, without its dashes and value.
fn unknown_flag(error: &clap::Error) -> Option<String> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) => {
            let flag = flag.strip_prefix("--")?;
            Some(flag.split('=').next()?.to_owned())
        }
        _ => None,
    }
}
