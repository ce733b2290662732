//! Database URLs: which engine they mean, how they are shown, and the default one.

use std::{ffi::OsString, path::PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::DatabaseError;

/// What must not stand in the path of a `sqlite:` URL as itself.
const PATH: AsciiSet = CONTROLS.add(b'%').add(b'?').add(b'#');

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Sqlite,
    Postgres,
}

/// A URL whose engine is known.
#[derive(Clone, Debug)]
pub(super) struct DatabaseUrl {
    pub(super) scheme: Scheme,
    /// As it was given, for the driver.
    pub(super) full: String,
    /// For people: without a password.
    pub(super) shown: String,
}

impl DatabaseUrl {
    pub(super) fn parse(url: &str) -> Result<Self, DatabaseError> {
        let scheme = match url.split_once(':') {
            Some(("sqlite", rest)) if !rest.trim_start_matches('/').is_empty() => Scheme::Sqlite,
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Scheme::Postgres,
            _ => return Err(DatabaseError::UnknownUrl { url: redact(url) }),
        };
        Ok(Self {
            scheme,
            full: url.to_owned(),
            shown: redact(url),
        })
    }

    /// Whether the database is gone when the last connection is. In doubt it is.
    pub(super) fn is_in_memory(&self) -> bool {
        self.full.contains(":memory:") || self.full.contains("mode=memory")
    }
}

/// The `SQLite` file that is used when no URL is given:
/// `$XDG_CACHE_HOME/mcp-transport-lab/products.db`, or the same below `~/.cache`. As the XDG base
/// directory specification has it, a relative `XDG_CACHE_HOME` counts as unset.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path in UTF-8.
pub fn default_url() -> Result<String, DatabaseError> {
    default_url_from(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"))
}

fn default_url_from(
    cache_home: Option<OsString>,
    home: Option<OsString>,
) -> Result<String, DatabaseError> {
    let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    let folder = cache_home
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".cache")))
        .ok_or(DatabaseError::NoCacheFolder)?;
    let file = folder.join("mcp-transport-lab").join("products.db");
    let path = file.to_str().ok_or(DatabaseError::NoCacheFolder)?;
    Ok(format!("sqlite:{}", utf8_percent_encode(path, &PATH)))
}

/// `url` without what may be a password. Where that is unclear, more is hidden rather than less.
pub(crate) fn redact(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    if scheme == "sqlite" {
        return url.to_owned();
    }
    let (user, location) = match rest.rsplit_once('@') {
        None => (None, rest),
        Some((credentials, location)) => {
            let user = credentials
                .split_once(':')
                .map_or(credentials, |(user, _)| user);
            (Some(user), location)
        }
    };
    // Drivers take passwords as a parameter, too.
    let location = location
        .split_once('?')
        .map_or(location, |(location, _)| location);
    match user {
        None => format!("{scheme}://{location}"),
        Some(user) => format!("{scheme}://{user}:***@{location}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_cache_folder() {
        let url = |cache: Option<&str>, home: Option<&str>| {
            default_url_from(cache.map(OsString::from), home.map(OsString::from))
        };
        assert_eq!(
            url(Some("/var/cache"), Some("/home/a")).unwrap(),
            "sqlite:/var/cache/mcp-transport-lab/products.db"
        );
        let in_home = "sqlite:/home/a/.cache/mcp-transport-lab/products.db";
        assert_eq!(url(None, Some("/home/a")).unwrap(), in_home);
        assert_eq!(url(Some("relative"), Some("/home/a")).unwrap(), in_home);
        assert_eq!(
            url(Some("/odd?100%#"), None).unwrap(),
            "sqlite:/odd%3F100%25%23/mcp-transport-lab/products.db"
        );
        let none = url(Some(""), None).unwrap_err().to_string();
        assert!(none.contains("--database-url"), "{none}");
    }

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("postgres://u:secret@host/db", "postgres://u:***@host/db"),
            ("postgres://u:se/cr@et@host/db", "postgres://u:***@host/db"),
            ("postgres://host/db?password=secret", "postgres://host/db"),
            ("postgres://u:a?b@host/db?c=d", "postgres://u:***@host/db"),
        ] {
            let parsed = DatabaseUrl::parse(url).unwrap();
            assert_eq!((parsed.full.as_str(), parsed.shown.as_str()), (url, shown));
            let url = url.replace("postgres", "mysql");
            let refused = DatabaseUrl::parse(&url).unwrap_err().to_string();
            let shown = shown.replace("postgres", "mysql");
            assert!(
                refused.starts_with(&format!(
                    "the database URL {shown:?} is not understood; use "
                )),
                "{refused}"
            );
        }
    }

    #[test]
    fn urls_of_another_scheme_or_without_a_place_are_not_understood() {
        for url in [
            "",
            "products.db",
            "sqlite",
            "sqlite:",
            "sqlite://",
            "SQLITE:x",
            "postgres",
            "postgres:",
            "postgres:db",
        ] {
            assert!(DatabaseUrl::parse(url).is_err(), "{url}");
        }
        for (url, scheme) in [
            ("sqlite::memory:", Scheme::Sqlite),
            ("sqlite://a.db", Scheme::Sqlite),
            ("sqlite:/tmp/a.db", Scheme::Sqlite),
            ("postgres://host/db", Scheme::Postgres),
            ("postgresql://host/db", Scheme::Postgres),
        ] {
            let parsed = DatabaseUrl::parse(url).unwrap();
            assert_eq!((parsed.scheme, parsed.shown.as_str()), (scheme, url));
        }
    }
}
