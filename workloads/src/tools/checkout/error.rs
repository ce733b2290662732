//! What became of an order that is not confirmed.

use std::time::Duration;

use crate::{store::StoreError, catalog_client::CatalogClientError};

/// Why a checkout is not confirmed, and whether the order is recorded.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The operating system gave no random numbers.
    #[error("the order was not recorded: no name could be made for it ({0}); ask again")]
    NoName(#[source] getrandom::Error),
    /// Nothing was written.
    #[error("the order was not recorded: {0}")]
    NotRecorded(#[source] StoreError),
    /// The store was lost between the question and its answer.
    #[error(
        "{order_id} is not confirmed: {source}; \
         look for it in the recent_history of get_user_cart before you order again"
    )]
    Unknown {
        /// The order.
        order_id: String,
        /// What the store says.
        source: StoreError,
    },
    /// Recording ended without a word.
    #[error(
        "{order_id} is not confirmed, and whether the store recorded it is not known: the task that does so ended early; \
         look for it in the recent_history of get_user_cart before you order again"
    )]
    Lost {
        /// The order.
        order_id: String,
    },
    /// The store takes longer than the call may.
    #[error(
        "{order_id} was still being recorded in the store after {} s, and will be as a whole or not at all; \
         look for it in the recent_history of get_user_cart before you order again",
        patience.as_secs_f64()
    )]
    StoreLate {
        /// The order.
        order_id: String,
        /// How long the call waited.
        patience: Duration,
    },
    /// The order is recorded, but nobody knows what it costs.
    #[error("{order_id} was recorded, but its total is not known: {source}; do not order again")]
    NoTotal {
        /// The order.
        order_id: String,
        /// What the upstream says, or what is said of it.
        source: CatalogClientError,
    },
    /// The order is recorded, and what it costs takes longer than the call may.
    #[error(
        "{order_id} was recorded, but its total is not known: the upstream did not answer within {} s; \
         do not order again",
        patience.as_secs_f64()
    )]
    TotalLate {
        /// The order.
        order_id: String,
        /// How long the call waited.
        patience: Duration,
    },
}
