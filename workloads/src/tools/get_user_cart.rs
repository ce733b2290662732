//! `get_user_cart`: the cart from the store, then its first product over HTTP and the user's last orders from
//! the store at the same time.

use futures::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ToolError, user_id::UserId};
use crate::{
    cache::Keep,
    store::{CartItem, Order, Store},
    catalog_client::{CatalogClient, CatalogClientError},
};

/// How many orders are looked at.
const NEWEST: u32 = 5;

/// The arguments of `get_user_cart`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CartArguments {
    /// Whose cart: `user-` and five digits.
    pub user_id: UserId,
}

/// The result of `get_user_cart`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CartResult {
    /// What lies in the cart.
    pub cart: CartSummary,
    /// The user's last orders, at most five, the newest one first.
    pub recent_history: Vec<Order>,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// Whose cart it is.
    pub user_id: String,
}

impl Keep for CartResult {}

/// What lies in a cart.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CartSummary {
    /// What the items cost together, in units of the currency, before tax and shipping.
    pub estimated_total: f64,
    /// How many entries `items` has.
    pub item_count: i64,
    /// The products.
    pub items: Vec<CartItem>,
}

/// Asks for the cart, then for the rest.
///
/// The product is asked for because the published tool does so; it is no part of the result. A catalogue that
/// does not have it fails the call all the same. An empty cart has no first product, and the upstream is not asked.
///
/// # Errors
/// When the user's name is none, there is no such cart, no upstream or no store, or one of the two does not answer: the
/// first error is the call's, the other side is not waited for.
pub async fn get(
    arguments: CartArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    store: Option<&Store>,
) -> Result<CartResult, ToolError> {
    let user_id = arguments.user_id.check()?;
    let upstream = upstream.ok_or(ToolError::NoUpstream)?;
    let store = store.ok_or(ToolError::NoStore)?;
    let Some(cart) = store.cart(&user_id).await? else {
        return Err(ToolError::NoCart(user_id));
    };
    let first = cart.items.first().map(|item| item.product_id);
    let ((), recent_history) = try_join!(
        async { look_at(first, upstream).await.map_err(ToolError::from) },
        async {
            let history = store.history(&user_id, NEWEST).await;
            history.map_err(ToolError::from)
        },
    )?;
    Ok(CartResult {
        cart: CartSummary {
            estimated_total: cart.total,
            item_count: cart.items.len().try_into().unwrap_or(i64::MAX),
            items: cart.items,
        },
        recent_history,
        server_type,
        user_id,
    })
}

async fn look_at(product: Option<i64>, upstream: &CatalogClient) -> Result<(), CatalogClientError> {
    match product {
        Some(id) => upstream.product(id).await.map(drop),
        None => Ok(()),
    }
}
