//! Where a subject is once it is started, or without being started.

use std::time::Duration;

use anyhow::Context as _;

use super::Testbed;
use crate::config::template::fill;
use crate::run::process::{Port, Ready};
use crate::run::target::split_url;

/// Where a started process is, and how long it took to get there if that could be seen.
pub(super) struct Found {
    pub(super) place: String,
    pub(super) after: Option<Duration>,
}

impl Found {
    pub(super) fn unseen_on_stdio() -> Self {
        Self {
            place: "stdio".to_owned(),
            after: None,
        }
    }
}

impl From<Ready> for Found {
    fn from(ready: Ready) -> Self {
        Self {
            place: ready.place,
            after: Some(ready.after),
        }
    }
}

impl Testbed {
    /// The URL of a subject's definition, filled.
    pub(super) fn place(&self, name: &str) -> anyhow::Result<String> {
        let url = self.subject(name)?.url.as_deref().unwrap_or_default();
        fill(url, &self.context).with_context(|| format!("subject.{name}"))
    }

    /// The port of a subject that prints no ready line.
    pub(super) fn port(&self, name: &str) -> anyhow::Result<Port> {
        let (subject, url) = (self.subject(name)?, self.place(name)?);
        let (address, path) =
            split_url(&url).map_err(|error| anyhow::anyhow!("subject.{name}: its url {error}"))?;
        let revision = subject.revision()?;
        Ok(Port::new(&url, &address, &path, subject.wire, revision))
    }
}
