//! The tool set over http-json on smol.

fn main() -> std::process::ExitCode {
    lab::programs::http_json_smol()
}
