//! The tool set over http-stream on tokio.

fn main() -> std::process::ExitCode {
    lab::programs::http_stream_tokio()
}
