//! The tool set over http-stream on async-std.

fn main() -> std::process::ExitCode {
    server::main::<server::HttpStream, server::AsyncStd, lab::Lab>()
}
