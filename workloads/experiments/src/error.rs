//! The errors of the experiments' calls.

use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult, ContentBlock},
};
use workloads::{catalog_client::CatalogClientError, storage::StorageError, tools::ToolError};

use crate::{
    result::{MAX_CHUNK_BYTES, MIN_CHUNK_BYTES},
    token::MAX_TOKEN_BYTES,
};

/// Why a call of an experiment failed, in words that the caller can act on. The client gets it as a
/// result with `isError: true` (MCP specification, server/tools, error handling).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExperimentError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    CatalogClient(#[from] CatalogClientError),
    #[error(
        "the upstream answered {url} with HTTP {status} and not with {wanted}; is it this project's `upstream`?"
    )]
    Unexpected {
        url: String,
        status: u16,
        wanted: &'static str,
    },
    #[cfg(feature = "redis")]
    #[error(
        "this server has no Redis to publish through; start it with --store-url redis://HOST:PORT, \
         or ask for via \"memory\""
    )]
    NoRedis,
    #[cfg(not(feature = "redis"))]
    #[error(
        "this server was built without the cargo feature `redis`; build it with that feature, \
         or ask for via \"memory\""
    )]
    NoRedisFeature,
    #[cfg(feature = "redis")]
    #[error(transparent)]
    Redis(#[from] crate::notify::RedisFailure),
    #[error(
        "the connection to Redis ended while notification {at} of {messages} was on its way; ask again"
    )]
    Interrupted { at: i64, messages: i64 },
    #[error(
        "notification {at} of {messages} was published and did not arrive within {waited_s} s; ask again"
    )]
    Lost {
        at: i64,
        messages: i64,
        waited_s: u64,
    },
    #[error(
        "a token is 1 to {MAX_TOKEN_BYTES} characters out of A-Z a-z 0-9 - . _ ~ + / and = (RFC 6750, section 2.1); \
         try experiment-00042"
    )]
    Token,
    #[error("the document could not be read: {0}; this is a defect of the server, not of the call")]
    Unreadable(String),
    #[error(
        "chunk_bytes must be 0 (the result whole) or from {MIN_CHUNK_BYTES} to {MAX_CHUNK_BYTES}, not {0}; \
         choose one of these"
    )]
    ChunkBytes(i64),
}

impl IntoCallToolResult for ExperimentError {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let error = match self {
            // Some of these are JSON-RPC errors.
            Self::Tool(error) => return error.into_call_tool_result(),
            Self::CatalogClient(error) => return ToolError::from(error).into_call_tool_result(),
            error => error,
        };
        let message = ContentBlock::text(error.to_string());
        Ok(CallToolResult::error(vec![message]).into())
    }
}
