//! The tool set over sse on async-std.

fn main() -> std::process::ExitCode {
    server::main::<server::Sse, server::AsyncStd, lab::Lab>()
}
