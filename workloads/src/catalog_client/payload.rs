//! Megabytes of the upstream, for the tools that work through them.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use reqwest::Url;

use super::{CatalogClient, CatalogClientError, endpoint};
use crate::upstream_api::payload::MAX_PAYLOAD_BYTES;

/// What the upstream makes to any length; [`crate::upstream_api::payload`] says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// A JSON document of records.
    Json,
    /// The lines of a log.
    Text,
}

/// A payload as it came.
#[derive(Clone, Debug)]
pub struct Payload {
    /// Where it came from.
    url: Url,
    /// All of it.
    pub body: Bytes,
}

impl PayloadKind {
    fn path(self) -> &'static str {
        match self {
            Self::Json => "/payload/json",
            Self::Text => "/payload/text",
        }
    }
}

impl Payload {
    /// The error of a payload that is not what it should be, for this `reason`.
    pub fn misshapen(&self, reason: &dyn fmt::Display) -> CatalogClientError {
        CatalogClientError::Payload {
            url: self.url.to_string(),
            reason: reason.to_string(),
        }
    }
}

impl CatalogClient {
    /// Gets a payload of so many bytes. [`MAX_PAYLOAD_BYTES`] are taken at most: more than of any endpoint
    /// that a caller names.
    ///
    /// # Errors
    /// When the upstream cannot be asked, or has no payload of this length.
    pub async fn payload(&self, kind: PayloadKind, bytes: i64) -> Result<Payload, CatalogClientError> {
        let endpoint = format!("{}?bytes={bytes}", kind.path());
        let url = endpoint::resolve(&self.0.base, &endpoint)?;
        let request = self.0.client.get(url.clone());
        let (status, body) = self.ask(request, &url, MAX_PAYLOAD_BYTES as usize).await?;
        if status != StatusCode::OK {
            return Err(CatalogClientError::refused(&url, status, &body, None));
        }
        Ok(Payload {
            url,
            body: body.freeze(),
        })
    }
}
