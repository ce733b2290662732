//! What sockets cost without hyper: fixed bytes for every request, no protocol, no tools.

fn main() -> std::process::ExitCode {
    floors::epoll::main()
}
