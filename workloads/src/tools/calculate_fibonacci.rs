//! `calculate_fibonacci`: CPU work that is the same in every language.

use std::hint::black_box;

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::fibonacci_router);

/// The highest `n` that is computed; the public benchmark's contract.
const MAX_N: i64 = 40;

/// The highest `n` that is always computed on the thread that reads the network. Measured on a
/// machine of two cores, `opt-level` 2: n = 20 takes 26 us, n = 22 takes 62 us, n = 40 takes 530
/// ms, and moving work to a blocking thread and back takes 13 us. So no other call waits for longer
/// than two such moves.
const MAX_INLINE_N: i64 = 20;

/// The arguments of `calculate_fibonacci`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FibonacciArguments {
    /// Which Fibonacci number to compute; the work grows by a factor of 1.6 with each step.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_N))]
    n: i64,
}

/// The result of `calculate_fibonacci`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FibonacciResult {
    /// The `n` that was asked for.
    input: i64,
    /// The n-th Fibonacci number.
    result: i64,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

#[tool_router(router = fibonacci_router, vis = "pub(super)")]
impl DemoServer {
    /// The tool `calculate_fibonacci`, which can also be called without a protocol.
    ///
    /// # Errors
    /// When `n` is outside of its limits.
    #[tool(
        description = "Computes the n-th Fibonacci number by naive recursion, for n from 0 to 40.",
        annotations(title = "Fibonacci", read_only_hint = true, open_world_hint = false)
    )]
    pub async fn calculate_fibonacci(
        &self,
        Parameters(arguments): Parameters<FibonacciArguments>,
    ) -> Result<Json<FibonacciResult>, ToolError> {
        let FibonacciArguments { n } = arguments;
        check_range("n", n, 0, MAX_N)?;
        let length = if n <= MAX_INLINE_N {
            CpuWork::Short
        } else {
            CpuWork::Long
        };
        let state = self.state();
        Ok(Json(FibonacciResult {
            input: n,
            result: state.compute(length, move || fibonacci(n)).await,
            server_type: state.server_type,
        }))
    }
}

/// Naive recursion. The optimiser must not know the argument, or it would unroll the levels and the
/// work would no longer be that of other languages.
fn fibonacci(n: i64) -> i64 {
    match black_box(n) {
        n @ ..2 => n,
        n => fibonacci(n - 1) + fibonacci(n - 2),
    }
}
