//! Logs on standard error. At the default level nothing is logged on the way of a call.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{
    filter::Targets, fmt::layer, layer::SubscriberExt, registry, util::SubscriberInitExt,
};

/// Our own news, and only warnings of the libraries. rmcp has news on every request, and warns of
/// every call that it answers with an error.
const DEFAULT_FILTER: &str = "warn,rmcp=error,server=info,transports=info,workloads=info";

/// Starts logging, as `MCP_LOG` says: levels, or `target=level`, with commas between them. (Filters by
/// span and field, which `EnvFilter` has besides, would bring an engine for regular expressions into every
/// server's memory.)
///
/// # Errors
/// When `MCP_LOG` is no filter.
pub(crate) fn start() -> anyhow::Result<()> {
    let asked = std::env::var("MCP_LOG").ok();
    let asked = asked.as_deref().filter(|filter| !filter.is_empty());
    let filter = asked.unwrap_or(DEFAULT_FILTER);
    let filter: Targets = filter.parse().map_err(|error| {
        anyhow::anyhow!("MCP_LOG={filter} is no filter ({error}); try MCP_LOG=debug")
    })?;
    let lines = layer()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal());
    registry().with(lines).with(filter).init();
    Ok(())
}
