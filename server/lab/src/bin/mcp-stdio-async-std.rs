//! The tool set over stdio on async-std.

fn main() -> std::process::ExitCode {
    server::main::<server::Stdio, server::AsyncStd, lab::Lab>()
}
