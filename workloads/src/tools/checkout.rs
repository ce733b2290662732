//! `checkout`: the total over HTTP, and at the same time the order into the store.
//!
//! What is guaranteed:
//! - The store's three writes (history, popularity, rate counter) are one: all are made or none.
//! - They run in a task of their own. Whoever cancels a call, or loses patience with it, stops nobody from
//!   finishing what has begun; a call that is cancelled before it began writes nothing.
//! - `confirmed` is said only when the order is recorded and its total is known.
//! - Every error says what became of the order: recorded, not recorded, or, when the store was lost at the wrong
//!   moment or is slower than the call may be, that this is not known, and where to look ([`CheckoutError`]).
//!
//! What is not: the upstream computes and keeps nothing, so it is not told of an order that could not be
//! recorded; and an order whose total could not be had stays recorded. Both sides are asked at once, as the public
//! benchmark does. So the total that is recorded is not the upstream's but the catalogue's, before tax and shipping.

mod arguments;
mod error;
mod progress;

use std::{pin::pin, time::Duration};

use futures::{
    channel::oneshot,
    future::{select, try_join},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use transports::runtime::Handle;

pub use arguments::{CheckoutArguments, ItemArgument};
pub use error::CheckoutError;
use progress::{Progress, WriteError};

use super::ToolError;
use crate::{
    store::{Order, Store, content},
    catalog_client::CatalogClient,
};

/// The result of `checkout`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckoutResult {
    /// How many entries the order has.
    pub items_count: i64,
    /// The order's name, by which it is found in the user's history.
    pub order_id: String,
    /// What the user's rate counter says, this order counted. It is shared by a hundredth of all users.
    pub rate_limit_count: i64,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// What became of the order.
    pub status: Status,
    /// What the order costs in the end, in units of the currency.
    pub total: f64,
    /// Who ordered.
    pub user_id: String,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is recorded, and its total is known. Everything else is an error.
    Confirmed,
}

/// What a checkout stands on.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'a> {
    /// The field `server_type` of the result.
    pub server_type: &'static str,
    /// Where the writes run.
    pub runtime: &'a Handle,
    /// Who knows what a cart costs.
    pub upstream: Option<&'a CatalogClient>,
    /// Where orders are recorded.
    pub store: Option<&'a Store>,
    /// How long a call takes at most before it says how far it has come.
    pub patience: Duration,
}

/// Checks out.
///
/// # Errors
/// When an argument is outside of its limits or there is no upstream or no store: nothing was done. Otherwise what
/// [`CheckoutError`] says.
pub async fn checkout(
    arguments: CheckoutArguments,
    counter: Counter<'_>,
) -> Result<CheckoutResult, ToolError> {
    let (user_id, items) = arguments.check()?;
    let upstream = counter.upstream.ok_or(ToolError::NoUpstream)?;
    let store = counter.store.ok_or(ToolError::NoStore)?;
    let order = Order {
        created: format!("{:.3}", Timestamp::now()),
        order_id: order_id(&user_id)?,
        total: content::total(&items),
        items,
        user_id,
    };
    let progress = run(&order, upstream, store, &counter).await;
    let (total, rate_limit_count) = progress.verdict(&order.order_id, counter.patience)?;
    Ok(CheckoutResult {
        items_count: order.items.len().try_into().unwrap_or(i64::MAX),
        order_id: order.order_id,
        rate_limit_count,
        server_type: counter.server_type,
        status: Status::Confirmed,
        total,
        user_id: order.user_id,
    })
}

/// Does both until both are done, the order cannot be recorded, or patience ends.
async fn run(order: &Order, upstream: &CatalogClient, store: &Store, counter: &Counter<'_>) -> Progress {
    let mut progress = Progress::default();
    {
        let Progress { total, recorded } = &mut progress;
        let sums = async {
            *total = Some(upstream.total(&order.items).await);
            Ok(())
        };
        let writes = async {
            let outcome = record(order.clone(), store.clone(), counter.runtime).await;
            // Nobody needs the total of an order that there is not.
            let goes_on = outcome.as_ref().map(drop).map_err(drop);
            *recorded = Some(outcome);
            goes_on
        };
        let both = pin!(try_join(writes, sums));
        select(both, counter.runtime.sleep(counter.patience)).await;
    }
    progress
}

/// Records `order` in a task of its own.
async fn record(order: Order, store: Store, runtime: &Handle) -> Result<i64, WriteError> {
    let (sender, receiver) = oneshot::channel();
    runtime.spawn(Box::pin(async move {
        let outcome = store.record_order(&order).await;
        if let Err(outcome) = sender.send(outcome) {
            let order_id = &*order.order_id;
            match outcome {
                Ok(_) => tracing::debug!(order_id, "recorded; the call had been given up"),
                Err(error) => {
                    let error = error.to_string();
                    tracing::warn!(order_id, error, "not recorded; the call had been given up");
                }
            }
        }
    }));
    match receiver.await {
        Ok(outcome) => outcome.map_err(WriteError::Store),
        Err(oneshot::Canceled) => Err(WriteError::Lost),
    }
}

/// A name that no other order has: 64 random bits.
fn order_id(user_id: &str) -> Result<String, CheckoutError> {
    let random = getrandom::u64().map_err(CheckoutError::NoName)?;
    Ok(format!(
        "order-{}-{random:016x}",
        user_id.trim_start_matches("user-")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_orders_have_the_same_name() {
        let names: std::collections::HashSet<String> = (0..1_000)
            .map(|_| order_id("user-00042").unwrap())
            .collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.starts_with("order-00042-")));
    }
}
