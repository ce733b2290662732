//! Store URLs: which engine they mean, and the default one.

use super::StoreError;
use crate::database::{self, url::redact};

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Sqlite,
    Redis,
}

/// Which engine `url` means.
pub(super) fn scheme(url: &str) -> Result<Scheme, StoreError> {
    let is_something = |rest: &str| !rest.trim_start_matches('/').is_empty();
    match url.split_once(':') {
        Some(("sqlite", rest)) if is_something(rest) => Ok(Scheme::Sqlite),
        Some(("redis", rest)) if rest.starts_with("//") && is_something(rest) => Ok(Scheme::Redis),
        _ => Err(StoreError::UnknownUrl { url: redact(url) }),
    }
}

/// The `SQLite` file that is used when no URL is given: `store.db`, beside the default database.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path in UTF-8.
pub fn default_url() -> Result<String, StoreError> {
    let database = database::default_url().map_err(|_| StoreError::NoCacheFolder)?;
    let (folder, _) = database.rsplit_once('/').ok_or(StoreError::NoCacheFolder)?;
    Ok(format!("{folder}/store.db"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_tells_the_engine() {
        for (url, meant) in [
            ("sqlite::memory:", Scheme::Sqlite),
            ("sqlite:/tmp/store.db", Scheme::Sqlite),
            ("sqlite://store.db", Scheme::Sqlite),
            ("redis://127.0.0.1", Scheme::Redis),
            ("redis://u:p@localhost:6379/2", Scheme::Redis),
        ] {
            assert_eq!(scheme(url).unwrap(), meant, "{url}");
        }
        for url in [
            "",
            "store.db",
            "sqlite:",
            "sqlite://",
            "redis:",
            "redis://",
            "redis:6379",
            "rediss://localhost",
            "postgres://localhost/db",
        ] {
            let refused = scheme(url).unwrap_err().to_string();
            assert!(refused.contains("redis://HOST:PORT"), "{refused}");
        }
    }

    #[test]
    fn a_password_in_a_url_that_is_not_understood_is_not_shown() {
        let refused = scheme("rediss://u:secret@host").unwrap_err().to_string();
        assert!(refused.contains("rediss://u:***@host"), "{refused}");
    }
}
