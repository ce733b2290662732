//! The tool set over http-stream on percore.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpStream, server::PerCore, lab::Lab>()
}
