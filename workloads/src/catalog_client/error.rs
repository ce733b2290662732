//! What can go wrong between this server and the catalogue API, and what to do about it.

use std::{
    error::Error,
    fmt::{self, Write as _},
    time::Duration,
};

use http::StatusCode;
use reqwest::Url;
use transports::admission::NotAdmitted;

use super::EndpointError;

/// The length of the part of a body that a message shows.
const SHOWN_CHARS: usize = 80;
/// The length of the part of an API's own error that a message shows.
const MAX_SAID_CHARS: usize = 300;

/// A base URL that cannot be fetched from.
#[derive(Debug, thiserror::Error)]
pub enum BaseUrlError {
    /// It is no URL, or has no host, for this reason. The message leaves out the URL, which may
    /// hold a password.
    #[error("the upstream URL is not valid ({0}); give --upstream-url http://HOST:PORT")]
    Invalid(String),
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

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogClientError {
    /// The endpoint is refused. Nothing was sent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The host of this URL accepts no connection, for the operating system's reason.
    #[error(
        "the upstream is down: cannot connect for {0} ({1}); \
         start it, or point --upstream-url at one that runs"
    )]
    Down(String, String),
    /// The limit of calls at once left no turn for this one, which waited.
    #[error(
        "the upstream is busy: as many calls are under way as this server makes at once ({calls}), and none \
         ended within {} s to let {url} be asked; ask again later, or raise the server's --upstream-limit",
        waited.as_secs_f64()
    )]
    Busy {
        /// The URL.
        url: String,
        /// The limit of calls at once.
        calls: u32,
        /// How long this one waited.
        waited: Duration,
    },
    /// There is no memory for the answer at the moment.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// This time limit ended first.
    #[error(
        "the upstream is too slow: {0} was not answered within {limit} s; \
         ask for less, ask again later, or raise the server's --call-timeout",
        limit = .1.as_secs_f64()
    )]
    Slow(String, Duration),
    /// The connection ended, or carried no HTTP.
    #[error("the upstream broke off: {0} was not answered in full ({1}); ask again")]
    Broken(String, String),
    /// The body is longer than so many bytes.
    #[error("the upstream's answer to {0} is longer than {1} bytes; ask for less of it")]
    TooLarge(String, usize),
    /// The status is not 200. The API's own message, or the beginning of the body, says why.
    #[error(
        "the upstream answered {url} with HTTP {status}: {said}; \
         look into its log, or point --upstream-url at a catalogue API"
    )]
    Refused {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The reason.
        said: String,
    },
    /// The body is not JSON, or not what the route should return: what is wrong, and what to do.
    #[error("the upstream answered {0} with {1}")]
    Unusable(String, String),
}

impl CatalogClientError {
    pub(super) fn from_reqwest(error: reqwest::Error, url: &Url, limit: Duration) -> Self {
        let url = url.to_string();
        if error.is_timeout() {
            return Self::Slow(url, limit);
        }
        let down = error.is_connect();
        // The URL is named already.
        let reason = chain(&error.without_url());
        if down {
            Self::Down(url, reason)
        } else {
            Self::Broken(url, reason)
        }
    }

    pub(super) fn not_json(
        url: &Url,
        status: StatusCode,
        body: &[u8],
        source: &serde_json::Error,
    ) -> Self {
        let (status, start) = (status.as_u16(), start(body));
        let problem = format!(
            "HTTP {status} and a body that is not JSON ({source}): {start:?}; \
             choose an endpoint that serves JSON"
        );
        Self::unusable(url, problem)
    }

    pub(super) fn misshapen(url: &Url, body: &[u8], source: &serde_json::Error) -> Self {
        let start = start(body);
        let problem = format!(
            "JSON of another shape than a catalogue API's ({source}): {start:?}; \
             point --upstream-url at one"
        );
        Self::unusable(url, problem)
    }

    pub(super) fn payload(url: &Url, reason: &dyn fmt::Display) -> Self {
        let problem = format!(
            "something else than such a payload ({reason}); \
             point --upstream-url at this project's `upstream`"
        );
        Self::unusable(url, problem)
    }

    fn unusable(url: &Url, problem: String) -> Self {
        Self::Unusable(url.to_string(), problem)
    }

    /// `said` is the API's own message, if it sent one.
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
}

/// The beginning of a body, for people.
fn start(body: &[u8]) -> String {
    let start = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN_CHARS)]);
    start.chars().take(SHOWN_CHARS).collect()
}

/// An error and its causes, which reqwest's own text leaves out.
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
