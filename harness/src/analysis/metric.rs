//! Metrics: every figure that the harness reports, compares and ranks by.
//!
//! One table. A new metric is a row here, and where it is shown a name in a list of columns.

use serde::{Deserialize, Serialize};

use crate::results::trial::Trial;
use crate::results::warning::{Effect, Validity};
use crate::stats::Better;

/// Which warnings spoil a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Rates and latencies: the server has to be the limit.
    Rate,
    /// What the server used for a call.
    Cpu,
    /// Metrics that no warning is about.
    None,
}

/// How the figure of a subject comes from its trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Aggregation {
    /// The two-way fit over all subjects of the suite, or the median where they share no rounds.
    Fit,
    /// The median.
    Median,
    /// This percentile of the merged histograms.
    Percentile(f64),
    /// The most of any trial.
    Most,
}

/// Makes the enum and its functions from the rows.
macro_rules! metrics {
    ($($(#[$doc:meta])* $metric:ident = $key:literal, $name:literal, $better:ident, $group:ident,
        $aggregation:expr, $read:expr;)*) => {
        /// A metric. Its key has its unit in it.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum Metric {
            $($(#[$doc])* #[serde(rename = $key)] $metric,)*
        }

        impl Metric {
            /// All metrics, in the order of the CSV of a report.
            pub const ALL: &[Self] = &[$(Self::$metric),*];

            /// The name used in TOML, JSON and CSV.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$metric => $key),* }
            }

            /// The name used in tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$metric => $name),* }
            }

            /// Which way it is better.
            #[must_use]
            pub const fn better(self) -> Better {
                match self { $(Self::$metric => Better::$better),* }
            }

            const fn group(self) -> Group {
                match self { $(Self::$metric => Group::$group),* }
            }

            pub(crate) const fn aggregation(self) -> Aggregation {
                use Aggregation::{Fit, Median, Most, Percentile};
                match self { $(Self::$metric => $aggregation),* }
            }

            /// The reading of one trial; nothing where it has none, and never a zero that was not
            /// measured.
            pub(crate) fn reading(self, trial: &Trial) -> Option<f64> {
                let read: fn(&Trial) -> Option<f64> = match self { $(Self::$metric => $read),* };
                read(trial).filter(|value| *value > 0.0 && value.is_finite())
            }
        }
    };
}

metrics! {
    /// CPU time of the server for a right answer, in microseconds.
    CpuUsPerCall = "cpu_us_per_call", "CPU us/call", Less, Cpu, Fit, cpu_us_per_call;
    /// Right answers a second.
    CallsPerS = "calls_per_s", "calls/s", More, Rate, Fit,
        |trial| per_s(trial, Some(trial.calls)).or(trial.calls_per_s.map(|rate| rate as f64));
    /// Median latency, in milliseconds.
    P50Ms = "p50_ms", "p50 ms", Less, Rate, Percentile(50.0), |trial| scaled(trial.p50_us, 1e3);
    /// Latency that one call in a hundred exceeds, in milliseconds.
    P99Ms = "p99_ms", "p99 ms", Less, Rate, Percentile(99.0), |trial| scaled(trial.p99_us, 1e3);
    /// Latency that one call in a thousand exceeds, in milliseconds.
    P999Ms = "p99_9_ms", "p99.9 ms", Less, Rate, Percentile(99.9),
        |trial| scaled(trial.p99_9_us, 1e3);
    /// The longest latency, in milliseconds.
    MaxMs = "max_ms", "longest ms", Less, Rate, Median, |trial| scaled(trial.max_us, 1e3);
    /// Median time until the first part of an answer that comes in several, in milliseconds.
    FirstMs = "first_ms", "first ms", Less, Rate, Median, |trial| scaled(trial.first_p50_us, 1e3);
    /// How late calls were sent: the lateness that one call in a hundred exceeds, in milliseconds.
    LateP99Ms = "late_p99_ms", "late p99 ms", Less, Rate, Median,
        |trial| scaled(trial.late_p99_us, 1e3);
    /// Requests of JSON-RPC a second: tool calls, and those of handshakes.
    JsonRpcPerS = "json_rpc_per_s", "JSON-RPC/s", More, Rate, Median,
        |trial| per_s(trial, trial.json_rpc_requests);
    /// HTTP requests a second, also those that carry no request of JSON-RPC.
    HttpPerS = "http_per_s", "HTTP/s", More, Rate, Median,
        |trial| per_s(trial, trial.http_requests);
    /// Whole iterations a second, where sessions end after so many calls.
    IterationsPerS = "iterations_per_s", "iterations/s", More, Rate, Median,
        |trial| per_s(trial, trial.iterations);
    /// Median time of a session that ends, from its connection to its last answer, in milliseconds.
    IterationP50Ms = "iteration_p50_ms", "iteration p50 ms", Less, Rate, Median,
        |trial| scaled(trial.iteration_p50_us, 1e3);
    /// Bytes that a client reads in a session that ends, its share of the handshakes among them.
    IterationBytesIn = "iteration_bytes_in", "bytes in", Less, None, Median,
        |trial| per_session(trial, trial.bytes_in);
    /// Bytes that a client writes in a session that ends, the same.
    IterationBytesOut = "iteration_bytes_out", "bytes out", Less, None, Median,
        |trial| per_session(trial, trial.bytes_out);
    /// Tokens of the text of all answers of a session that ends.
    IterationTokens = "iteration_tokens", "tokens of a session", Less, None, Median,
        |trial| Some((trial.text_tokens? * trial.calls_per_session?) as f64);
    /// Bytes that a model would read.
    TextBytes = "text_bytes", "bytes", Less, None, Median, |trial| scaled(trial.text_bytes, 1.0);
    /// Tokens that a model would read.
    TextTokens = "text_tokens", "tokens", Less, None, Median,
        |trial| scaled(trial.text_tokens, 1.0);
    /// Peak of the resident memory, in megabytes (1,000,000 bytes).
    RssPeakMb = "rss_peak_mb", "RSS peak MB", Less, Cpu, Most,
        |trial| scaled(trial.rss_peak_bytes, 1e6);
    /// From the start of the process until it is ready, in milliseconds.
    StartMs = "start_ms", "start ms", Less, None, Median, |trial| scaled(trial.startup_us, 1e3);
}

impl Metric {
    /// What the warnings of a trial leave of it.
    pub(crate) fn validity(self, effect: Effect) -> Validity {
        match self.group() {
            Group::Rate => effect.rate,
            Group::Cpu => effect.cpu,
            Group::None => Validity::Holds,
        }
    }
}

fn scaled(value: Option<u64>, unit: f64) -> Option<f64> {
    Some(value? as f64 / unit)
}

/// A count of the window as a rate: by its length to the nanosecond, where the row has it.
fn per_s(trial: &Trial, count: Option<u64>) -> Option<f64> {
    let seconds = scaled(trial.elapsed_ns, 1e9).or(scaled(trial.window_us, 1e6))?;
    Some(count? as f64 / seconds)
}

fn cpu_us_per_call(trial: &Trial) -> Option<f64> {
    match trial.server_cpu_ns {
        Some(ns) if trial.calls > 0 => Some(ns as f64 / trial.calls as f64 / 1e3),
        _ => scaled(trial.server_cpu_ns_per_call, 1e3),
    }
}

/// By way of the calls: a window begins and ends in the middle of sessions.
fn per_session(trial: &Trial, count: u64) -> Option<f64> {
    Some(count as f64 * trial.calls_per_session? as f64 / trial.calls as f64)
}

#[cfg(test)]
mod tests {
    use super::Metric;
    use crate::results::trial::Trial;

    #[test]
    fn rates_are_not_floored_and_what_was_not_measured_is_no_zero() {
        let trial = Trial {
            calls: 2,
            calls_per_s: Some(1),
            window_us: Some(1_500_000),
            server_cpu_ns: Some(0),
            calls_per_session: Some(10),
            bytes_in: 8_000,
            ..Trial::default()
        };
        let rate = Metric::CallsPerS.reading(&trial).unwrap();
        assert!((rate - 4.0 / 3.0).abs() < 1e-9, "{rate}");
        assert_eq!(Metric::CpuUsPerCall.reading(&trial), None);
        assert_eq!(Metric::IterationBytesIn.reading(&trial), Some(40_000.0));
        let json = |metric: &Metric| serde_json::to_value(metric).unwrap();
        assert!(
            Metric::ALL
                .iter()
                .all(|metric| json(metric) == metric.key())
        );
    }
}
