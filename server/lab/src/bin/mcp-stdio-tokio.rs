//! The tool set over stdio on tokio.

fn main() -> std::process::ExitCode {
    server::main::<server::Stdio, server::Tokio, lab::Lab>()
}
