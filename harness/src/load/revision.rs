//! The protocol revisions that the load client can speak.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A revision of the Model Context Protocol, by the date that names it on the wire.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Revision {
    /// `2024-11-05`: the revision that defined the HTTP+SSE transport.
    #[serde(rename = "2024-11-05")]
    November2024,
    /// `2025-03-26`: the first one with Streamable HTTP.
    #[serde(rename = "2025-03-26")]
    March2025,
    /// `2025-06-18`: requires the `MCP-Protocol-Version` header. The default.
    #[default]
    #[serde(rename = "2025-06-18")]
    June2025,
    /// `2025-11-25`.
    #[serde(rename = "2025-11-25")]
    November2025,
    /// `2026-07-28`: no handshake and no sessions; each request says in `_meta` what a handshake would have.
    #[serde(rename = "2026-07-28")]
    July2026,
}

/// A revision that the load client does not speak.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "protocol revision {0:?} is not spoken by the load client: use one of 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, \
     2026-07-28"
)]
pub struct UnknownRevision(pub String);

impl Revision {
    /// Every revision that can be asked for, oldest first.
    pub const ALL: [Self; 5] = [
        Self::November2024,
        Self::March2025,
        Self::June2025,
        Self::November2025,
        Self::July2026,
    ];

    /// The date that goes over the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::November2024 => "2024-11-05",
            Self::March2025 => "2025-03-26",
            Self::June2025 => "2025-06-18",
            Self::November2025 => "2025-11-25",
            Self::July2026 => "2026-07-28",
        }
    }

    /// Whether requests after the handshake carry `MCP-Protocol-Version` (required since 2025-06-18, basic/transports).
    #[must_use]
    pub fn has_version_header(self) -> bool {
        self >= Self::June2025
    }

    /// Whether clients begin with `initialize`. Without, every request carries its revision and the client's
    /// capabilities in `_meta`, and over HTTP the headers `Mcp-Method` and `Mcp-Name`.
    #[must_use]
    pub fn has_handshake(self) -> bool {
        self < Self::July2026
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Revision {
    type Err = UnknownRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == text)
            .ok_or_else(|| UnknownRevision(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_is_read_back_and_others_are_refused_by_name() {
        for revision in Revision::ALL {
            assert_eq!(revision.as_str().parse(), Ok(revision));
        }
        let refused = "1999-01-01".parse::<Revision>().unwrap_err();
        assert!(refused.to_string().contains("1999-01-01"), "{refused}");
        assert!(refused.to_string().contains("2025-06-18"), "{refused}");
    }
}
