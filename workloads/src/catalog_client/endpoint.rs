//! The endpoints that the client fetches: plain paths below the base URL.
//!
//! A tool's argument comes from a model that may have read hostile text. So it must not choose another
//! host, leave the base path, or mean different things to two parsers on the way.

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
    let invalid = |reason: &str| BaseUrlError::Invalid {
        reason: reason.to_owned(),
    };
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
    // A second line of defence: the checks above leave no known way to another host or out of the base path.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(endpoint: &str) -> Result<String, Reason> {
        let base = parse_base("http://127.0.0.1:9/api/").unwrap();
        resolve(&base, endpoint)
            .map(String::from)
            .map_err(|refused| refused.reason)
    }

    #[test]
    fn plain_paths_are_taken() {
        for endpoint in [
            "/",
            "/health",
            "/products/search?category=Home&limit=3",
            "/a%20b/c;d",
            "/search?q=..&next=http://elsewhere.example/",
            "/...",
            "/%E4%B8%AD",
            "/user@host:80/x",
            "/100%2525",
        ] {
            assert_eq!(
                resolved(endpoint),
                Ok(format!("http://127.0.0.1:9/api{endpoint}"))
            );
        }
    }

    #[test]
    fn everything_that_could_lead_elsewhere_is_refused() {
        use Reason::{
            Backslash, Control, DotSegment, Escape, Fragment, Host, NotAPath, Space, TooLong,
        };
        for (endpoint, reason) in [
            ("", NotAPath),
            ("products", NotAPath),
            ("http://elsewhere.example/", NotAPath),
            ("file:///etc/passwd", NotAPath),
            ("@elsewhere.example/", NotAPath),
            (":80@elsewhere.example/", NotAPath),
            (".elsewhere.example/", NotAPath),
            (" /health", NotAPath),
            ("\t//elsewhere.example", NotAPath),
            ("?x", NotAPath),
            ("//elsewhere.example/", Host),
            ("///elsewhere.example/", Host),
            ("/%2felsewhere.example/", Host),
            ("/%252Felsewhere.example/", Host),
            ("\\\\elsewhere.example", NotAPath),
            ("/\\elsewhere.example", Backslash),
            ("/%5Celsewhere.example", Backslash),
            ("/a?b=%5c", Backslash),
            ("/..", DotSegment),
            ("/../admin", DotSegment),
            ("/a/../../admin", DotSegment),
            ("/a/./b", DotSegment),
            ("/a/..?x", DotSegment),
            ("/%2e%2e/admin", DotSegment),
            ("/.%2E/admin", DotSegment),
            ("/%252e%252e/admin", DotSegment),
            ("/a%2f..%2fadmin", DotSegment),
            ("/..;x/admin", DotSegment),
            ("/a\r\nHost: elsewhere.example", Space),
            ("/a\r\nX:y", Control),
            ("/a%0d%0aX:y", Control),
            ("/a%250ab", Control),
            ("/a\0", Control),
            ("/a?b=%00", Control),
            ("/\t/elsewhere.example", Control),
            ("/a b", Space),
            ("/a#b", Fragment),
            ("/a%", Escape),
            ("/a%2", Escape),
            ("/a%zz", Escape),
        ] {
            assert_eq!(resolved(endpoint), Err(reason), "{endpoint:?}");
        }
        assert_eq!(
            resolved(&format!("/{}", "a".repeat(MAX_ENDPOINT_BYTES))),
            Err(TooLong)
        );
    }

    #[test]
    fn a_refusal_says_what_why_and_what_instead() {
        let base = parse_base("http://127.0.0.1:9").unwrap();
        let refused = resolve(&base, "//evil.example/x").unwrap_err().to_string();
        for part in ["//evil.example/x", "names a host", "/products/42"] {
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn base_urls() {
        for url in [
            "http://127.0.0.1:80",
            "http://[::1]:8080/",
            "http://api.example/v1/",
        ] {
            assert!(parse_base(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "localhost:80",
            "ftp://host/",
            "file:///etc/passwd",
            "http://",
            "http://user:secret@host/",
            "http://host/?a=b",
            "http://host/#a",
        ] {
            let refused = parse_base(url).unwrap_err().to_string();
            assert!(refused.contains("--upstream-url"), "{refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn https_is_refused_with_the_name_of_the_feature() {
        let refused = parse_base("https://host/").unwrap_err().to_string();
        assert!(refused.contains("--features tls"), "{refused}");
    }

    #[test]
    #[cfg(feature = "tls")]
    fn https_is_taken_with_the_feature() {
        assert!(parse_base("https://host/").is_ok());
    }
}
