//! Why a tool did not do its work.

use rmcp::{
    ErrorData,
    handler::server::tool::IntoCallToolResult,
    model::{CallToolResponse, CallToolResult, ContentBlock},
};

use transports::admission::NotAdmitted;

use super::{CheckoutError, query_products::FIELDS};
use crate::{
    catalog::{CATEGORIES, MAX_CART_ITEMS, PriceError},
    catalog_client::CatalogClientError,
    storage::StorageError,
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
    /// Products without any field were asked for.
    #[error(
        "fields names none; name at least one of {list}, or leave it out for all of them",
        list = FIELDS.join(", ")
    )]
    NoFields,
    /// The bounds of the price make no range.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The database or the store was not asked, or did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The server was started without a catalogue API.
    #[error("this server has no upstream to fetch from; start it with --upstream-url URL")]
    NoUpstream,
    /// The catalogue API was not asked, or did not answer.
    #[error(transparent)]
    CatalogClient(#[from] CatalogClientError),
    /// The server was started without a store.
    #[error("this server has no store of carts and orders; start it with --store-url URL")]
    NoStore,
    /// The name is not a user's.
    #[error("user_id {0:?} names no user; write `user-` and five digits, for example user-00042")]
    UnknownUser(String),
    /// The user has no cart.
    #[error(
        "the store holds no cart of {0}; users are user-00000 to user-09999, \
         and `seed` puts their carts into a store that is empty"
    )]
    NoCart(String),
    /// An order of nothing, or of too much.
    #[error(
        "items must hold 1 to {MAX_CART_ITEMS} entries, not {0}; choose a number in that range"
    )]
    ItemCount(usize),
    /// The order is not confirmed.
    #[error(transparent)]
    Checkout(#[from] CheckoutError),
    /// The server is busy, or the client has left. It travels as a JSON-RPC error.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

impl IntoCallToolResult for ToolError {
    fn into_call_tool_result(self) -> Result<CallToolResponse, ErrorData> {
        if let Self::NotAdmitted(reason)
        | Self::CatalogClient(CatalogClientError::NotAdmitted(reason)) = self
        {
            return Err(reason.into());
        }
        let message = ContentBlock::text(self.to_string());
        Ok(CallToolResult::error(vec![message]).into())
    }
}
