//! From a ready line to what the load engine takes.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use crate::config::subject::{Role, Sessions, Subject, Wire};
use crate::interrupt::Interrupt;
use crate::load::{self, Address, Options, Target};
use crate::run::process::Server;

/// Splits `http://host:port/path` (without a port it is 80); the host is resolved, the first
/// address is taken.
pub(crate) fn split_url(url: &str) -> Result<(Address, String), String> {
    let wrong = |why: &str| format!("\"{url}\" is not a URL like http://127.0.0.1:8080/mcp: {why}");
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| wrong("it does not begin with http://"))?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    // A colon behind the last bracket of an IPv6 address, or any other.
    let has_port = host.rfind(':') > host.rfind(']');
    let with_port = if has_port {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let socket = with_port
        .to_socket_addrs()
        .map_err(|error| wrong(&error.to_string()))?
        .next()
        .ok_or_else(|| wrong("the host has no address"))?;
    Ok((Address::new(socket, host), path.to_owned()))
}

/// The settings of a verification of `subject`, which lists its tools first.
pub(super) fn verification<'a>(
    subject: &Subject,
    call_timeout: Duration,
    interrupt: &'a Interrupt,
) -> anyhow::Result<Options<'a>> {
    Ok(Options {
        call_timeout,
        revision: subject.revision()?,
        extra_params: subject.extra_params.clone(),
        lists_tools: true,
        stop: interrupt.flag(),
    })
}

/// Where the load of a started subject goes. `answer_bytes` is what a floor was told to answer.
pub(crate) fn target(
    subject: &Subject,
    place: &str,
    answer_bytes: Option<u32>,
    running: &mut Server,
) -> Result<Target, String> {
    if subject.wire == Wire::Stdio {
        if place != "stdio" {
            return Err(format!(
                "its wire is stdio, but its ready line says \"{place}\" and not \"stdio\""
            ));
        }
        let pipes = match running {
            Server::Ours(running) => running.take_pipes(),
            Server::Theirs(_) => None,
        };
        let (stdin, stdout) =
            pipes.ok_or("its pipes were taken already; each trial needs a fresh process")?;
        return Ok(Target::Stdio {
            stdin,
            stdout,
            earlier_runs: 0,
        });
    }
    let (address, path) = split_url(place).map_err(|error| format!("its place is {error}"))?;
    Ok(match (subject.role, subject.wire) {
        (Role::Floor, _) => Target::Floor {
            address,
            path,
            answer_bytes: answer_bytes
                .and_then(|bytes| usize::try_from(bytes).ok())
                .ok_or("it is a floor, and the suite has no answer_bytes for it")?,
        },
        (Role::Server, Wire::Sse) => Target::Sse { address, path },
        (Role::Server, _) => Target::Http {
            address,
            path,
            sessions: match subject.sessions {
                Sessions::Stateless => load::Sessions::None,
                Sessions::Stateful => load::Sessions::PerClient,
                Sessions::Shared => load::Sessions::Shared(subject.shared_sessions.unwrap_or(1)),
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::split_url;

    #[test]
    fn urls_are_split_and_others_refused() {
        let (address, path) = split_url("http://127.0.0.1:80/mcp?x=1").unwrap();
        assert_eq!(
            (address.to_string().as_str(), path.as_str()),
            ("127.0.0.1:80", "/mcp?x=1")
        );
        assert_eq!(split_url("http://127.0.0.1:80").unwrap().1, "/");
        let (named, _) = split_url("http://localhost:81/mcp").unwrap();
        assert_eq!(
            (named.to_string().as_str(), named.socket.port()),
            ("localhost:81", 81)
        );
        for short in ["http://127.0.0.1/x", "http://[::1]/x"] {
            assert_eq!(split_url(short).unwrap().0.socket.port(), 80, "{short}");
        }
        for bad in ["https://127.0.0.1:80/", "stdio", "http:///"] {
            assert!(split_url(bad).is_err(), "{bad}");
        }
    }
}
