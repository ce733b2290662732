//! `lesson_waits`: several waits, one after another or together.
//!
//! Claim G1: ten reads of 50 ms take 500 ms one after another and 50 ms together. The waits are the
//! runtime's timers, so what is shown is the shape of the code alone: no service is in the way.

use std::time::Duration;

use futures::future::join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use crate::tools::{ToolError, arguments, check_range};

/// The most waits of one call.
pub const MAX_COUNT: i64 = 100;
/// The longest wait, in milliseconds.
pub const MAX_DELAY_MS: i64 = 1_000;

/// The arguments of `lesson_waits`; the defaults are the published example's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WaitsArguments {
    /// How many waits.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_COUNT))]
    pub count: i64,
    /// How long each of them takes, in milliseconds.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_DELAY_MS))]
    pub delay_ms: i64,
    /// Whether they all begin at once; otherwise each begins when the one before has ended.
    pub together: bool,
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

/// The result of `lesson_waits`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WaitsResult {
    /// How many waits there were.
    pub count: i64,
    /// How long each of them took, in milliseconds.
    pub delay_ms: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// Whether they began at once.
    pub together: bool,
}

/// Waits.
///
/// # Errors
/// When an argument is outside of its limits.
pub async fn wait(
    arguments: WaitsArguments,
    server_type: &'static str,
    runtime: &Handle,
) -> Result<WaitsResult, ToolError> {
    let WaitsArguments {
        count,
        delay_ms,
        together,
    } = arguments;
    check_range("count", count, 1, MAX_COUNT)?;
    check_range("delay_ms", delay_ms, 0, MAX_DELAY_MS)?;
    let delay = Duration::from_millis(delay_ms.unsigned_abs());
    // Lazy: a timer starts when the wait is taken from here, not before.
    let waits = (0..count).map(|_| runtime.sleep(delay));
    if together {
        join_all(waits).await;
    } else {
        for wait in waits {
            wait.await;
        }
    }
    Ok(WaitsResult {
        count,
        delay_ms,
        server_type,
        together,
    })
}
