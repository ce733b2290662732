//! The tool set over sse on percore.

fn main() -> std::process::ExitCode {
    server::main::<server::Sse, server::PerCore, lab::Lab>()
}
