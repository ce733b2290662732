//! What can go wrong between this server and the upstream, and what to do about it.

use std::{error::Error, fmt::Write as _, time::Duration};

use http::StatusCode;
use reqwest::Url;

use super::EndpointError;

/// How much of a body that is not JSON is shown.
const SHOWN_CHARS: usize = 80;
/// How much is shown of what an upstream says of its own trouble.
const MAX_SAID_CHARS: usize = 300;

/// A base URL that cannot be fetched from.
#[derive(Debug, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL, or not one with a host.
    #[error("the upstream URL is not valid ({reason}); give --upstream-url http://HOST:PORT")]
    Invalid {
        /// What is wrong with it. The URL itself is not repeated: it may hold a password.
        reason: String,
    },
    /// This build has no TLS.
    #[error(
        "the upstream URL asks for https, which this build leaves out; \
         build with `--features tls` of the crate workloads, or give an http:// URL"
    )]
    NoTls,
    /// The client could not be set up.
    #[error("the HTTP client for the upstream could not be set up: {0}")]
    Client(#[source] reqwest::Error),
}

/// A call of the upstream that brought no JSON.
#[derive(Debug, thiserror::Error)]
pub enum CatalogClientError {
    /// The endpoint is not one that is fetched. Nothing was sent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nobody accepts connections there.
    #[error(
        "the upstream is down: cannot connect for {url} ({reason}); \
         start it, or point --upstream-url at one that runs"
    )]
    Down {
        /// What was to be fetched.
        url: String,
        /// What the operating system says.
        reason: String,
    },
    /// Its turn did not come.
    #[error(
        "the upstream is busy: as many calls are under way as this server makes at once ({calls}), and none \
         ended within {} s to let {url} be asked; ask again later, or raise the server's --upstream-limit",
        waited.as_secs_f64()
    )]
    Busy {
        /// What was to be fetched.
        url: String,
        /// How many calls may be under way.
        calls: u32,
        /// How long this one waited.
        waited: Duration,
    },
    /// The time limit ended first.
    #[error(
        "the upstream is too slow: {url} was not answered within {} s; \
         ask for less, ask again later, or raise the server's --call-timeout",
        limit.as_secs_f64()
    )]
    Slow {
        /// What was to be fetched.
        url: String,
        /// The time limit.
        limit: Duration,
    },
    /// The connection ended, or what came over it was no HTTP.
    #[error("the upstream broke off: {url} was not answered in full ({reason}); ask again")]
    Broken {
        /// What was to be fetched.
        url: String,
        /// What happened.
        reason: String,
    },
    /// More than this server takes.
    #[error(
        "the upstream's answer to {url} is longer than {limit_bytes} bytes; ask for less of it"
    )]
    TooLarge {
        /// What was to be fetched.
        url: String,
        /// The most that is taken.
        limit_bytes: usize,
    },
    /// A body that is not JSON.
    #[error(
        "the upstream answered {url} with HTTP {status} and a body that is not JSON \
         ({source}): {start:?}; choose an endpoint that serves JSON"
    )]
    NotJson {
        /// What was fetched.
        url: String,
        /// The HTTP status. Redirects are not followed and end up here.
        status: u16,
        /// How the body begins.
        start: String,
        /// Where it stops being JSON.
        source: serde_json::Error,
    },
    /// Another status than 200 where nothing else will do.
    #[error(
        "the upstream answered {url} with HTTP {status}: {said}; \
         look into its log, or point --upstream-url at a catalogue API"
    )]
    Refused {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the upstream says of it, or how the body begins.
        said: String,
    },
    /// JSON without what was asked for.
    #[error(
        "the upstream answered {url} with JSON of another shape than a catalogue API's \
         ({source}): {start:?}; point --upstream-url at one"
    )]
    Misshapen {
        /// What was asked for.
        url: String,
        /// How the body begins.
        start: String,
        /// What is missing or wrong.
        source: serde_json::Error,
    },
    /// A payload that is not made as it should be.
    #[error(
        "the upstream answered {url} with something else than such a payload ({reason}); \
         point --upstream-url at this project's `upstream`"
    )]
    Payload {
        /// What was asked for.
        url: String,
        /// What is wrong with it, and where.
        reason: String,
    },
}

impl CatalogClientError {
    pub(super) fn from_reqwest(error: reqwest::Error, url: &Url, limit: Duration) -> Self {
        let url = url.to_string();
        if error.is_timeout() {
            return Self::Slow { url, limit };
        }
        let down = error.is_connect();
        // The URL is named already.
        let reason = chain(&error.without_url());
        if down {
            Self::Down { url, reason }
        } else {
            Self::Broken { url, reason }
        }
    }

    pub(super) fn not_json(
        url: &Url,
        status: StatusCode,
        body: &[u8],
        source: serde_json::Error,
    ) -> Self {
        Self::NotJson {
            url: url.to_string(),
            status: status.as_u16(),
            start: start(body),
            source,
        }
    }

    /// `said` is what the upstream said of it in words, if it did.
    pub(super) fn refused(
        url: &Url,
        status: StatusCode,
        body: &[u8],
        said: Option<String>,
    ) -> Self {
        let said = match said {
            Some(said) => said.chars().take(MAX_SAID_CHARS).collect(),
            None if body.is_empty() => "an empty body".to_owned(),
            None => format!("{:?}", start(body)),
        };
        Self::Refused {
            url: url.to_string(),
            status: status.as_u16(),
            said,
        }
    }

    pub(super) fn misshapen(url: &Url, body: &[u8], source: serde_json::Error) -> Self {
        Self::Misshapen {
            url: url.to_string(),
            start: start(body),
            source,
        }
    }
}

/// How a body begins, for people.
fn start(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)]);
    start.chars().take(SHOWN_CHARS).collect()
}

/// An error and all that caused it: reqwest's own text leaves the cause out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
