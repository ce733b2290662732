//! Flags of what listens.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, ValueEnum};
use transports::http::{Guard, HttpOptions};

use super::{
    FastPathFlag, Switch,
    values::{MEBIBYTE, address, bytes, host, origin, seconds},
};

/// Flags of everything that listens.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub(crate) struct ListenFlags {
    /// Address and port to listen on; port 0 takes a free one, named in the ready line
    #[arg(long, env = "MCP_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    pub(crate) listen: SocketAddr,

    /// `TCP_NODELAY` on connections; off teaches what Nagle's algorithm costs an event stream
    #[arg(long, env = "MCP_NODELAY", value_name = "SWITCH", default_value = "on")]
    pub(crate) nodelay: Switch,
}

impl ListenFlags {
    /// What the accept loop is to be told.
    pub(crate) fn options(&self) -> HttpOptions {
        HttpOptions {
            nodelay: self.nodelay == Switch::On,
            ..HttpOptions::default()
        }
    }
}

/// Flags of every MCP transport over HTTP.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
pub struct HttpFlags {
    #[command(flatten)]
    pub(crate) listen: ListenFlags,

    #[command(flatten)]
    pub(crate) fast_path: FastPathFlag,

    /// Largest request body that is taken
    #[arg(long, env = "MCP_MAX_BODY", value_name = "BYTES", default_value_t = 4 * MEBIBYTE, value_parser = bytes)]
    pub(crate) max_body: usize,

    /// A Host that requests may name, with or without a port; may be given several times
    /// [default: localhost, 127.0.0.1, ::1]
    #[arg(
        long = "allowed-host",
        value_parser = host,
        env = "MCP_ALLOWED_HOSTS",
        value_name = "HOST",
        value_delimiter = ','
    )]
    pub(crate) allowed_hosts: Vec<String>,

    // Not a doc comment: rustdoc takes the brackets of the last default for a link.
    #[arg(
        help = "An Origin that requests may name, as scheme://host:port where port may be `*`; may be \
                given several times [default: http://localhost:*, http://127.0.0.1:*, http://[::1]:*]",
        long = "allowed-origin",
        value_parser = origin,
        env = "MCP_ALLOWED_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub(crate) allowed_origins: Vec<String>,
}

impl HttpFlags {
    /// Who may speak to the server.
    pub(crate) fn guard(&self) -> Guard {
        let mut guard = Guard::default();
        if !self.allowed_hosts.is_empty() {
            guard.allowed_hosts.clone_from(&self.allowed_hosts);
        }
        if !self.allowed_origins.is_empty() {
            guard.allowed_origins.clone_from(&self.allowed_origins);
        }
        guard
    }
}

/// Flags of Streamable HTTP's sessions.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sessions")]
pub(crate) struct SessionFlags {
    /// Whether clients get a session (`Mcp-Session-Id`) or every request stands alone
    #[arg(
        long,
        env = "MCP_SESSIONS",
        value_name = "MODE",
        default_value = "stateless"
    )]
    pub(crate) sessions: SessionMode,

    /// How long a session lives without traffic (with --sessions stateful)
    #[arg(long, env = "MCP_SESSION_TTL", value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    pub(crate) session_ttl: Duration,
}

impl SessionFlags {
    /// How long a session lives, where there are any.
    pub(crate) fn ttl(&self) -> Option<Duration> {
        (self.sessions == SessionMode::Stateful).then_some(self.session_ttl)
    }
}

/// Whether there are sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionMode {
    /// Every request stands alone.
    Stateless,
    /// `initialize` opens a session, DELETE or time ends it.
    Stateful,
}
