//! The tool set over http-json on percore.

fn main() -> std::process::ExitCode {
    lab::programs::http_json_percore()
}
