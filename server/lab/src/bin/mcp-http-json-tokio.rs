//! The tool set over http-json on tokio.

fn main() -> std::process::ExitCode {
    lab::programs::http_json_tokio()
}
