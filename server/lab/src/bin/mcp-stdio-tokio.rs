//! The tool set over stdio on tokio.

fn main() -> std::process::ExitCode {
    lab::programs::stdio_tokio()
}
