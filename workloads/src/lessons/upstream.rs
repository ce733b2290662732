//! What the lessons ask of the upstream: JSON of a known shape.

use http::StatusCode;
use serde::de::DeserializeOwned;

use super::LessonError;
use crate::{
    tools::ToolError,
    catalog_client::{Fetched, CatalogClient},
};

/// Gets `endpoint`, which answers with `wanted` and 200.
///
/// # Errors
/// When the upstream does not answer in time, or with something else.
pub(super) async fn answer<T: DeserializeOwned>(
    upstream: &CatalogClient,
    endpoint: &str,
    wanted: &'static str,
) -> Result<T, ToolError> {
    let Fetched {
        url, status, body, ..
    } = upstream.get(endpoint).await?;
    if status == StatusCode::OK
        && let Ok(answer) = serde_json::from_value(body)
    {
        return Ok(answer);
    }
    Err(LessonError::Unexpected {
        url: url.into(),
        status: status.as_u16(),
        wanted,
    }
    .into())
}
