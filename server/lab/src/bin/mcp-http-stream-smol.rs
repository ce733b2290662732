//! The tool set over http-stream on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpStream, server::Smol, lab::Lab>()
}
