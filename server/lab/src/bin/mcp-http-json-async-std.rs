//! The tool set over http-json on async-std.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpJson, server::AsyncStd, lab::Lab>()
}
