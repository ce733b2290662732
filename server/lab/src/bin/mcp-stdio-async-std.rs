//! The tool set over stdio on async-std.

fn main() -> std::process::ExitCode {
    lab::programs::stdio_async_std()
}
