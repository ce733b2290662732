//! The tool set over http-stream on smol.

fn main() -> std::process::ExitCode {
    lab::programs::http_stream_smol()
}
