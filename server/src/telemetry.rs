//! Logs on standard error. At the default level nothing is logged on the way of a call.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// Our own news, and only warnings of the libraries. rmcp has news on every request, and warns of
/// every call that it answers with an error.
const DEFAULT_FILTER: &str = "warn,rmcp=error,server=info,transports=info,workloads=info";

/// Starts logging, as `MCP_LOG` says (the syntax of `tracing-subscriber`'s `EnvFilter`).
///
/// # Errors
/// When `MCP_LOG` is no filter.
pub(crate) fn start() -> anyhow::Result<()> {
    let filter = match std::env::var("MCP_LOG") {
        Ok(filter) if !filter.is_empty() => EnvFilter::try_new(&filter).map_err(|error| {
            anyhow::anyhow!("MCP_LOG={filter} is no filter ({error}); try MCP_LOG=debug")
        })?,
        _ => EnvFilter::new(DEFAULT_FILTER),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    Ok(())
}
