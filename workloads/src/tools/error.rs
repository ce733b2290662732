//! What a tool says when it cannot do what it was asked.

use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult, ContentBlock},
};

use crate::{
    catalog::{CATEGORIES, PriceError},
    database::DatabaseError,
    upstream::UpstreamError,
};

/// Why a call failed, in words that the caller can act on. It travels in band: a result with
/// `isError: true` and the message as its text (MCP specification, server/tools, error handling).
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A number lies outside of its limits.
    #[error(
        "{name} must be a whole number from {min} to {max}, not {value}; choose one in that range"
    )]
    OutOfRange {
        /// The argument.
        name: &'static str,
        /// What it was.
        value: i64,
        /// The lowest value allowed.
        min: i64,
        /// The highest value allowed.
        max: i64,
    },
    /// No product has this category.
    #[error("unknown category {0:?}; choose one of {list}", list = CATEGORIES.join(", "))]
    UnknownCategory(String),
    /// The bounds of the price make no range.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The server was started without an upstream.
    #[error("this server has no upstream to fetch from; start it with --upstream-url URL")]
    NoUpstream,
    /// The upstream was not asked, or did not answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl IntoCallToolResult for ToolError {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        let message = ContentBlock::text(self.to_string());
        Ok(CallToolResult::error(vec![message]).into())
    }
}

/// Checks that `value` lies from `min` to `max`.
pub(super) fn check_range(
    name: &'static str,
    value: i64,
    min: i64,
    max: i64,
) -> Result<(), ToolError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(ToolError::OutOfRange {
        name,
        value,
        min,
        max,
    })
}
