//! The tool set over sse on tokio.

fn main() -> std::process::ExitCode {
    lab::programs::sse_tokio()
}
