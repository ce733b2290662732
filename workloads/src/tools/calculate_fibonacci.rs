//! `calculate_fibonacci`: CPU work that is the same in every language.

use std::hint::black_box;

use transports::admission::{NotAdmitted, Stop};

use super::prelude::*;

pub(super) const TOOL: Tool = Tool::new(DemoServer::fibonacci_router);

/// The highest `n` that is computed; the public benchmark's contract.
const MAX_N: i64 = 40;

/// The highest `n` that is always computed on the thread that reads the network. Measured on a
/// machine of two cores, `opt-level` 2: n = 20 takes 26 us, n = 22 takes 62 us, n = 40 takes 530
/// ms, and moving work to a blocking thread and back takes 13 us. So no other call waits for longer
/// than two such moves.
const MAX_INLINE_N: i64 = 20;

/// The highest `n` that is computed without a look whether the result is still wanted.
const MAX_UNSTOPPED_N: i64 = 25;

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
        let result = state.compute(length, move |stop| until_stop(n, stop));
        Ok(Json(FibonacciResult {
            input: n,
            result: result.await?.ok_or(NotAdmitted::ClientLeft)?,
            server_type: state.server_type,
        }))
    }
}

/// [`fibonacci`], or nothing when it is asked to stop. It looks between pieces of work of 0.3 ms,
/// and all of its additions are those of the recursion.
fn until_stop(n: i64, stop: &Stop) -> Option<i64> {
    if n <= MAX_UNSTOPPED_N {
        return Some(fibonacci(n));
    }
    if stop.is_asked() {
        return None;
    }
    Some(until_stop(n - 1, stop)? + until_stop(n - 2, stop)?)
}

/// Naive recursion. The optimiser must not know the argument, or it would unroll the levels and the
/// work would no longer be that of other languages.
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
    fn numbers_are_the_same_with_looks_and_without() {
        let (mut a, mut b) = (0, 1);
        for n in 0..=30 {
            assert_eq!(until_stop(n, &Stop::default()), Some(a), "{n}");
            (a, b) = (b, a + b);
        }
    }
}
