//! The tool set over http-json on async-std.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpJson, transports::runtime::AsyncStd>()
}
