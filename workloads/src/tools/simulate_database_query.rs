//! `simulate_database_query`: a wait of known length, as if a database took its time.

use std::time::Duration;

use jiff::Timestamp;

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::simulate_router);

/// The longest wait; the public benchmark's contract.
const MAX_DELAY_MS: i64 = 5_000;

/// The arguments of `simulate_database_query`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimulateArguments {
    /// What would be asked; it is returned as it is and goes to no database.
    query: String,
    /// How many milliseconds to wait.
    #[serde(default, deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    delay_ms: i64,
}

/// The result of `simulate_database_query`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SimulateResult {
    /// The query as it came.
    query: String,
    /// How many milliseconds were waited.
    delay_ms: i64,
    /// When the wait was over, as RFC 3339 in UTC, to the millisecond.
    timestamp: String,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = simulate_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Waits as long as a database query would take, 0 to 5000 milliseconds, and returns the query and the time.",
        annotations(
            title = "Simulate a database query",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(super) async fn simulate_database_query(
        &self,
        Parameters(arguments): Parameters<SimulateArguments>,
    ) -> Result<Json<SimulateResult>, ToolError> {
        let SimulateArguments { query, delay_ms } = arguments;
        check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
        let state = self.state();
        if delay_ms > 0 {
            let delay = Duration::from_millis(delay_ms.unsigned_abs());
            state.runtime.sleep(delay).await;
        }
        Ok(Json(SimulateResult {
            query,
            delay_ms,
            timestamp: to_the_millisecond(Timestamp::now()),
            server_type: state.server_type,
        }))
    }
}

/// Cuts off whatever is below a millisecond.
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
