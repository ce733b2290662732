//! The tool set over stdio on smol.

fn main() -> std::process::ExitCode {
    lab::programs::stdio_smol()
}
