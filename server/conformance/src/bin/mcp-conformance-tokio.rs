//! The fixtures of the conformance suite on tokio, over the transport that the first argument names.

fn main() -> std::process::ExitCode {
    conformance::programs::tokio()
}
