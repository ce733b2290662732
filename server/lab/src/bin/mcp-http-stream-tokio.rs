//! The tool set over http-stream on tokio.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpStream, server::Tokio, lab::Lab>()
}
