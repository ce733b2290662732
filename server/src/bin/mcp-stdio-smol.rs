//! The tool set over stdio on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::Stdio, transports::runtime::Smol>()
}
