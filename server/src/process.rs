//! A process's life: its log, its signals, its runtime, its exit code.

use std::{
    future::Future,
    io::{IsTerminal, Stderr},
    process::ExitCode,
};

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
#[cfg(feature = "otlp")]
use tracing_subscriber::{Layer as _, filter::LevelFilter};
use tracing_subscriber::{
    Registry,
    filter::Targets,
    fmt::{
        Layer,
        format::{DefaultFields, Format},
        layer,
    },
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};
use transports::{runtime::Runtime, shutdown::Shutdown};

use crate::{flags::ProcessFlags, memory};

/// The end of every program's `--help`.
pub const LIFE: &str = "\
When ready it prints one line on standard error, `ready URL` or `ready stdio`, and logs there as
MCP_LOG says. SIGTERM, SIGINT and SIGHUP answer what is in flight and end it with exit code 0.
Exit codes: 0 ended as asked, 1 could not start or serve, 2 wrong usage.";

/// The default log filter: news of the server itself, and errors of rmcp, which warns of every call
/// that it answers with an error. At this level no call logs anything.
pub const LOG: &str = "info,rmcp=error";

/// The exit code after a second signal: 128 + SIGINT, as shells report a signal's victim.
pub const INTERRUPTED: i32 = 130;

/// Starts logging and the runtime `R`, and runs what `serve` returns until it ends. The first
/// SIGTERM, SIGINT or SIGHUP begins the shutdown, the second one ends the process on the spot.
pub fn run<R: Runtime, F>(
    flags: &ProcessFlags,
    log: &str,
    serve: impl FnOnce(R, Shutdown) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let run = || {
        start_log(log)?;
        run_on::<R, F>(flags, serve)
    };
    exit_code(&run())
}

/// Does what [`run`] does, and exports the spans of calls to `collector`.
#[cfg(feature = "otlp")]
pub(crate) fn run_traced<R: Runtime, F>(
    flags: &ProcessFlags,
    log: &str,
    collector: &str,
    serve: impl FnOnce(R, Shutdown) -> F,
) -> ExitCode
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let run = || {
        let (exporter, layer) = crate::otlp::start(collector)?;
        let (lines, filter) = (lines(), filter(log)?);
        // Each layer has a filter of its own: what the log leaves out is exported all the same.
        let filter = filter.with_target(transports::spans::TARGET, LevelFilter::OFF);
        registry()
            .with(lines.with_filter(filter))
            .with(layer)
            .init();
        let outcome = run_on::<R, F>(flags, serve);
        drop(exporter);
        outcome
    };
    exit_code(&run())
}

/// Runs what `serve` returns on the runtime `R` until it ends, or a signal ends it.
fn run_on<R: Runtime, F>(
    flags: &ProcessFlags,
    serve: impl FnOnce(R, Shutdown) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let shutdown = Shutdown::new(flags.drain.drain_timeout);
    begin_at_signals(shutdown.clone())?;
    memory::start_returning()?;
    let workers = flags.workers();
    R::block_on(workers, |runtime| serve(runtime, shutdown))
        .with_context(|| format!("starting {} on {workers} threads", R::NAME))?
}

/// The exit code of `outcome`. An error is printed on standard error: a [`clap::Error`] is wrong
/// usage.
#[must_use]
pub fn exit_code(outcome: &anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        eprint!("{}", usage.render());
        return ExitCode::from(2);
    }
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Starts logging on standard error, as `MCP_LOG` says or, without it, `default`: levels, or
/// `target=level`, with commas between. (Filters by span and field, which `EnvFilter` has besides,
/// would bring an engine for regular expressions into every server's memory.)
///
/// # Errors
/// When `MCP_LOG` is no filter.
pub fn start_log(default: &str) -> anyhow::Result<()> {
    registry().with(lines()).with(filter(default)?).init();
    Ok(())
}

/// Reads the filter of the log.
fn filter(default: &str) -> anyhow::Result<Targets> {
    let asked = std::env::var("MCP_LOG").ok();
    let filter = asked.as_deref().filter(|filter| !filter.is_empty());
    let filter = filter.unwrap_or(default);
    filter.parse().map_err(|error| {
        anyhow::anyhow!("MCP_LOG={filter} is no filter ({error}); try MCP_LOG=debug")
    })
}

/// The layer that writes the log as lines.
fn lines() -> Layer<Registry, DefaultFields, Format, fn() -> Stderr> {
    let stderr: fn() -> Stderr = std::io::stderr;
    let is_terminal = stderr().is_terminal();
    layer().with_writer(stderr).with_ansi(is_terminal)
}

/// Begins `shutdown` at the first SIGTERM, SIGINT or SIGHUP, and ends the process on the spot at
/// the second. A thread of its own waits for them, whatever the runtime. A process that was started
/// with SIGHUP ignored (`nohup`) goes on ignoring it.
///
/// # Errors
/// When the handler or its thread cannot be set up.
pub fn begin_at_signals(shutdown: Shutdown) -> anyhow::Result<()> {
    let hangup = (!ignores_hangup()).then_some(SIGHUP);
    let mut signals = Signals::new([SIGTERM, SIGINT].into_iter().chain(hangup))
        .context("handling SIGTERM, SIGINT and SIGHUP")?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if shutdown.is_begun() {
                    std::process::exit(INTERRUPTED);
                }
                tracing::debug!(signal, "shutting down");
                shutdown.begin();
            }
        })
        .context("starting the thread that waits for signals")?;
    Ok(())
}

/// Whether the parent had SIGHUP ignored. `SigIgn` has a bit for each signal, SIGHUP's is the first
/// (proc(5)); a system without /proc ignores nothing.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Raises the limit of open files as far as the system lets this process, and returns it. The
/// usual soft limit is for programs that call `select`.
pub(crate) fn open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    limit.unwrap_or(u64::MAX)
}
