//! `experiment_waits`: several waits, one after another or together.
//!
//! Claim G1: ten reads of 50 ms take 500 ms one after another and 50 ms together. The waits are the
//! runtime's timers, so the figures show the shape of the code alone, without any service.

use std::time::Duration;

use futures::future::join_all;
use rmcp::{
    handler::server::wrapper::{Json, Parameters},
    tool, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use workloads::tools::{arguments, check_range};

use crate::{ExperimentError, server::Experiments};

const MAX_COUNT: i64 = 100;
const MAX_DELAY_MS: i64 = 1_000;

/// The arguments of `experiment_waits`; the defaults are the published example's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WaitsArguments {
    /// How many waits.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_COUNT))]
    count: i64,
    /// How long each of them takes, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    delay_ms: i64,
    /// Whether they all begin at once; otherwise each begins when the one before has ended.
    together: bool,
}

impl Default for WaitsArguments {
    fn default() -> Self {
        Self {
            count: 10,
            delay_ms: 50,
            together: false,
        }
    }
}

/// The result of `experiment_waits`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WaitsResult {
    /// How many waits there were.
    count: i64,
    /// How long each of them took, in milliseconds.
    delay_ms: i64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
    /// Whether they began at once.
    together: bool,
}

#[tool_router(router = waits_tool, vis = "pub(crate)")]
impl Experiments {
    #[tool(
        description = "Waits several times, one after another or together: what doing things at the same time saves.",
        annotations(
            title = "Experiment: waits",
            read_only_hint = true,
            open_world_hint = false
        )
    )]
    pub(crate) async fn experiment_waits(
        &self,
        Parameters(arguments): Parameters<WaitsArguments>,
    ) -> Result<Json<WaitsResult>, ExperimentError> {
        let WaitsArguments {
            count,
            delay_ms,
            together,
        } = arguments;
        check_range("count", count, 1, MAX_COUNT)?;
        check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
        let app = self.app();
        let delay = Duration::from_millis(delay_ms.unsigned_abs());
        // Lazy: a timer starts when the iterator yields it.
        let waits = (0..count).map(|_| app.runtime.sleep(delay));
        if together {
            join_all(waits).await;
        } else {
            for wait in waits {
                wait.await;
            }
        }
        Ok(Json(WaitsResult {
            count,
            delay_ms,
            server_type: app.server_type,
            together,
        }))
    }
}
