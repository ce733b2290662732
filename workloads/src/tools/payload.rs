//! What the tools that work through megabytes of the upstream have in common.

use super::{ToolError, error::check_range};
use crate::{
    catalog_client::{Payload, PayloadKind, CatalogClient},
    upstream_api::payload::{MAX_PAYLOAD_BYTES, MIN_PAYLOAD_BYTES},
};

/// Fetches a payload of so many bytes.
///
/// # Errors
/// When `bytes` is outside of its limits, there is no upstream, or it has no such payload.
pub(super) async fn fetch(
    kind: PayloadKind,
    bytes: i64,
    upstream: Option<&CatalogClient>,
) -> Result<Payload, ToolError> {
    let (min, max) = (MIN_PAYLOAD_BYTES.into(), MAX_PAYLOAD_BYTES.into());
    check_range("bytes", bytes, min, max)?;
    let upstream = upstream.ok_or(ToolError::NoUpstream)?;
    Ok(upstream.payload(kind, bytes).await?)
}

/// A length as a result has it.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
