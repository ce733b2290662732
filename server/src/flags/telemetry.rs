//! The flags of what observes a server: metrics, and traces where the program was built with them.

use std::net::SocketAddr;

use clap::Args;

use super::{Switch, values::address};

/// The flags of the metrics.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Telemetry")]
#[group(skip)]
pub struct TelemetryFlags {
    /// Whether calls, connections and pools are counted for Prometheus: GET /metrics on the address
    /// of the server, or on that of --metrics-listen (stdio has no other)
    /// [default: off, or on with --metrics-listen]
    #[arg(long, env = "MCP_METRICS", value_name = "SWITCH")]
    pub metrics: Option<Switch>,

    /// Address and port that serve the metrics, and no other
    #[arg(long, env = "MCP_METRICS_LISTEN", value_name = "ADDR", value_parser = address)]
    pub metrics_listen: Option<SocketAddr>,

    /// Collector that gets a trace of every call, by OTLP over HTTP, for instance
    /// http://127.0.0.1:4318
    #[cfg(feature = "otlp")]
    #[arg(long, env = "MCP_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}

impl TelemetryFlags {
    /// Whether there are metrics.
    #[must_use]
    pub fn has_metrics(&self) -> bool {
        let is_served = self.metrics_listen.is_some();
        self.metrics.map_or(is_served, Switch::is_on)
    }

    /// Flags that are wrong together, on a transport that listens or does not.
    pub(crate) fn contradiction(&self, listens: bool) -> Option<String> {
        if self.metrics_listen.is_some() && !self.has_metrics() {
            return Some("--metrics-listen has nothing to serve with --metrics off".into());
        }
        if self.has_metrics() && self.metrics_listen.is_none() && !listens {
            let message = "--metrics on needs --metrics-listen ADDR here: \
                           this transport has no address of its own";
            return Some(message.into());
        }
        None
    }
}
