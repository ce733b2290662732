//! The tool set over http-json on async-std.

fn main() -> std::process::ExitCode {
    lab::programs::http_json_async_std()
}
