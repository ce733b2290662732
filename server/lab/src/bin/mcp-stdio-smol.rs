//! The tool set over stdio on smol.

fn main() -> std::process::ExitCode {
    server::main::<server::Stdio, server::Smol, lab::Lab>()
}
