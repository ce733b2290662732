//! Turns the flags of telemetry into observers, and serves the metrics at an address of their own.

use std::net::SocketAddr;

use anyhow::Context;
use transports::{
    http::{HttpOptions, METRICS_PATH, MetricsPage, bind, serve_http},
    metrics::Metrics,
    runtime::Runtime,
    shutdown::Shutdown,
    telemetry::Telemetry,
};

use crate::flags::TelemetryFlags;

/// Makes the observers that `flags` ask for, in a server of `workers` threads.
pub(crate) fn observers(flags: &TelemetryFlags, workers: usize) -> Telemetry {
    let is_apart = flags.metrics_listen.is_some();
    Telemetry {
        metrics: flags
            .has_metrics()
            .then(|| Metrics::new(workers, !is_apart)),
        spans: spans(flags),
    }
}

#[cfg(feature = "otlp")]
fn spans(flags: &TelemetryFlags) -> Option<transports::spans::Spans> {
    flags.otlp_endpoint.as_ref().map(|_| crate::otlp::spans())
}

#[cfg(not(feature = "otlp"))]
fn spans(_: &TelemetryFlags) -> Option<transports::spans::Spans> {
    None
}

/// Serves `metrics` at `address` until `shutdown`, beside the server.
///
/// # Errors
/// When it cannot listen; the error names the address.
pub(crate) fn serve_metrics<R: Runtime>(
    runtime: &R,
    address: SocketAddr,
    metrics: Metrics,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let listeners = bind(address, 1)
        .with_context(|| format!("listening on {address}; choose another with --metrics-listen"))?;
    let address = listeners
        .local_addr()
        .context("asking for the address of the metrics")?;
    tracing::info!("metrics at http://{address}{METRICS_PATH}");
    let (page, options) = (MetricsPage(metrics), HttpOptions::default());
    let serving = serve_http(runtime.clone(), listeners, page, options, shutdown);
    runtime.execute(Box::pin(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the metrics are no longer served");
        }
    }));
    Ok(())
}
