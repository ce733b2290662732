//! The tool set over sse on percore.

fn main() -> std::process::ExitCode {
    lab::programs::sse_percore()
}
