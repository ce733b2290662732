//! Checks `Host` and `Origin`, against DNS rebinding.
//!
//! MCP specification, "Transports", security warning: servers MUST validate `Origin`. This is the one
//! guard of every HTTP transport; rmcp's own is off.

use http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority};

/// The hosts and origins that the server accepts.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Host names or `name:port`; a name alone stands for every port.
    pub allowed_hosts: Vec<String>,
    /// Origins as `scheme://name:port`, where the port may be `*`.
    pub allowed_origins: Vec<String>,
}

impl Default for Guard {
    /// Accepts only this machine, on any port.
    fn default() -> Self {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Self {
            allowed_hosts: own(&["localhost", "127.0.0.1", "::1"]),
            allowed_origins: own(&["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"]),
        }
    }
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// `Host` is missing or malformed.
    #[error("Bad Request: the Host header is missing or malformed")]
    MalformedHost,
    /// The server does not accept the host.
    #[error("Forbidden: Host is not allowed; start the server with --allowed-host to allow it")]
    Host,
    /// The server does not accept the origin.
    #[error("Forbidden: Origin is not allowed; start the server with --allowed-origin to allow it")]
    Origin,
}

impl GuardError {
    /// Returns the HTTP status of the rejection.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedHost => StatusCode::BAD_REQUEST,
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
        }
    }
}

impl Guard {
    /// Checks a request's `Host`, then its `Origin`. A request without `Origin` passes, because it
    /// does not come from a web page.
    ///
    /// # Errors
    /// The first check that the request fails.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), GuardError> {
        let host = headers.get(header::HOST);
        let is_plainly_allowed = host.is_some_and(|host| self.plainly_allows_host(host.as_bytes()));
        if !is_plainly_allowed {
            self.check_host(uri, host)?;
        }
        match headers.get(header::ORIGIN) {
            None => Ok(()),
            Some(origin) if origin.to_str().is_ok_and(|text| self.allows_origin(text)) => Ok(()),
            Some(_) => Err(GuardError::Origin),
        }
    }

    fn check_host(&self, uri: &Uri, host: Option<&HeaderValue>) -> Result<(), GuardError> {
        let host = match host {
            Some(host) => host
                .to_str()
                .ok()
                .and_then(|host| host.parse::<Authority>().ok()),
            None => uri.authority().cloned(),
        };
        let host = host.ok_or(GuardError::MalformedHost)?;
        if self.allows_host(&host) {
            Ok(())
        } else {
            Err(GuardError::Host)
        }
    }

    fn allows_host(&self, host: &Authority) -> bool {
        self.allowed_hosts.iter().any(|allowed| {
            if bare(host.host()).eq_ignore_ascii_case(bare(allowed)) {
                return true;
            }
            allowed.parse::<Authority>().is_ok_and(|allowed| {
                allowed.port_u16().is_some()
                    && allowed.port_u16() == host.port_u16()
                    && bare(allowed.host()).eq_ignore_ascii_case(bare(host.host()))
            })
        })
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| {
            if allowed.eq_ignore_ascii_case(origin) {
                return true;
            }
            let Some(prefix) = allowed.strip_suffix(":*") else {
                return false;
            };
            origin
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
                && is_port(&origin[prefix.len()..])
        })
    }
}

/// The two checks on usual headers, without parsing them. [`Guard::check`] accepts every header that
/// passes here, and may accept others.
impl Guard {
    /// Whether `host` is an allowed name, with a port or without.
    pub(crate) fn plainly_allows_host(&self, host: &[u8]) -> bool {
        self.allowed_hosts.iter().any(|allowed| {
            let allowed = allowed.as_bytes();
            let colons = memchr::memchr_iter(b':', allowed).count();
            let is_bracketed = allowed.starts_with(b"[");
            if colons > 1 && !is_bracketed {
                // An IPv6 address; `Host` puts it in brackets.
                let bare = host.strip_prefix(b"[");
                let rest = bare.and_then(|bare| after(bare, allowed)?.strip_prefix(b"]"));
                return rest.is_some_and(is_plain_port);
            }
            let has_port = colons == 1 || is_bracketed && !allowed.ends_with(b"]");
            after(host, allowed)
                .is_some_and(|rest| rest.is_empty() || !has_port && is_plain_port(rest))
        })
    }

    /// Whether `origin` equals an allowed one, byte for byte.
    pub(crate) fn plainly_allows_origin(&self, origin: &[u8]) -> bool {
        self.allowed_origins
            .iter()
            .any(|allowed| match allowed.strip_suffix(":*") {
                Some(any_port) => after(origin, any_port.as_bytes()).is_some_and(is_plain_port),
                None => origin == allowed.as_bytes(),
            })
    }
}

/// Returns the part of `text` after `prefix`, ignoring case.
fn after<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether `text` is empty, or a colon and a port whose digits show that it is below 65536.
fn is_plain_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && match digits.len() {
                    1..=4 => true,
                    5 => matches!(digits[0], b'1'..=b'5') || digits <= b"65535".as_slice(),
                    _ => false,
                }
        }
        _ => false,
    }
}

/// Whether `text` is empty, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

/// Returns a host without the brackets of an IPv6 literal.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: Option<&str>, origin: Option<&str>) -> Result<(), GuardError> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::HOST, host), (header::ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        Guard::default().check(&"/sse".parse().unwrap(), &headers)
    }

    #[test]
    fn this_machine_is_accepted_on_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:8080",
            "[::1]:9",
            "[::1]",
        ] {
            assert_eq!(check(Some(host), None), Ok(()), "{host}");
        }
        for origin in [
            "http://localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:1",
        ] {
            assert_eq!(check(Some("localhost"), Some(origin)), Ok(()), "{origin}");
        }
    }

    #[test]
    fn other_hosts_and_origins_are_rejected() {
        assert_eq!(check(None, None), Err(GuardError::MalformedHost));
        assert_eq!(check(Some("a b"), None), Err(GuardError::MalformedHost));
        for host in ["evil.example", "localhost.evil.example", "127.0.0.2"] {
            assert_eq!(check(Some(host), None), Err(GuardError::Host), "{host}");
        }
        for origin in [
            "null",
            "",
            "http://evil.example",
            "https://localhost",
            "http://localhost.evil.example",
            "http://localhost:1.evil.example",
            "http://localhost:99999",
        ] {
            assert_eq!(
                check(Some("localhost"), Some(origin)),
                Err(GuardError::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn plainly_allowed_headers_are_allowed() {
        let guard = Guard {
            allowed_hosts: ["localhost", "::1", "[::2]", "[::3]:1", "a.example:8443"]
                .map(str::to_owned)
                .into(),
            ..Guard::default()
        };
        let plain = [
            "localhost",
            "LOCALHOST:65535",
            "[::1]",
            "[::1]:9",
            "[::2]",
            "[::2]:9",
            "[::3]:1",
            "a.example:8443",
        ];
        for host in plain {
            assert!(guard.plainly_allows_host(host.as_bytes()), "{host}");
            assert!(guard.allows_host(&host.parse().unwrap()), "{host}");
        }
        for host in [
            "",
            "::1",
            "[::1",
            "[::3]",
            "[::3]:1:1",
            "localhost:",
            "localhost:65536",
            "localhost:100000",
            "localhost.example",
            "user@localhost",
            "a.example",
            "a.example:84431",
            "a.example:8443:1",
        ] {
            assert!(!guard.plainly_allows_host(host.as_bytes()), "{host}");
        }
        for (origin, is_allowed) in [
            ("http://localhost", true),
            ("http://127.0.0.1:3000", true),
            ("http://[::1]:1", true),
            ("http://localhost:", false),
            ("http://localhost.example", false),
            ("https://localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(
                guard.plainly_allows_origin(origin.as_bytes()),
                is_allowed,
                "{origin}"
            );
        }
    }

    #[test]
    fn a_host_with_a_port_allows_that_port_only() {
        let guard = Guard {
            allowed_hosts: vec!["tools.example:8443".into()],
            ..Guard::default()
        };
        let allows = |host: &str| guard.allows_host(&host.parse().unwrap());
        assert!(allows("tools.example:8443"));
        assert!(!allows("tools.example:8444"));
        assert!(!allows("tools.example"));
    }
}
