//! The tools of the shop, which ask the upstream and the store at the same time.

use rmcp::{
    handler::server::{
        tool::schema_for_output,
        wrapper::{Json, Parameters},
    },
    tool, tool_router,
};

use super::{DemoServer, AppState};
use crate::{
    cache::{Cacheable, Cached},
    tools::{
        ToolError,
        checkout::{self, CheckoutArguments, CheckoutResult, Counter},
        get_user_cart::{self, CartArguments, CartResult},
        search_products::{self, SearchArguments, SearchResult},
    },
};

#[tool_router(router = shop_tools, vis = "pub(super)")]
impl DemoServer {
    /// Searches the catalogue and says which of the products found are popular: HTTP and store work at once.
    ///
    /// # Errors
    /// When the category is unknown, a bound is no price, the limit is outside of 1 to 100, or the upstream or
    /// the store cannot answer.
    #[tool(
        description = "Searches the catalogue by category and price, cheapest first, and ranks what it finds by the ten most popular products.",
        annotations(
            title = "Search products",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<SearchResult>()
    )]
    pub async fn search_products(
        &self,
        Parameters(arguments): Parameters<SearchArguments>,
    ) -> Cached<Result<Json<SearchResult>, ToolError>> {
        let search = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                upstream,
                store,
                ..
            } = lab.parts.here();
            search_products::search(arguments, server_type, upstream.as_ref(), store.as_ref())
                .await
                .map(Json)
        };
        self.cached(Cacheable::SearchProducts, arguments, search)
            .await
    }

    /// Shows a user's cart and last orders: store work, then HTTP and store work at once.
    ///
    /// # Errors
    /// When the user's name is none, there is no cart, or the upstream or the store cannot answer.
    #[tool(
        description = "Shows what lies in a user's cart, what it will cost, and the user's last five orders.",
        annotations(
            title = "Get user cart",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<CartResult>()
    )]
    pub async fn get_user_cart(
        &self,
        Parameters(arguments): Parameters<CartArguments>,
    ) -> Cached<Result<Json<CartResult>, ToolError>> {
        let get = |lab: Self, arguments| async move {
            let AppState {
                server_type,
                upstream,
                store,
                ..
            } = lab.parts.here();
            get_user_cart::get(arguments, server_type, upstream.as_ref(), store.as_ref())
                .await
                .map(Json)
        };
        self.cached(Cacheable::GetUserCart, arguments, get).await
    }

    /// Records an order and computes its total: HTTP work and store writes at once.
    ///
    /// # Errors
    /// When an argument is outside of its limits, or the order is not confirmed; the error says whether it is
    /// recorded.
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
    pub async fn checkout(
        &self,
        Parameters(arguments): Parameters<CheckoutArguments>,
    ) -> Result<Json<CheckoutResult>, ToolError> {
        let AppState {
            server_type,
            runtime,
            upstream,
            store,
            checkout_limit,
            tuning,
            ..
        } = self.parts.here();
        let counter = Counter {
            server_type,
            runtime,
            upstream: upstream.as_ref(),
            store: store.as_ref(),
            patience: *checkout_limit,
        };
        let cart = CartArguments {
            user_id: arguments.user_id.clone(),
        };
        let result = checkout::checkout(arguments, counter).await;
        if let Some(cache) = &tuning.cache {
            // The user sees the order in the history, recorded or in doubt.
            cache.forget(Cacheable::GetUserCart, &cart).await;
        }
        result.map(Json)
    }
}

#[cfg(test)]
mod tests {
    use transports::fast_path::{FastResult, Outcome};

    use super::*;
    use crate::{
        store::{CartItem, Order},
        tools::{checkout::Status, get_user_cart::CartSummary, search_products::RankedProduct},
    };

    fn is_serialised_once(result: impl FastResult) -> bool {
        matches!(result.outcome(), Outcome::Structured(_))
    }

    #[test]
    fn the_members_of_results_stand_in_order() {
        let server_type = "test";
        let items = || {
            vec![CartItem {
                product_id: 1,
                quantity: 1,
            }]
        };
        assert!(is_serialised_once(Json(SearchResult {
            category: String::new(),
            products: vec![RankedProduct {
                id: 1,
                name: String::new(),
                popularity_rank: 0,
                price: 0.5,
                rating: 4.9,
                sku: String::new(),
            }],
            server_type,
            top10_popular_ids: vec![2, 1],
            total_found: 1,
        })));
        assert!(is_serialised_once(Json(CartResult {
            cart: CartSummary {
                estimated_total: 0.5,
                item_count: 1,
                items: items(),
            },
            recent_history: vec![Order {
                created: String::new(),
                items: items(),
                order_id: String::new(),
                total: 0.5,
                user_id: String::new(),
            }],
            server_type,
            user_id: String::new(),
        })));
        assert!(is_serialised_once(Json(CheckoutResult {
            items_count: 1,
            order_id: String::new(),
            rate_limit_count: 1,
            server_type,
            status: Status::Confirmed,
            total: 0.5,
            user_id: String::new(),
        })));
    }
}
