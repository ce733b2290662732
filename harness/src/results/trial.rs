//! One row of `trials.csv`: everything that one trial found, as whole numbers with the unit in the
//! name.
//!
//! A figure that could not be had is an empty cell, never a zero.

mod rows;

use serde::{Deserialize, Serialize};

pub use rows::{TrialWriter, read_trials};

use super::warning::{Effect, Warning};

/// How a trial ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The whole window was measured. There may have been errors: they are counted.
    #[default]
    Measured,
    /// The server did not get ready. After the second time in a row it is not started again.
    NotReady,
    /// The server was ready but there was no load: not even the handshake worked.
    NoLoad,
    /// The server ended before it was told to.
    Died,
    /// Not made: the server had failed to get ready twice in a row.
    Skipped,
}

/// One trial. Field names are the column names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "names of columns carry meaning and unit; the README explains the rest"
)]
pub struct Trial {
    pub suite: String,
    pub tool: String,
    pub subject: String,
    pub role: String,
    pub transport: String,
    pub runtime: String,
    #[serde(default)]
    pub fast_path: String,
    pub wire: String,
    pub trial: u32,
    #[serde(default)]
    pub process: u32,
    #[serde(default)]
    pub slice: u32,
    pub position: u32,
    pub started_unix_ms: i64,
    pub status: Status,
    pub clients: u64,
    #[serde(default)]
    pub sessions: String,
    #[serde(default)]
    pub revision: String,
    #[serde(default)]
    pub connections: Option<u64>,
    #[serde(default)]
    pub threads: Option<u64>,
    #[serde(default)]
    pub rate_planned_per_s_milli: Option<u64>,
    #[serde(default)]
    pub arrivals: String,
    #[serde(default)]
    pub think_time_us: Option<u64>,
    #[serde(default)]
    pub round_trip_us: Option<u64>,
    #[serde(default)]
    pub calls_per_session: Option<u64>,
    pub warmup_us: u64,
    pub window_us: Option<u64>,
    #[serde(default)]
    pub elapsed_ns: Option<u64>,
    pub calls: u64,
    pub calls_per_s: Option<u64>,
    #[serde(default)]
    pub json_rpc_requests: Option<u64>,
    #[serde(default)]
    pub http_requests: Option<u64>,
    #[serde(default)]
    pub iterations: Option<u64>,
    #[serde(default)]
    pub iteration_p50_us: Option<u64>,
    #[serde(default)]
    pub iteration_p99_us: Option<u64>,
    #[serde(default)]
    pub late_p50_us: Option<u64>,
    #[serde(default)]
    pub late_p99_us: Option<u64>,
    #[serde(default)]
    pub late_max_us: Option<u64>,
    #[serde(default)]
    pub calls_unsent: Option<u64>,
    #[serde(default)]
    pub in_flight_mean_milli: Option<u64>,
    #[serde(default)]
    pub littles_law_in_flight_milli: Option<u64>,
    pub min_us: Option<u64>,
    pub mean_us: Option<u64>,
    #[serde(default)]
    pub first_p50_us: Option<u64>,
    pub p50_us: Option<u64>,
    pub p90_us: Option<u64>,
    pub p95_us: Option<u64>,
    pub p99_us: Option<u64>,
    pub p99_9_us: Option<u64>,
    pub max_us: Option<u64>,
    pub errors: u64,
    pub errors_connect: u64,
    pub errors_transport: u64,
    pub errors_timeout: u64,
    pub errors_http: u64,
    pub errors_protocol: u64,
    pub errors_json_rpc: u64,
    pub errors_tool: u64,
    pub errors_mismatch: u64,
    pub errors_in_warmup: u64,
    #[serde(default)]
    pub errors_in_closing: u64,
    #[serde(default)]
    pub exit_unclean: u64,
    pub reconnects: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    #[serde(default)]
    pub text_bytes: Option<u64>,
    #[serde(default)]
    pub text_tokens: Option<u64>,
    pub server_cpu_ns: Option<u64>,
    pub server_cpu_user_ms: Option<u64>,
    pub server_cpu_system_ms: Option<u64>,
    pub server_cpu_ns_per_call: Option<u64>,
    pub calls_per_s_per_cpu_percent_milli: Option<u64>,
    pub calls_per_s_per_mb_milli: Option<u64>,
    pub rss_mean_bytes: Option<u64>,
    pub rss_peak_bytes: Option<u64>,
    #[serde(default)]
    pub server_threads_max: Option<u64>,
    #[serde(default)]
    pub server_open_files_max: Option<u64>,
    #[serde(default)]
    pub server_context_switches_voluntary: Option<u64>,
    #[serde(default)]
    pub server_context_switches_involuntary: Option<u64>,
    #[serde(default)]
    pub services_cpu_ns: Option<u64>,
    #[serde(default)]
    pub services_rss_peak_bytes: Option<u64>,
    #[serde(default)]
    pub services_open_files_max: Option<u64>,
    #[serde(default)]
    pub services_context_switches: Option<u64>,
    #[serde(default)]
    pub client_cpu_ns: Option<u64>,
    #[serde(default)]
    pub client_rss_peak_bytes: Option<u64>,
    #[serde(default)]
    pub client_open_files_max: Option<u64>,
    #[serde(default)]
    pub client_context_switches_involuntary: Option<u64>,
    pub startup_us: Option<u64>,
    pub binary_bytes: Option<u64>,
    pub client_busy_permille: Option<u64>,
    pub services_busy_permille: Option<u64>,
    pub server_cores_busy_permille: Option<u64>,
    pub load_cores_busy_permille: Option<u64>,
    pub steal_permille: Option<u64>,
    pub warnings: String,
    pub histogram: String,
    #[serde(default)]
    pub samples: String,
    pub failure: String,
}

impl Trial {
    /// The warnings of the row. Names of a newer harness that are not known here are left out.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings
            .split(';')
            .filter_map(Warning::from_name)
            .collect()
    }

    /// What its warnings leave of its figures.
    #[must_use]
    pub fn validity(&self) -> Effect {
        Effect::of(&self.warnings())
    }

    /// Errors that no figure of the window holds: of the warm-up, and of the end of the sessions.
    #[must_use]
    pub fn errors_around(&self) -> u64 {
        self.errors_in_warmup + self.errors_in_closing
    }

    /// Whether it was measured and nothing at all went wrong, from the first call of the warm-up to
    /// the end of the server.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.status == Status::Measured
            && self.calls > 0
            && self.errors == 0
            && self.errors_around() == 0
            && self.exit_unclean == 0
    }
}

/// Joins the names of warnings for the cell of the row.
#[must_use]
pub fn join_warnings(warnings: &[Warning]) -> String {
    warnings
        .iter()
        .map(|warning| warning.name())
        .collect::<Vec<_>>()
        .join(";")
}
