//! The tool set over http-json on percore.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpJson, server::PerCore, lab::Lab>()
}
