//! Checks `Host` and `Origin`, against DNS rebinding.
//!
//! MCP specification, "Transports", security warning: servers MUST validate `Origin`. This is the
//! one guard of every HTTP transport; rmcp's own is off. Names are read by the `url` crate, the
//! parser that browsers have, so that the guard and a browser never see two hosts in one text.

use std::{net::Ipv6Addr, str::FromStr};

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use url::{Host, Url};

use super::{Access, Body, text};

/// Whom the server serves: hosts, origins, and who has access.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The hosts that a request may name.
    pub allowed_hosts: Vec<AllowedHost>,
    /// The origins that a request may name.
    pub allowed_origins: Vec<AllowedOrigin>,
    /// Who may send requests, and how many.
    pub access: Access,
}

/// A host that requests may name: a name or address, with a port or for every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// The host as `Host` usually spells it.
    text: String,
    name: HostName,
}

/// An origin that requests may name: `scheme://host:port`, where `*` stands for every port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin {
    /// The origin as a browser spells it, without the port where every port is allowed.
    text: String,
    has_any_port: bool,
    origin: OriginName,
}

/// The text is no host, or no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is no host that a request can name.
    #[error(
        "expected a host name or address, for instance tools.example or tools.example:8443; \
         `*` is none, because every name would open the server to DNS rebinding"
    )]
    Host,
    /// It is no origin that a browser can name.
    #[error(
        "expected scheme://host:port, for instance https://app.example:443 or http://localhost:*"
    )]
    Origin,
}

/// What `Host` says (RFC 9110, section 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostName {
    host: Host<String>,
    port: Option<u16>,
}

/// What `Origin` says (RFC 6454, section 6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
struct OriginName {
    scheme: String,
    host: Host<String>,
    port: Option<u16>,
}

impl Default for Guard {
    /// Accepts only this machine, on any port.
    fn default() -> Self {
        let hosts = ["localhost", "127.0.0.1", "::1"];
        let origins = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];
        Self {
            allowed_hosts: hosts.iter().flat_map(|host| host.parse()).collect(),
            allowed_origins: origins.iter().flat_map(|origin| origin.parse()).collect(),
            access: Access::default(),
        }
    }
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    /// `Host` is missing, malformed, or there are two.
    #[error("Bad Request: the Host header is missing or malformed, or there are two")]
    MalformedHost,
    /// The server does not accept the host.
    #[error("Forbidden: Host is not allowed; start the server with --allowed-host to allow it")]
    Host,
    /// There are two origins.
    #[error("Bad Request: there are two Origin headers")]
    TwoOrigins,
    /// The server does not accept the origin.
    #[error("Forbidden: Origin is not allowed; start the server with --allowed-origin to allow it")]
    Origin,
}

impl GuardError {
    /// Returns the HTTP status of the rejection.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedHost | Self::TwoOrigins => StatusCode::BAD_REQUEST,
            Self::Host | Self::Origin => StatusCode::FORBIDDEN,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        text(self.status(), self.to_string())
    }
}

impl Guard {
    /// Whether requests to this machine's own names pass.
    #[must_use]
    pub fn allows_own_names(&self) -> bool {
        let own = Self::default().allowed_hosts;
        own.iter().any(|own| self.allows_host(&own.name))
    }

    /// Checks a request's `Host`, then its `Origin`. A request without `Origin` passes, because it
    /// does not come from a web page. A target that names a host (RFC 9112, section 3.2.2) has to
    /// name an allowed one, too.
    ///
    /// # Errors
    /// The first check that the request fails.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), GuardError> {
        let host = only(headers, header::HOST).map_err(|Twice| GuardError::MalformedHost)?;
        let host = host.ok_or(GuardError::MalformedHost)?;
        if !self.plainly_allows_host(host.as_bytes()) {
            self.check_host(host.as_bytes())?;
        }
        if let Some(authority) = uri.authority() {
            self.check_host(authority.as_str().as_bytes())?;
        }
        let origin = only(headers, header::ORIGIN).map_err(|Twice| GuardError::TwoOrigins)?;
        match origin.map(HeaderValue::as_bytes) {
            Some(origin) if !self.plainly_allows_origin(origin) => self.check_origin(origin),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_host(&self, host: &[u8]) -> Result<(), GuardError> {
        let host = HostName::read(host).ok_or(GuardError::MalformedHost)?;
        if self.allows_host(&host) {
            Ok(())
        } else {
            Err(GuardError::Host)
        }
    }

    fn allows_host(&self, host: &HostName) -> bool {
        self.allowed_hosts.iter().any(|AllowedHost { name, .. }| {
            name.host == host.host && (name.port.is_none() || name.port == host.port)
        })
    }

    pub(crate) fn check_origin(&self, origin: &[u8]) -> Result<(), GuardError> {
        let origin = OriginName::read(origin).ok_or(GuardError::Origin)?;
        let is_allowed = self.allowed_origins.iter().any(|allowed| {
            let OriginName { scheme, host, port } = &allowed.origin;
            (scheme, host) == (&origin.scheme, &origin.host)
                && (allowed.has_any_port || *port == origin.port)
        });
        if is_allowed {
            Ok(())
        } else {
            Err(GuardError::Origin)
        }
    }
}

/// The two checks on usual headers, without parsing them. [`Guard::check`] accepts every header
/// that passes here, and may accept others.
impl Guard {
    /// Whether `host` is an allowed name, with a port or without.
    pub(crate) fn plainly_allows_host(&self, host: &[u8]) -> bool {
        self.allowed_hosts.iter().any(|AllowedHost { text, name }| {
            after(host, text.as_bytes())
                .is_some_and(|rest| rest.is_empty() || name.port.is_none() && is_plain_port(rest))
        })
    }

    /// Whether `origin` equals an allowed one but for case.
    pub(crate) fn plainly_allows_origin(&self, origin: &[u8]) -> bool {
        self.allowed_origins.iter().any(|allowed| {
            after(origin, allowed.text.as_bytes())
                .is_some_and(|rest| rest.is_empty() || allowed.has_any_port && is_plain_port(rest))
        })
    }
}

impl FromStr for AllowedHost {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // A bare IPv6 address; `Host` puts it in brackets.
        let text = match text.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => text.to_owned(),
        };
        let is_usable = !text.contains('*') && !text.ends_with(':');
        let name = HostName::read(text.as_bytes()).filter(|_| is_usable);
        let name = name.ok_or(NameError::Host)?;
        Ok(Self { text, name })
    }
}

impl FromStr for AllowedOrigin {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let any_port = text.strip_suffix(":*");
        let text = any_port.unwrap_or(text);
        let is_usable = !text.contains('*') && (any_port.is_none() || !has_port(text));
        let origin = OriginName::read(text.as_bytes()).filter(|_| is_usable);
        Ok(Self {
            text: text.to_owned(),
            has_any_port: any_port.is_some(),
            origin: origin.ok_or(NameError::Origin)?,
        })
    }
}

impl HostName {
    fn read(text: &[u8]) -> Option<Self> {
        let text = authority(text)?;
        let url = Url::parse(&format!("http://{text}/")).ok()?;
        // `Url` leaves a scheme's own port out.
        let has_port = has_port(text) && !text.ends_with(':');
        Some(Self {
            host: url.host()?.to_owned(),
            port: url.port_or_known_default().filter(|_| has_port),
        })
    }
}

impl OriginName {
    fn read(text: &[u8]) -> Option<Self> {
        let (scheme, name) = std::str::from_utf8(text).ok()?.split_once("://")?;
        let name = authority(name.as_bytes()).filter(|_| scheme.bytes().all(is_in_scheme))?;
        let url = Url::parse(&format!("{scheme}://{name}")).ok()?;
        // `Url` leaves capitals in the hosts of schemes that it does not know.
        let host = match url.host()? {
            Host::Domain(name) => Host::Domain(name.to_ascii_lowercase()),
            address => address.to_owned(),
        };
        Some(Self {
            scheme: url.scheme().to_owned(),
            host,
            port: url.port_or_known_default(),
        })
    }
}

/// A header came twice.
struct Twice;

/// Returns the value of a header that may come once (RFC 9112, section 3.2).
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, Twice> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Twice),
    }
}

/// Returns `text` if it is nothing but a host and a port. `Url` skips tabs and blanks, reads `\` as
/// `/`, and takes a user, a path and a query, none of which belongs here.
fn authority(text: &[u8]) -> Option<&str> {
    let is_part = |byte: &u8| byte.is_ascii_graphic() && !b"/\\?#@".contains(byte);
    let text = std::str::from_utf8(text).ok()?;
    (!text.is_empty() && text.bytes().all(|byte| is_part(&byte))).then_some(text)
}

/// Whether a scheme may have `byte` (RFC 3986, section 3.1). `Url` skips tabs in it, and control
/// characters before it.
fn is_in_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

/// Whether a colon follows the host in `text`, which may begin with a scheme.
fn has_port(text: &str) -> bool {
    let name = text.split_once("://").map_or(text, |(_, name)| name);
    let end = name.rfind(']').map_or(0, |bracket| bracket + 1);
    name[end..].contains(':')
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
        [b':', digits @ ..] => match digits.len() {
            1..=4 => digits.iter().all(u8::is_ascii_digit),
            5 => digits.iter().all(u8::is_ascii_digit) && digits <= b"65535".as_slice(),
            _ => false,
        },
        _ => false,
    }
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
            "ht\ttp://localhost",
            " http://localhost",
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
                .map(|host| host.parse().unwrap())
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
            assert!(guard.check_host(host.as_bytes()).is_ok(), "{host}");
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
            allowed_hosts: vec!["tools.example:8443".parse().unwrap()],
            ..Guard::default()
        };
        let allows = |host: &str| guard.check_host(host.as_bytes()).is_ok();
        assert!(allows("tools.example:8443"));
        assert!(!allows("tools.example:8444"));
        assert!(!allows("tools.example"));
    }

    #[test]
    fn names_are_read_as_a_browser_reads_them() {
        let guard = Guard {
            allowed_hosts: vec!["a.example:80".parse().unwrap()],
            allowed_origins: ["https://a.example", "chrome-extension://abc"]
                .map(|origin| origin.parse().unwrap())
                .into(),
            access: Access::default(),
        };
        assert_eq!(guard.check_host(b"A.example:080"), Ok(()));
        assert_eq!(guard.check_host(b"a.example"), Err(GuardError::Host));
        assert!(!guard.allows_own_names() && Guard::default().allows_own_names());
        for origin in [
            "https://a.example:443",
            "HTTPS://A.EXAMPLE",
            "chrome-extension://abc",
            "CHROME-EXTENSION://ABC",
        ] {
            assert_eq!(guard.check_origin(origin.as_bytes()), Ok(()), "{origin}");
        }
        for origin in [
            "https://a.example:444",
            "http://a.example",
            "chrome-extension://xyz",
        ] {
            let refused = guard.check_origin(origin.as_bytes());
            assert_eq!(refused, Err(GuardError::Origin), "{origin}");
        }
    }

    #[test]
    fn a_star_is_no_host_and_stands_for_a_port_alone() {
        for host in ["*", "*.example", "a.example:*", "a.example:", "", "a/b"] {
            assert_eq!(host.parse::<AllowedHost>(), Err(NameError::Host), "{host}");
        }
        for origin in [
            "*",
            "http://*",
            "http://*:*",
            "http://a.example/",
            "http://a.example:80:*",
            "http://a.example::*",
            "http://[::1]:80:*",
            "a.example",
        ] {
            let read = origin.parse::<AllowedOrigin>();
            assert_eq!(read, Err(NameError::Origin), "{origin}");
        }
    }
}
