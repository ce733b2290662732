//! The tool set over http-json on tokio.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpJson, server::Tokio, lab::Lab>()
}
