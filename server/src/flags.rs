//! The flags, each with the same name and meaning on every binary that has it.

#![expect(
    clippy::doc_markdown,
    reason = "what documents a flag is its help text, and a terminal shows no Markdown"
)]

use std::{
    net::{Ipv6Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use clap::{Args, ValueEnum};
use http::{Uri, uri::Authority};
use transports::http::{Guard, HttpOptions};

/// A year: longer limits are no limits, and overflow what counts them.
const MAX_SECONDS: f64 = 365.0 * 86_400.0;
/// Shorter limits could not be told from none being kept.
const MIN_SECONDS: f64 = 0.001;
const MEBIBYTE: usize = 1024 * 1024;

/// Flags of every binary.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
pub(crate) struct ProcessFlags {
    /// Threads that run the server [default: the cores this process may use]
    #[arg(long, env = "MCP_WORKERS", value_name = "N", value_parser = up_to_1024)]
    pub(crate) workers: Option<NonZeroU32>,

    /// After SIGTERM or SIGINT, how long calls in flight may take to be answered
    #[arg(long, env = "MCP_DRAIN_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub(crate) drain_timeout: Duration,
}

impl ProcessFlags {
    /// The number of threads to run on.
    pub(crate) fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.workers
            .map_or_else(cores, |workers| workers.get() as usize)
    }
}

/// Flags of the tools and what they stand on.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tools")]
pub(crate) struct ToolFlags {
    /// The products database: an SQLite file, made and filled when it is not there, or
    /// `sqlite::memory:` [default: products.db in the user's cache folder]
    #[arg(long, env = "MCP_DATABASE_URL", value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// Connections to the database
    #[arg(long, env = "MCP_DATABASE_POOL", value_name = "N", default_value = "4", value_parser = up_to_1024)]
    pub(crate) database_pool: NonZeroU32,

    /// The API that `fetch_external_data` may call, and nothing else; without one it says so
    #[arg(long, env = "MCP_UPSTREAM_URL", value_name = "URL")]
    pub(crate) upstream_url: Option<String>,

    /// Idle connections kept to the upstream API
    #[arg(long, env = "MCP_UPSTREAM_POOL", value_name = "N", default_value = "100", value_parser = pool)]
    pub(crate) upstream_pool: usize,

    /// How long one tool call may take before it is answered with an error
    #[arg(long, env = "MCP_CALL_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) call_timeout: Duration,
}

/// The flag of every MCP transport, however it is carried.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Fast path")]
pub(crate) struct FastPathFlag {
    /// Whether plain messages are answered before rmcp; off is the official SDK alone
    #[arg(
        long,
        env = "MCP_FAST_PATH",
        value_name = "SWITCH",
        default_value = "on"
    )]
    fast_path: Switch,
}

impl FastPathFlag {
    /// Whether it is on.
    pub(crate) fn is_on(self) -> bool {
        self.fast_path == Switch::On
    }
}

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

/// The flag of stdio.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "stdio")]
pub struct StdioFlags {
    #[command(flatten)]
    pub(crate) fast_path: FastPathFlag,

    /// Longest line that is taken
    #[arg(long, env = "MCP_MAX_BODY", value_name = "BYTES", default_value_t = transports::stdio::MAX_LINE_BYTES, value_parser = bytes)]
    pub(crate) max_body: usize,
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// Whether there are sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionMode {
    /// Every request stands alone.
    Stateless,
    /// `initialize` opens a session, DELETE or time ends it.
    Stateful,
}

fn up_to_1024(text: &str) -> Result<NonZeroU32, String> {
    match text.parse::<NonZeroU32>() {
        Ok(number) if number.get() <= 1024 => Ok(number),
        _ => Err("expected a number from 1 to 1024".into()),
    }
}

fn pool(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(connections @ 1..=65_535) => Ok(connections),
        _ => Err("expected a number of connections from 1 to 65535".into()),
    }
}

fn bytes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(format!(
            "expected a number of bytes greater than 0, for instance {MEBIBYTE}"
        )),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (MIN_SECONDS..=MAX_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        _ => Err("expected a number of seconds greater than 0 (from 0.001 up to a year), for instance 30 or 0.5".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, for instance 127.0.0.1:8080 or [::1]:0".into()
    })
}

fn host(text: &str) -> Result<String, String> {
    if text.parse::<Authority>().is_ok() || text.parse::<Ipv6Addr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("expected a host name or address, for instance tools.example or tools.example:8443".into())
}

fn origin(text: &str) -> Result<String, String> {
    let uri = text.strip_suffix(":*").unwrap_or(text).parse::<Uri>();
    let is_origin = uri.is_ok_and(|uri| {
        uri.scheme().is_some() && uri.query().is_none() && uri.path() == "/" && !text.ends_with('/')
    });
    if is_origin {
        return Ok(text.to_owned());
    }
    Err(
        "expected scheme://host:port, for instance https://app.example:443 or http://localhost:*"
            .into(),
    )
}
