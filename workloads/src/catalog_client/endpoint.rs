//! The endpoints that the client fetches: plain paths below the base URL.
//!
//! A tool's argument comes from a model that may have read hostile text. So it must not choose
//! another host, leave the base path, or mean different things to two parsers on the way.

use percent_encoding::percent_decode;
use reqwest::Url;

use super::BaseUrlError;

/// The length of the longest endpoint.
pub const MAX_ENDPOINT_BYTES: usize = 2_048;

/// How often the check decodes an endpoint: a proxy and an application may each do it once.
const DECODINGS: usize = 3;

/// The reason why an endpoint is not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the endpoint {shown:?} is refused: {reason}; \
     give a path of the upstream that starts with one \"/\", for example /products/42"
)]
pub struct EndpointError {
    /// The beginning of the endpoint.
    shown: String,
    reason: Reason,
}

/// What is wrong with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("it is not a path")]
    NotAPath,
    #[error("\"//\" at the start names a host")]
    Host,
    #[error("it is longer than {MAX_ENDPOINT_BYTES} bytes")]
    TooLong,
    #[error("it holds a backslash, which some read as a slash")]
    Backslash,
    #[error("it holds a control character")]
    Control,
    #[error("it holds a space; write %20")]
    Space,
    #[error("it holds a \"#\", which is not sent; write %23")]
    Fragment,
    #[error("a \"%\" in it is not followed by two hexadecimal digits; write %25")]
    Escape,
    #[error("\".\" and \"..\" are not followed")]
    DotSegment,
    #[error("it leads away from the upstream")]
    Elsewhere,
}

/// Checks the base URL. Its path, if any, ends without a slash afterwards.
pub(super) fn parse_base(url: &str) -> Result<Url, BaseUrlError> {
    let invalid = |reason: &str| BaseUrlError::Invalid(reason.to_owned());
    let base = Url::parse(url).map_err(|error| invalid(&error.to_string()))?;
    match base.scheme() {
        "http" => {}
        "https" if cfg!(feature = "tls") => {}
        "https" => return Err(BaseUrlError::NoTls),
        scheme => return Err(invalid(&format!("the scheme {scheme:?} is not http"))),
    }
    if !base.username().is_empty() || base.password().is_some() {
        // They would appear in results and logs.
        return Err(invalid("it holds a user name or password"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(invalid("it holds a query or a fragment"));
    }
    Ok(base)
}

/// The URL of `endpoint` below `base`.
pub(super) fn resolve(base: &Url, endpoint: &str) -> Result<Url, EndpointError> {
    let refuse = |reason| EndpointError {
        shown: endpoint.chars().take(120).collect(),
        reason,
    };
    check(endpoint).map_err(refuse)?;
    let prefix = base.as_str().trim_end_matches('/');
    let url = Url::parse(&format!("{prefix}{endpoint}")).map_err(|_| refuse(Reason::Elsewhere))?;
    // A second line of defence: the checks above leave no known way to another host or out of the
    // base path.
    let below = url.path().starts_with(base.path().trim_end_matches('/'));
    let same =
        url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    if below && same {
        Ok(url)
    } else {
        Err(refuse(Reason::Elsewhere))
    }
}

fn check(endpoint: &str) -> Result<(), Reason> {
    if endpoint.len() > MAX_ENDPOINT_BYTES {
        return Err(Reason::TooLong);
    }
    if !endpoint.starts_with('/') {
        return Err(Reason::NotAPath);
    }
    if endpoint.contains(' ') {
        return Err(Reason::Space);
    }
    if endpoint.contains('#') {
        return Err(Reason::Fragment);
    }
    if !escapes_are_whole(endpoint.as_bytes()) {
        return Err(Reason::Escape);
    }
    let path = endpoint.split_once('?').map_or(endpoint, |(path, _)| path);
    check_decoded(endpoint.as_bytes(), check_characters)?;
    check_decoded(path.as_bytes(), check_segments)
}

/// Applies `check` to `bytes` as they are and to what decoding makes of them.
fn check_decoded(bytes: &[u8], check: fn(&[u8]) -> Result<(), Reason>) -> Result<(), Reason> {
    let mut bytes = bytes.to_vec();
    check(&bytes)?;
    for _ in 0..DECODINGS {
        let decoded: Vec<u8> = percent_decode(&bytes).collect();
        if decoded == bytes {
            return Ok(());
        }
        bytes = decoded;
        check(&bytes)?;
    }
    Ok(())
}

fn check_characters(bytes: &[u8]) -> Result<(), Reason> {
    if bytes.iter().any(u8::is_ascii_control) {
        return Err(Reason::Control);
    }
    if bytes.contains(&b'\\') {
        return Err(Reason::Backslash);
    }
    Ok(())
}

fn check_segments(path: &[u8]) -> Result<(), Reason> {
    if path.starts_with(b"//") {
        return Err(Reason::Host);
    }
    // Some servers strip the parameters of a segment first: they read `..;x` as `..`.
    let is_dots = |segment: &[u8]| {
        let name = segment.split(|byte| *byte == b';').next();
        matches!(name, Some(b"." | b".."))
    };
    if path.split(|byte| *byte == b'/').any(is_dots) {
        return Err(Reason::DotSegment);
    }
    Ok(())
}

fn escapes_are_whole(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| {
        let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        *byte != b'%' || (is_hex(at + 1) && is_hex(at + 2))
    })
}
