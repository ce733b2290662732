//! What the [database](crate::database) and the [store](crate::store) share: URLs, errors, pools
//! and the opening of `SQLite` files.
//!
//! A URL names an engine. Invariant: errors and log lines show it without its password.

mod error;
pub(crate) mod pool;
pub(crate) mod sqlite;

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

pub use error::{Step, StorageError};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Characters that the path of a `sqlite:` URL must escape.
const PATH: AsciiSet = CONTROLS.add(b'%').add(b'?').add(b'#');

/// What a URL opens: the products of `query_products`, or the carts and orders of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The database of products.
    Database,
    /// The store of carts and orders.
    Store,
}

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Sqlite,
    Postgres,
    Redis,
}

/// A URL whose engine is known.
#[derive(Clone)]
pub(crate) struct StorageUrl {
    pub(crate) scheme: Scheme,
    /// The URL as it was given, for the driver.
    pub(crate) full: String,
    pub(crate) place: Place,
}

/// A database or a store in messages: its engine, its kind and its URL without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    engine: &'static str,
    pub(crate) storage: Storage,
    shown: Arc<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} {}",
            self.engine,
            self.storage.name(),
            self.shown
        )
    }
}

impl StorageUrl {
    /// Finds the engine of `url`.
    ///
    /// # Errors
    /// When no engine of `storage` understands the URL, or this build leaves the engine out.
    pub(crate) fn parse(storage: Storage, url: &str) -> Result<Self, StorageError> {
        let shown = redact(url);
        let starts = |prefix| {
            let rest = url.strip_prefix(prefix).unwrap_or("");
            !rest.trim_start_matches('/').is_empty()
        };
        let scheme = match storage {
            _ if starts("sqlite:") => Scheme::Sqlite,
            Storage::Database if starts("postgres://") || starts("postgresql://") => {
                Scheme::Postgres
            }
            Storage::Store if starts("redis://") => Scheme::Redis,
            _ => return Err(StorageError::UnknownUrl(storage, shown)),
        };
        let place = Place {
            engine: scheme.name(),
            storage,
            shown: shown.into(),
        };
        if let Some(feature) = scheme.missing_feature() {
            return Err(StorageError::MissingFeature(place, feature));
        }
        Ok(Self {
            scheme,
            full: url.to_owned(),
            place,
        })
    }

    /// The error of a URL whose engine does not serve this storage.
    pub(crate) fn unknown(&self) -> StorageError {
        StorageError::UnknownUrl(self.place.storage, self.place.shown.to_string())
    }

    /// Whether the data ends with the last connection. When in doubt it does.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.full.contains(":memory:") || self.full.contains("mode=memory")
    }
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        }
    }

    /// The cargo feature of the engine, when this build leaves it out.
    const fn missing_feature(self) -> Option<&'static str> {
        match self {
            Self::Postgres if !cfg!(feature = "postgres") => Some("postgres"),
            Self::Redis if !cfg!(feature = "redis") => Some("redis"),
            _ => None,
        }
    }
}

impl Storage {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Store => "store",
        }
    }

    /// The URLs that it understands, for people.
    const fn forms(self) -> &'static str {
        match self {
            Self::Database => {
                "sqlite:PATH, sqlite::memory: or postgres://USER:PASSWORD@HOST:PORT/DATABASE"
            }
            Self::Store => "sqlite:PATH, sqlite::memory: or redis://HOST:PORT",
        }
    }

    /// The URL of the `SQLite` file that is used when no URL is given: `products.db` or `store.db`
    /// in `$XDG_CACHE_HOME/mcp-transport-lab`, or the same below `~/.cache`. A relative
    /// `XDG_CACHE_HOME` counts as unset (XDG base directory specification).
    ///
    /// # Errors
    /// When neither `XDG_CACHE_HOME` nor `HOME` is an absolute path in UTF-8.
    pub fn default_url(self) -> Result<String, StorageError> {
        self.default_url_from(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"))
    }

    fn default_url_from(
        self,
        cache_home: Option<OsString>,
        home: Option<OsString>,
    ) -> Result<String, StorageError> {
        let absolute =
            |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let folder = cache_home
            .and_then(absolute)
            .or_else(|| home.and_then(absolute).map(|home| home.join(".cache")));
        let file = folder.map(|folder| {
            folder.join("mcp-transport-lab").join(match self {
                Self::Database => "products.db",
                Self::Store => "store.db",
            })
        });
        let path = file.as_deref().and_then(|file| file.to_str());
        let path = path.ok_or(StorageError::NoCacheFolder(self))?;
        Ok(format!("sqlite:{}", utf8_percent_encode(path, &PATH)))
    }
}

/// Removes from `url` what may be a password. When that is unclear, it removes more rather than
/// less.
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
    // Drivers also take a password as a parameter.
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
            let [cache, home] = [cache, home].map(|folder| folder.map(OsString::from));
            Storage::Database.default_url_from(cache, home)
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
            ("mysql://u:secret@host/db", "mysql://u:***@host/db"),
            ("mysql://u:se/cr@et@host/db", "mysql://u:***@host/db"),
            ("mysql://host/db?password=secret", "mysql://host/db"),
            ("mysql://u:a?b@host/db?c=d", "mysql://u:***@host/db"),
            ("rediss://u:secret@host", "rediss://u:***@host"),
        ] {
            for storage in [Storage::Database, Storage::Store] {
                let refused = StorageUrl::parse(storage, url).err().unwrap().to_string();
                let name = storage.name();
                let says = format!("the {name} URL {shown:?} is not understood; use ");
                assert!(refused.starts_with(&says), "{refused}");
                assert!(refused.contains(storage.forms()), "{refused}");
            }
        }
    }

    #[test]
    fn the_scheme_names_the_engine() {
        use Scheme::{Postgres, Redis, Sqlite};
        for (url, database, store) in [
            ("sqlite::memory:", Some(Sqlite), Some(Sqlite)),
            ("sqlite://a.db", Some(Sqlite), Some(Sqlite)),
            ("sqlite:/tmp/a.db", Some(Sqlite), Some(Sqlite)),
            ("postgres://u:secret@host/db", Some(Postgres), None),
            ("postgresql://host/db", Some(Postgres), None),
            ("redis://127.0.0.1", None, Some(Redis)),
            ("redis://u:secret@localhost:6379/2", None, Some(Redis)),
            ("", None, None),
            ("products.db", None, None),
            ("sqlite", None, None),
            ("sqlite:", None, None),
            ("sqlite://", None, None),
            ("SQLITE:x", None, None),
            ("postgres:db", None, None),
            ("redis://", None, None),
            ("redis:6379", None, None),
        ] {
            for (storage, meant) in [(Storage::Database, database), (Storage::Store, store)] {
                match StorageUrl::parse(storage, url) {
                    Ok(parsed) => {
                        assert_eq!(Some(parsed.scheme), meant, "{url}");
                        assert!(!parsed.place.to_string().contains("secret"), "{url}");
                    }
                    Err(StorageError::MissingFeature { .. }) => {
                        assert!(matches!(meant, Some(Postgres | Redis)), "{url}");
                    }
                    Err(error) => assert_eq!(meant, None, "{url}: {error}"),
                }
            }
        }
    }

    #[test]
    fn a_missing_engine_is_refused_with_the_name_of_its_feature() {
        let place = Place {
            engine: Scheme::Redis.name(),
            storage: Storage::Store,
            shown: redact("redis://u:secret@host").into(),
        };
        let refused = StorageError::MissingFeature(place, "redis").to_string();
        for part in [
            "redis://u:***@host",
            "cargo build --features redis",
            "--store-url",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}
