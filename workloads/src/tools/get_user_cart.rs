//! `get_user_cart`: the cart from the store, then its first product over HTTP and the user's last
//! orders from the store at the same time.

use futures::try_join;

use super::{UserId, prelude::*};
use crate::{
    cache::Cache,
    store::{CartItem, Order},
};

/// A cart is cached until the user's next `checkout` ([`forget_cart`]).
pub(super) const TOOL: Tool = Tool::cached(DemoServer::cart_router, "{}");

/// How many orders are looked at.
const NEWEST: u32 = 5;

/// The arguments of `get_user_cart`.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CartArguments {
    /// Whose cart: `user-` and five digits.
    user_id: UserId,
}

/// The result of `get_user_cart`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CartResult {
    /// Whose cart it is.
    user_id: String,
    /// What lies in the cart.
    cart: CartSummary,
    /// The user's last orders, at most five, the newest one first.
    recent_history: Vec<Order>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

/// What lies in a cart.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CartSummary {
    /// The products.
    items: Vec<CartItem>,
    /// How many entries `items` has.
    item_count: i64,
    /// What the items cost together, in units of the currency, before tax and shipping.
    estimated_total: f64,
}

impl Cacheable for CartResult {}

#[tool_router(router = cart_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Shows what lies in a user's cart, what it will cost, and the user's last five orders.",
        annotations(
            title = "Get user cart",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<CartResult>()
    )]
    pub(super) async fn get_user_cart(
        &self,
        Parameters(arguments): Parameters<CartArguments>,
    ) -> Cached<Result<Json<CartResult>, ToolError>> {
        self.cached("get_user_cart", arguments, get).await
    }
}

/// Removes the cached cart of `user_id`: its history has changed.
pub(super) async fn forget_cart(cache: &Cache, user_id: &str) {
    let arguments = CartArguments {
        user_id: UserId::from(user_id),
    };
    cache.forget("get_user_cart", &arguments).await;
}

/// Asks for the cart, then for the rest.
///
/// The product is asked for because the published tool does so; it is no part of the result. A
/// catalogue that does not have it fails the call all the same. For an empty cart the catalogue is
/// not asked.
async fn get(server: DemoServer, arguments: CartArguments) -> Result<Json<CartResult>, ToolError> {
    let user_id = arguments.user_id.check()?;
    let state = server.state();
    let (upstream, store) = (state.catalogue()?, state.store()?);
    let Some(cart) = store.cart(&user_id).await? else {
        return Err(ToolError::NoCart(user_id));
    };
    let first = cart.items.first().map(|item| item.product_id);
    let ((), recent_history) = try_join!(
        async {
            match first {
                Some(id) => Ok(upstream.product(id).await.map(drop)?),
                None => Ok(()),
            }
        },
        async {
            let history = store.history(&user_id, NEWEST).await;
            history.map_err(ToolError::from)
        },
    )?;
    Ok(Json(CartResult {
        user_id,
        cart: CartSummary {
            item_count: arguments::count(cart.items.len()),
            items: cart.items,
            estimated_total: cart.total,
        },
        recent_history,
        server_type: state.server_type,
    }))
}
