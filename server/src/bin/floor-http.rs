//! What HTTP alone costs: fixed bytes for every request, no protocol, no tools.

fn main() -> std::process::ExitCode {
    server::floor::<transports::runtime::Tokio>()
}
