//! What HTTP alone costs: fixed bytes for every request, no protocol, no tools.

fn main() -> std::process::ExitCode {
    floors::http::main::<server::Tokio>()
}
