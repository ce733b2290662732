//! The tool set over sse on async-std.

fn main() -> std::process::ExitCode {
    lab::programs::sse_async_std()
}
