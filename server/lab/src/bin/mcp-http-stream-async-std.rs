//! The tool set over http-stream on async-std.

fn main() -> std::process::ExitCode {
    lab::programs::http_stream_async_std()
}
