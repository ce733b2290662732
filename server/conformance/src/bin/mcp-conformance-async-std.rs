//! The fixtures of the conformance suite on async-std, over the transport that the first argument names.

fn main() -> std::process::ExitCode {
    conformance::programs::async_std()
}
