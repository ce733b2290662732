//! The tool set over sse on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::Sse, transports::runtime::Smol>()
}
