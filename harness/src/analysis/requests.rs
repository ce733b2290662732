//! What a second held besides tool calls, each counted by itself: requests of JSON-RPC and of HTTP, iterations; and how late
//! the calls were sent.

use serde::Serialize;

use crate::results::trial::Trial;
use crate::stats::median;

/// Medians over trials; absent where nothing of the kind was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Requests {
    /// Requests of JSON-RPC a second: tool calls, and those of handshakes.
    pub json_rpc_per_s: Option<u64>,
    /// HTTP requests a second, also those that carry no request of JSON-RPC.
    pub http_per_s: Option<u64>,
    /// Whole iterations a second, where sessions end after so many calls.
    pub iterations_per_s: Option<u64>,
    /// The lateness that one call in a hundred exceeds, in microseconds.
    pub late_p99_us: Option<u64>,
}

impl Requests {
    /// Those of some trials.
    pub(super) fn of(trials: &[&Trial]) -> Self {
        let per_s = |count: fn(&Trial) -> Option<u64>| {
            let rate = |trial: &&Trial| {
                let count = u128::from(count(trial)?) * 1_000_000;
                u64::try_from(count.checked_div(u128::from(trial.window_us?))?).ok()
            };
            median(trials.iter().filter_map(rate).collect())
        };
        let late = trials.iter().filter_map(|trial| trial.late_p99_us);
        Self {
            json_rpc_per_s: per_s(|trial| trial.json_rpc_requests),
            http_per_s: per_s(|trial| trial.http_requests),
            iterations_per_s: per_s(|trial| trial.iterations),
            late_p99_us: median(late.collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Requests;
    use crate::results::trial::Trial;

    #[test]
    fn each_kind_is_counted_by_itself() {
        let trial = Trial {
            window_us: Some(2_000_000),
            calls: 30,
            json_rpc_requests: Some(40),
            http_requests: Some(50),
            iterations: Some(10),
            ..Trial::default()
        };
        let expected = Requests {
            json_rpc_per_s: Some(20),
            http_per_s: Some(25),
            iterations_per_s: Some(5),
            late_p99_us: None,
        };
        assert_eq!(Requests::of(&[&trial]), expected);
        assert_eq!(Requests::of(&[]), Requests::default());
    }
}
