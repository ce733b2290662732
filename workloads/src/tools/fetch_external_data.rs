//! `fetch_external_data`: one HTTP GET of the upstream, and of nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ToolError;
use crate::{
    cache::Keep,
    catalog_client::{Fetched, MAX_ENDPOINT_BYTES, CatalogClient},
};

/// The arguments of `fetch_external_data`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchArguments {
    /// A path of the upstream, with a query if needed, for example `/products/42`.
    #[schemars(length(min = 1, max = MAX_ENDPOINT_BYTES), regex(pattern = "^/"))]
    pub endpoint: String,
}

/// The result of `fetch_external_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FetchResult {
    /// The JSON that the upstream answered with.
    pub body: Value,
    /// Milliseconds from the request to the last byte of the answer.
    pub response_time_ms: f64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The upstream's HTTP status; 4xx and 5xx are results too.
    pub status_code: i32,
    /// The URL that was fetched.
    pub url: String,
}

impl Keep for FetchResult {
    /// What the upstream says of its own trouble is over when the trouble is.
    fn is_worth_keeping(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// Fetches the endpoint.
///
/// # Errors
/// When there is no upstream, the endpoint is no plain path, or no JSON comes back in time.
pub async fn fetch(
    arguments: FetchArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
) -> Result<FetchResult, ToolError> {
    let upstream = upstream.ok_or(ToolError::NoUpstream)?;
    let Fetched {
        url,
        status,
        elapsed,
        body,
    } = upstream.get(&arguments.endpoint).await?;
    Ok(FetchResult {
        server_type,
        url: url.into(),
        status_code: i32::from(status.as_u16()),
        // Microseconds are the clock's honest resolution.
        response_time_ms: elapsed.as_micros() as f64 / 1_000.0,
        body,
    })
}
