//! `checkout`: the total over HTTP, and at the same time the order into the store.
//!
//! What is guaranteed:
//! - The store's three writes (history, popularity, rate counter) are one: all are made or none.
//! - They run in a task of their own. A call that is cancelled or late does not stop what has
//!   begun; a call that is cancelled before it began writes nothing.
//! - The cached cart of the user is removed in that task, after the write, before the call hears of
//!   it.
//! - `confirmed` is said only when the order is recorded and its total is known.
//! - Every error says what became of the order: recorded, not recorded, or, when the store was lost
//!   at the wrong moment or is slower than the call may be, that this is not known, and where to
//!   look ([`CheckoutError`]).
//!
//! What is not: the catalogue API computes and keeps nothing, so it is not told of an order that
//! could not be recorded; and an order whose total could not be had stays recorded. Both sides are
//! asked at once, as the public benchmark does. So the recorded total is the catalogue's, before
//! tax and shipping.

use std::{pin::pin, time::Duration};

use futures::{
    channel::oneshot,
    future::{select, try_join},
};
use jiff::Timestamp;

use super::{UserId, get_user_cart::forget_cart, prelude::*};
use crate::{
    AppState,
    catalog::{MAX_CART_ITEMS, MAX_CART_QUANTITY, PRODUCT_COUNT},
    catalog_client::{CatalogClient, CatalogClientError},
    storage::StorageError,
    store::{CartItem, Order, Store, content},
};

pub(super) const TOOL: Tool = Tool::new(DemoServer::checkout_router);

/// The arguments of `checkout`; the defaults are the public benchmark's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CheckoutArguments {
    /// Who buys: `user-` and five digits.
    user_id: UserId,
    /// What is bought.
    #[schemars(length(min = 1, max = MAX_CART_ITEMS))]
    items: Vec<ItemArgument>,
}

/// So many pieces of one product.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct ItemArgument {
    /// The product's number.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = PRODUCT_COUNT))]
    product_id: i64,
    /// How many pieces of it.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_CART_QUANTITY))]
    quantity: i64,
}

impl Default for CheckoutArguments {
    fn default() -> Self {
        let item = |product_id, quantity| ItemArgument {
            product_id,
            quantity,
        };
        Self {
            user_id: UserId::default(),
            items: vec![item(42, 2), item(1_337, 1)],
        }
    }
}

impl CheckoutArguments {
    /// The user and the items, if they are within their limits. Neither the catalogue API nor the
    /// store refuses what passes here: one of them alone could refuse it too late.
    fn check(self) -> Result<(String, Vec<CartItem>), ToolError> {
        let user_id = self.user_id.check()?;
        let count = self.items.len();
        if !(1..=MAX_CART_ITEMS).contains(&count) {
            return Err(ToolError::ItemCount(count));
        }
        let items = self.items.into_iter().map(ItemArgument::check);
        Ok((user_id, items.collect::<Result<_, _>>()?))
    }
}

impl ItemArgument {
    fn check(self) -> Result<CartItem, ToolError> {
        let Self {
            product_id,
            quantity,
        } = self;
        check_range("product_id", product_id, 1, PRODUCT_COUNT.into())?;
        check_range("quantity", quantity, 1, MAX_CART_QUANTITY)?;
        Ok(CartItem {
            product_id,
            quantity,
        })
    }
}

/// The result of `checkout`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CheckoutResult {
    /// The order's name, by which it is found in the user's history.
    order_id: String,
    /// Who ordered.
    user_id: String,
    /// What the order costs in the end, in units of the currency.
    total: f64,
    /// How many entries the order has.
    items_count: i64,
    /// What the user's rate counter says, this order counted. A hundredth of all users share it.
    rate_limit_count: i64,
    /// What became of the order.
    status: Status,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// It is recorded, and its total is known. Everything else is an error.
    Confirmed,
}

/// Why a checkout is not confirmed, and whether the order is recorded.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The operating system gave no random numbers.
    #[error("the order was not recorded: no name could be made for it ({0}); ask again")]
    NoName(#[source] getrandom::Error),
    /// Nothing was written.
    #[error("the order was not recorded: {0}")]
    NotRecorded(#[source] StorageError),
    /// The store was lost between the question about this order and its answer.
    #[error(
        "{0} is not confirmed: {1}; \
         look for it in the recent_history of get_user_cart before you order again"
    )]
    Unknown(String, #[source] StorageError),
    /// The task that records this order ended without an outcome.
    #[error(
        "{0} is not confirmed, and whether the store recorded it is not known: the task that does so ended early; \
         look for it in the recent_history of get_user_cart before you order again"
    )]
    Lost(String),
    /// The store takes longer with this order than the call may, which waited so long.
    #[error(
        "{0} was still being recorded in the store after {waited} s, and will be as a whole or not at all; \
         look for it in the recent_history of get_user_cart before you order again",
        waited = .1.as_secs_f64()
    )]
    StoreLate(String, Duration),
    /// This order is recorded, but what it costs is not known.
    #[error("{0} was recorded, but its total is not known: {1}; do not order again")]
    NoTotal(String, #[source] CatalogClientError),
    /// This order is recorded, and what it costs takes longer than the call may, which waited so
    /// long.
    #[error(
        "{0} was recorded, but its total is not known: the upstream did not answer within {waited} s; \
         do not order again",
        waited = .1.as_secs_f64()
    )]
    TotalLate(String, Duration),
}

#[tool_router(router = checkout_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Orders products for a user: records the order as a whole or not at all, and returns its total and number.",
        annotations(
            title = "Check out",
            read_only_hint = false,
            destructive_hint = false,
            idempotent_hint = false,
            open_world_hint = true
        )
    )]
    pub(super) async fn checkout(
        &self,
        Parameters(arguments): Parameters<CheckoutArguments>,
    ) -> Result<Json<CheckoutResult>, ToolError> {
        let (user_id, items) = arguments.check()?;
        let state = self.state();
        let (upstream, store) = (state.catalogue()?, state.store()?);
        let order = Order {
            created: format!("{:.3}", Timestamp::now()),
            order_id: order_id(&user_id)?,
            total: content::total(&items),
            items,
            user_id,
        };
        let outcomes = run(&order, upstream, store, state).await;
        let (total, rate_limit_count) = outcomes.verdict(&order.order_id, state.checkout_limit)?;
        Ok(Json(CheckoutResult {
            order_id: order.order_id,
            user_id: order.user_id,
            total,
            items_count: arguments::count(order.items.len()),
            rate_limit_count,
            status: Status::Confirmed,
            server_type: state.server_type,
        }))
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

/// The outcome of each side, once there is one.
#[derive(Default)]
struct Outcomes {
    total: Option<Result<f64, CatalogClientError>>,
    recorded: Option<Result<i64, WriteError>>,
}

/// Why it is not known that the order is recorded.
enum WriteError {
    Storage(StorageError),
    /// The task ended without an outcome: it panicked, or the runtime is at its end.
    Lost,
}

/// Asks both sides until both have answered, the order cannot be recorded, or the time is over.
async fn run(order: &Order, upstream: &CatalogClient, store: &Store, state: &AppState) -> Outcomes {
    let mut outcomes = Outcomes::default();
    {
        let Outcomes { total, recorded } = &mut outcomes;
        let sums = async {
            *total = Some(upstream.total(&order.items).await);
            Ok(())
        };
        let writes = async {
            let outcome = record(order.clone(), store.clone(), state).await;
            // Without an order, its total is of no use.
            let goes_on = outcome.as_ref().map(drop).map_err(drop);
            *recorded = Some(outcome);
            goes_on
        };
        let both = pin!(try_join(writes, sums));
        select(both, state.runtime.sleep(state.checkout_limit)).await;
    }
    outcomes
}

/// Records `order` in a task of its own.
async fn record(order: Order, store: Store, state: &AppState) -> Result<i64, WriteError> {
    let (sender, receiver) = oneshot::channel();
    let cache = state.cache.clone();
    state.runtime.spawn(Box::pin(async move {
        let outcome = store.record_order(&order).await;
        if let Some(cache) = &cache {
            // Also after an error: the order may be recorded all the same.
            forget_cart(cache, &order.user_id).await;
        }
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
        Ok(outcome) => outcome.map_err(WriteError::Storage),
        Err(oneshot::Canceled) => Err(WriteError::Lost),
    }
}

impl Outcomes {
    /// Total and rate counter when all went well; otherwise what became of the order `order_id`.
    fn verdict(self, order_id: &str, limit: Duration) -> Result<(f64, i64), CheckoutError> {
        let order_id = order_id.to_owned();
        Err(match (self.recorded, self.total) {
            (Some(Ok(count)), Some(Ok(total))) => return Ok((total, count)),
            (Some(Ok(_)), Some(Err(source))) => CheckoutError::NoTotal(order_id, source),
            (Some(Ok(_)), None) => CheckoutError::TotalLate(order_id, limit),
            (Some(Err(WriteError::Storage(source))), _) if source.may_have_written() => {
                CheckoutError::Unknown(order_id, source)
            }
            (Some(Err(WriteError::Storage(source))), _) => CheckoutError::NotRecorded(source),
            (Some(Err(WriteError::Lost)), _) => CheckoutError::Lost(order_id),
            (None, _) => CheckoutError::StoreLate(order_id, limit),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::storage::{Storage, StorageUrl};

    #[test]
    fn no_two_orders_have_the_same_name() {
        let names: HashSet<String> = (0..1_000)
            .map(|_| order_id("user-00042").unwrap())
            .collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.starts_with("order-00042-")));
    }

    const LIMIT: Duration = Duration::from_secs(3);

    fn refused() -> CatalogClientError {
        CatalogClientError::Refused {
            url: "http://upstream.example/cart/calculate".into(),
            status: 500,
            said: "tired".into(),
        }
    }

    fn not_written() -> WriteError {
        WriteError::Storage(StorageError::NoCacheFolder(Storage::Store))
    }

    fn unanswered() -> WriteError {
        let url = StorageUrl::parse(Storage::Store, "sqlite::memory:").unwrap();
        WriteError::Storage(StorageError::Unanswered {
            place: url.place,
            timeout: LIMIT,
            may_have_written: true,
        })
    }

    fn verdict(
        recorded: Option<Result<i64, WriteError>>,
        total: Option<Result<f64, CatalogClientError>>,
    ) -> Result<(f64, i64), String> {
        let outcomes = Outcomes { total, recorded };
        let verdict = outcomes.verdict("order-7", LIMIT);
        verdict.map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_confirmed_when_it_is_recorded_and_its_total_is_known() {
        assert_eq!(verdict(Some(Ok(9)), Some(Ok(24.63))), Ok((24.63, 9)));
    }

    #[test]
    fn every_other_end_says_what_became_of_the_order() {
        let total_unknown = ["order-7 was recorded", "HTTP 500: tired"];
        let not_recorded = ["was not recorded", "store"];
        let in_doubt = ["order-7 is not confirmed", "recent_history"];
        let late = [
            "order-7 was still being recorded in the store after 3 s",
            "recent_history",
        ];
        for (recorded, total, says) in [
            (Some(Ok(9)), Some(Err(refused())), total_unknown),
            (Some(Ok(9)), None, ["order-7 was recorded", "within 3 s"]),
            (Some(Err(not_written())), Some(Ok(1.0)), not_recorded),
            (Some(Err(not_written())), None, not_recorded),
            (Some(Err(not_written())), Some(Err(refused())), not_recorded),
            (Some(Err(unanswered())), None, in_doubt),
            (Some(Err(WriteError::Lost)), Some(Ok(1.0)), in_doubt),
            (None, Some(Ok(1.0)), late),
            (None, Some(Err(refused())), late),
            (None, None, late),
        ] {
            let said = verdict(recorded, total).unwrap_err();
            for part in says {
                assert!(said.contains(part), "{part:?} is missing: {said}");
            }
        }
    }
}
