//! `simulate_database_query`: a wait of known length, as if a database took its time.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::{ToolError, arguments, error::check_range};

/// The longest wait; the public benchmark's contract.
pub const MAX_DELAY_MS: i64 = 5_000;

/// The arguments of `simulate_database_query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateArguments {
    /// What would be asked; it is returned as it is and goes to no database.
    pub query: String,
    /// How many milliseconds to wait.
    #[serde(default, deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    pub delay_ms: i64,
}

/// The result of `simulate_database_query`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SimulateResult {
    /// How many milliseconds were waited.
    pub delay_ms: i64,
    /// The query as it came.
    pub query: String,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// When the wait was over, as RFC 3339 in UTC, to the millisecond.
    pub timestamp: String,
}

/// Waits.
///
/// # Errors
/// When the delay is outside of 0 to [`MAX_DELAY_MS`].
pub async fn simulate(
    arguments: SimulateArguments,
    server_type: &'static str,
    runtime: &Handle,
) -> Result<SimulateResult, ToolError> {
    let SimulateArguments { query, delay_ms } = arguments;
    check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
    if delay_ms > 0 {
        let delay = Duration::from_millis(delay_ms.unsigned_abs());
        runtime.sleep(delay).await;
    }
    Ok(SimulateResult {
        delay_ms,
        query,
        server_type,
        timestamp: to_the_millisecond(Timestamp::now()),
    })
}

/// Whatever is below a millisecond is cut off.
fn to_the_millisecond(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_three_digits_of_a_second() {
        for (time, shown) in [
            ("2026-07-28T01:02:03.4567891Z", "2026-07-28T01:02:03.456Z"),
            ("2026-07-28T01:02:03.9999Z", "2026-07-28T01:02:03.999Z"),
            ("2026-07-28T01:02:03Z", "2026-07-28T01:02:03.000Z"),
        ] {
            assert_eq!(to_the_millisecond(time.parse().unwrap()), shown);
        }
    }
}
