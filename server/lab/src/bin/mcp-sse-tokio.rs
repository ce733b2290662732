//! The tool set over sse on tokio.

fn main() -> std::process::ExitCode {
    server::main::<server::Sse, server::Tokio, lab::Lab>()
}
