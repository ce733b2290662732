//! Passwords in URLs: a server gets them, a record does not.

use url::Url;

/// What stands for a password.
const REDACTED: &str = "***";

/// The text with the password of each URL in it redacted: of `scheme://user:password@host`, and of
/// a `password` among its parameters.
pub(crate) fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let begin = rest[..at].trim_end_matches(is_scheme).len();
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let end = rest[at..]
            .find(ends)
            .map_or(rest.len(), |length| at + length);
        shown.push_str(&rest[..begin]);
        shown.push_str(&redact_url(&rest[begin..end]));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

/// One URL; without a password it stays as it is written.
fn redact_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        // Templates and raw passwords with a slash are no URLs, and what stands before the host
        // may still hold a password.
        let Some((secret, host)) = text.rsplit_once('@') else {
            return text.to_owned();
        };
        let scheme = secret.split("://").next().unwrap_or_default();
        return format!("{scheme}://:{REDACTED}@{host}");
    };
    let is_secret = |key: &str| key == "password";
    let is_parameter = url.query_pairs().any(|(key, _)| is_secret(&key));
    if url.password().is_none() && !is_parameter {
        return text.to_owned();
    }
    if url.password().is_some() {
        // A URL that has a password can be given another one.
        let _ = url.set_password(Some(REDACTED));
    }
    if is_parameter {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let shown = pairs.iter().map(|(key, value)| {
            let value = if is_secret(key) { REDACTED } else { value };
            (key.as_str(), value)
        });
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    url.into()
}

/// Whether the text has a URL whose password was redacted.
pub(crate) fn is_redacted(text: &str) -> bool {
    text.contains("://") && text.contains(REDACTED)
}

#[cfg(test)]
mod tests {
    use super::{is_redacted, redact};

    #[test]
    fn passwords_are_redacted_and_all_else_stays() {
        for (text, shown) in [
            (
                "postgres://lab:se:cr@t@127.0.0.1:5432/lab?x=a:b@c",
                "postgres://lab:***@127.0.0.1:5432/lab?x=a:b@c",
            ),
            (
                "\"redis://:secret@host\", \"redis://me@host\"",
                "\"redis://:***@host\", \"redis://me@host\"",
            ),
            (
                "--url=postgres://h/lab?user=me&password=secret",
                "--url=postgres://h/lab?user=me&password=***",
            ),
            ("redis://:se/cret@host", "redis://:***@host"),
            (
                "redis://:secret@{host}:{port}/0",
                "redis://:***@{host}:{port}/0",
            ),
            ("http://127.0.0.1:80/a:b@c", "http://127.0.0.1:80/a:b@c"),
            ("sqlite:///a/b.db", "sqlite:///a/b.db"),
            ("--database-url", "--database-url"),
        ] {
            assert_eq!(redact(text), shown);
            assert_eq!(is_redacted(shown), text != shown, "{shown}");
        }
    }
}
