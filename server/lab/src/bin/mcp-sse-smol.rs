//! The tool set over sse on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::Sse, server::Smol, lab::Lab>()
}
