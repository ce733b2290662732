//! Where HTTP requests go: the address that is connected to, and the host that they name.

use std::{fmt, net::SocketAddr};

/// An address with the host that `Host` names: servers may go by that, and refuse others.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    /// What is connected to.
    pub socket: SocketAddr,
    host: String,
}

impl Address {
    /// The address of a host, which may have its port behind it: `localhost:8080`.
    #[must_use]
    pub fn new(socket: SocketAddr, host: &str) -> Self {
        Self {
            socket,
            host: host.to_owned(),
        }
    }

    /// Whether a server may mean itself by this host and port.
    #[must_use]
    pub fn is_called(&self, host: &str) -> bool {
        host == self.host
            || host == self.socket.to_string()
            || host == format!("localhost:{}", self.socket.port())
    }
}

impl From<SocketAddr> for Address {
    /// An address that is its own host.
    fn from(socket: SocketAddr) -> Self {
        Self {
            socket,
            host: socket.to_string(),
        }
    }
}

/// The host, as it stands in `Host` and in URLs.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}
