//! The tool set over http-stream on percore.

fn main() -> std::process::ExitCode {
    lab::programs::http_stream_percore()
}
