//! `calculate_fibonacci`: CPU work that is the same in every language.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transports::runtime::Handle;

use super::{ToolError, arguments, error::check_range};
use crate::tuning::{CpuOffload, CpuWork};

/// The highest `n` that is computed; the public benchmark's contract.
pub const MAX_N: i64 = 40;

/// The highest `n` that is always computed on the thread that reads the network. Measured on a machine of
/// two cores, `opt-level` 2: n = 20 takes 26 us, n = 22 takes 62 us, n = 40 takes 530 ms, and moving
/// work to a blocking thread and back takes 13 us. So nobody waits for longer than two such moves.
const MAX_INLINE_N: i64 = 20;

/// The arguments of `calculate_fibonacci`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FibonacciArguments {
    /// Which Fibonacci number to compute; the work grows by a factor of 1.6 with each step.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 0, max = MAX_N))]
    pub n: i64,
}

/// The result of `calculate_fibonacci`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FibonacciResult {
    /// The `n` that was asked for.
    pub input: i64,
    /// The n-th Fibonacci number.
    pub result: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
}

/// Computes the number, where `offload` puts work of its length.
///
/// # Errors
/// When `n` is outside of 0 to [`MAX_N`].
pub async fn calculate(
    arguments: FibonacciArguments,
    server_type: &'static str,
    runtime: &Handle,
    offload: CpuOffload,
) -> Result<FibonacciResult, ToolError> {
    let n = arguments.n;
    check_range("n", n, 0, MAX_N)?;
    let size = if n <= MAX_INLINE_N {
        CpuWork::Short
    } else {
        CpuWork::Long
    };
    let result = offload.run(runtime, size, move || fibonacci(n)).await;
    Ok(FibonacciResult {
        server_type,
        input: n,
        result,
    })
}

/// Naive recursion. The optimiser is kept from knowing the argument, or it would unroll the levels
/// and the work would no longer be that of other languages.
fn fibonacci(n: i64) -> i64 {
    match black_box(n) {
        n @ ..2 => n,
        n => fibonacci(n - 1) + fibonacci(n - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_fibonaccis() {
        for (n, expected) in [(0, 0), (1, 1), (2, 1), (10, 55), (20, 6_765), (30, 832_040)] {
            assert_eq!(fibonacci(n), expected, "{n}");
        }
    }
}
