//! The tool set over sse on smol.

fn main() -> std::process::ExitCode {
    lab::programs::sse_smol()
}
