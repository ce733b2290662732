//! `fetch_external_data`: one HTTP GET of the upstream, and of nothing else.

use serde_json::Value;

use super::prelude::*;
use crate::catalog_client::MAX_ENDPOINT_BYTES;

pub(super) const TOOL: Tool =
    Tool::cached(DemoServer::fetch_router, r#"{"endpoint":"/products/42"}"#);

/// The arguments of `fetch_external_data`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FetchArguments {
    /// A path of the upstream, with a query if needed, for example `/products/42`.
    #[schemars(length(min = 1, max = MAX_ENDPOINT_BYTES), regex(pattern = "^/"))]
    endpoint: String,
}

/// The result of `fetch_external_data`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FetchResult {
    /// The URL that was fetched.
    url: String,
    /// The upstream's HTTP status; 4xx and 5xx are results too.
    status_code: i32,
    /// Milliseconds from the request to the last byte of the answer.
    response_time_ms: f64,
    /// The JSON that the upstream answered with.
    body: Value,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

impl Cacheable for FetchResult {
    /// An upstream that is in trouble may be well again at the next call.
    fn is_cacheable(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

#[tool_router(router = fetch_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Fetches a path of the configured upstream API with HTTP GET and returns its status, duration and JSON body.",
        annotations(
            title = "Fetch external data",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<FetchResult>()
    )]
    pub(super) async fn fetch_external_data(
        &self,
        Parameters(arguments): Parameters<FetchArguments>,
    ) -> Cached<Result<Json<FetchResult>, ToolError>> {
        self.cached("fetch_external_data", arguments, fetch).await
    }
}

async fn fetch(
    server: DemoServer,
    arguments: FetchArguments,
) -> Result<Json<FetchResult>, ToolError> {
    let state = server.state();
    let fetched = state.catalogue()?.get(&arguments.endpoint).await?;
    Ok(Json(FetchResult {
        url: fetched.url.into(),
        status_code: i32::from(fetched.status.as_u16()),
        // Microseconds are the clock's resolution.
        response_time_ms: fetched.elapsed.as_micros() as f64 / 1_000.0,
        body: fetched.body,
        server_type: state.server_type,
    }))
}
