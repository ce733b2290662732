//! The tool set over http-json on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpJson, server::Smol, lab::Lab>()
}
