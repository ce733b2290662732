//! The flags of every server, with the same name and meaning wherever they exist. Those that limit
//! a server are in `limits.rs`.

#![expect(
    clippy::doc_markdown,
    reason = "what documents a flag is its help text, and a terminal shows no Markdown"
)]

mod access;
mod limits;
mod telemetry;
mod values;

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use clap::{Args, ValueEnum};
use transports::{
    Limits,
    http::{AllowedHost, AllowedOrigin, Guard, HttpOptions},
};

use self::values::address;
pub use self::{
    access::AccessFlags,
    limits::{CallLimits, DrainLimit, HttpLimits, MessageLimits, QueueLimit},
    telemetry::TelemetryFlags,
    values::{bytes, count, seconds, up_to_1024},
};

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl Switch {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(self) -> bool {
        self == Self::On
    }
}

/// The flags of every program.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Process")]
#[group(skip)]
pub struct ProcessFlags {
    /// Threads that run the server [default: the cores this process may use]
    #[arg(long, env = "MCP_WORKERS", value_name = "N", value_parser = up_to_1024)]
    pub workers: Option<NonZeroU32>,

    /// The limit of the shutdown.
    #[command(flatten)]
    pub drain: DrainLimit,
}

impl ProcessFlags {
    /// The number of threads to run on.
    #[must_use]
    pub fn workers(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.workers
            .map_or_else(cores, |workers| workers.get() as usize)
    }
}

/// The flags of every program that listens.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
#[group(skip)]
pub struct ListenFlags {
    /// Address and port to listen on; port 0 takes a free one, named in the ready line
    #[arg(long, env = "MCP_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,

    /// `TCP_NODELAY` on connections; off teaches what Nagle's algorithm costs an event stream
    #[arg(long, env = "MCP_NODELAY", value_name = "SWITCH", default_value = "on")]
    pub nodelay: Switch,
}

impl ListenFlags {
    /// The options of the connections under `limits`.
    #[must_use]
    pub fn options(&self, limits: Limits) -> HttpOptions {
        HttpOptions {
            nodelay: self.nodelay.is_on(),
            limits,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// Which tools there are.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tools")]
#[group(skip)]
pub struct ToolFlags {
    /// Serve these tools only, as a list with commas; a listing costs its reader tokens
    /// [default: all of them]
    #[arg(long, env = "MCP_TOOLS", value_name = "LIST", value_delimiter = ',')]
    pub tools: Vec<String>,
}

/// The flag of every MCP transport.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Fast path")]
#[group(skip)]
pub struct FastPathFlag {
    /// Whether plain messages are answered before rmcp; off is the official SDK alone
    #[arg(
        long,
        env = "MCP_FAST_PATH",
        value_name = "SWITCH",
        default_value = "on"
    )]
    pub fast_path: Switch,
}

/// The flags of stdio.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct StdioFlags {
    #[command(flatten)]
    pub(crate) fast_path: FastPathFlag,
    #[command(flatten)]
    messages: MessageLimits,
    #[command(flatten)]
    queue: QueueLimit,
}

impl StdioFlags {
    /// What the server takes.
    pub(crate) fn limits(&self) -> Limits {
        self.queue.set(self.messages.set(Limits::stdio()))
    }
}

/// The flags of every MCP transport over HTTP.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTP")]
#[group(skip)]
pub struct HttpFlags {
    #[command(flatten)]
    pub(crate) listen: ListenFlags,

    /// A Host that requests may name, with or without a port; may be given several times, and
    /// replaces the defaults: name localhost too where clients use it
    /// [default: localhost, 127.0.0.1, ::1]
    #[arg(
        long = "allowed-host",
        env = "MCP_ALLOWED_HOSTS",
        value_name = "HOST",
        value_delimiter = ','
    )]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    // Not a doc comment: rustdoc takes the brackets of the last default for a link.
    #[arg(
        help = "An Origin that requests may name, as scheme://host:port where port may be `*`; may be \
                given several times, and replaces the defaults [default: http://localhost:*, http://127.0.0.1:*, http://[::1]:*]",
        long = "allowed-origin",
        env = "MCP_ALLOWED_ORIGINS",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub(crate) allowed_origins: Vec<AllowedOrigin>,

    #[command(flatten)]
    pub(crate) access: AccessFlags,

    #[command(flatten)]
    pub(crate) fast_path: FastPathFlag,

    #[command(flatten)]
    messages: MessageLimits,

    #[command(flatten)]
    http: HttpLimits,
}

impl HttpFlags {
    /// What the server takes.
    pub(crate) fn limits(&self) -> Limits {
        self.http.set(self.messages.set(Limits::default()))
    }

    /// How connections are served under `limits`.
    ///
    /// # Errors
    /// When the certificate cannot be used.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unnecessary_wraps, reason = "only TLS has a certificate")
    )]
    pub(crate) fn options(&self, limits: Limits) -> anyhow::Result<HttpOptions> {
        Ok(HttpOptions {
            #[cfg(feature = "tls")]
            tls: self.access.tls.open()?,
            ..self.listen.options(limits)
        })
    }

    /// Who may speak to the server.
    pub(crate) fn guard(&self) -> Guard {
        let mut guard = Guard {
            access: self.access.access(),
            ..Guard::default()
        };
        if !self.allowed_hosts.is_empty() {
            guard.allowed_hosts.clone_from(&self.allowed_hosts);
        }
        if !self.allowed_origins.is_empty() {
            guard.allowed_origins.clone_from(&self.allowed_origins);
        }
        if !guard.allows_own_names() {
            tracing::info!(
                "--allowed-host replaces the defaults: requests to localhost, 127.0.0.1 and ::1 \
                 are forbidden; name them too if clients of this machine use them"
            );
        }
        let address = self.listen.listen;
        if !address.ip().to_canonical().is_loopback() && !self.access.has_tokens() {
            tracing::warn!(
                "everyone who reaches {address} can call the tools: name tokens with \
                 --auth-token-file, or listen on 127.0.0.1 behind a proxy that checks who calls"
            );
        }
        guard
    }
}

/// The flags of SSE.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct SseFlags {
    #[command(flatten)]
    pub(crate) http: HttpFlags,
    #[command(flatten)]
    pub(crate) queue: QueueLimit,
}

/// The flags of Streamable HTTP.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct StreamableFlags {
    #[command(flatten)]
    pub(crate) http: HttpFlags,
    #[command(flatten)]
    pub(crate) sessions: SessionFlags,
}

/// The flags of sessions.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sessions")]
#[group(skip)]
pub struct SessionFlags {
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
pub enum SessionMode {
    /// Every request stands alone.
    Stateless,
    /// `initialize` opens a session, DELETE or time ends it.
    Stateful,
}
