//! The flags that say who has access to a server over HTTP, and how often.

use std::{fs, num::NonZeroU32};

use clap::Args;
use transports::http::{Access, Tokens, TokensError};

use super::values::rate;

/// The flags of access.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
#[group(skip)]
pub struct AccessFlags {
    /// Reject requests without one of the bearer tokens in this file with 401: one token a line,
    /// with a name after it where you like [default: everyone who reaches the port has access]
    #[arg(long, env = "MCP_AUTH_TOKEN_FILE", value_name = "FILE", value_parser = tokens)]
    auth_token_file: Option<Tokens>,

    /// Requests a second that are taken for each token, and for each address without one; others
    /// are answered 429. A message of a batch counts as one [default: no limit]
    #[arg(long, env = "MCP_RATE_LIMIT", value_name = "N/s", value_parser = rate)]
    rate_limit: Option<NonZeroU32>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub(super) tls: TlsFlags,
}

impl AccessFlags {
    /// Who may send requests, and how many.
    pub(super) fn access(&self) -> Access {
        Access::new(self.auth_token_file.clone(), self.rate_limit)
    }

    pub(super) fn has_tokens(&self) -> bool {
        self.auth_token_file.is_some()
    }
}

/// The flags of TLS.
#[cfg(feature = "tls")]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Access")]
#[group(skip)]
pub(super) struct TlsFlags {
    /// Serve HTTPS with the certificate in this file, in PEM; those that certify it come after it
    #[arg(long, env = "MCP_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<std::path::PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env = "MCP_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<std::path::PathBuf>,
}

#[cfg(feature = "tls")]
impl TlsFlags {
    /// Reads the certificate and its key, where they are named.
    pub(super) fn open(&self) -> anyhow::Result<Option<transports::http::Tls>> {
        use anyhow::Context as _;

        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let tls = transports::http::Tls::open(certificate, key);
        tls.context("using --tls-cert and --tls-key").map(Some)
    }
}

/// Reads a file of tokens while the command line is read, so that a mistake ends the program before
/// it opens anything.
fn tokens(path: &str) -> Result<Tokens, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read it: {error}"))?;
    text.parse().map_err(|error: TokensError| error.to_string())
}
