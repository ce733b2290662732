//! `search_products`: the catalogue over HTTP and the popularity ranking from the store, at the
//! same time.

use futures::try_join;

use super::prelude::*;
use crate::{
    catalog::{CATEGORIES, MAX_PRICE, MAX_SEARCH_LIMIT},
    catalog_client::{FoundProduct, ProductSearch},
};

pub(super) const TOOL: Tool = Tool::cached(DemoServer::search_router, "{}");

/// How many products of the ranking are looked at.
const TOP: u32 = 10;

#[expect(clippy::cast_possible_wrap, reason = "it is 100")]
const MAX_LIMIT: i64 = MAX_SEARCH_LIMIT as i64;

/// The arguments of `search_products`; the defaults are the public benchmark's.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SearchArguments {
    /// The category to look in.
    #[schemars(extend("enum" = CATEGORIES))]
    category: String,
    /// The lowest price wanted, inclusive.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    min_price: f64,
    /// The highest price wanted, inclusive; not below `min_price`.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    max_price: f64,
    /// How many products to return at most.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    limit: i64,
}

impl Default for SearchArguments {
    fn default() -> Self {
        Self {
            category: CATEGORIES[0].to_owned(),
            min_price: 50.0,
            max_price: 500.0,
            limit: 10,
        }
    }
}

impl SearchArguments {
    fn check(&self) -> Result<ProductSearch, ToolError> {
        let prices = (self.min_price, self.max_price);
        let limit = (self.limit, MAX_LIMIT);
        let (category, _) = arguments::check_filter(&self.category, prices, limit)?;
        Ok(ProductSearch {
            category,
            min_price: self.min_price,
            max_price: self.max_price,
            limit: self.limit,
        })
    }
}

/// The result of `search_products`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SearchResult {
    /// The category that was looked in.
    category: String,
    /// How many products match, whatever the limit.
    total_found: i64,
    /// The cheapest matches; those of equal price in the order of their ids.
    products: Vec<RankedProduct>,
    /// The ids of the most popular products of all categories, the most popular one first.
    top10_popular_ids: Vec<i64>,
    /// The server that answered, as transport and runtime.
    server_type: &'static str,
}

impl Cacheable for SearchResult {}

/// One product as `search_products` returns it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RankedProduct {
    /// The product's number, from 1.
    id: i64,
    /// The stock-keeping unit.
    sku: String,
    /// The product's name.
    name: String,
    /// Price in units of the currency, to the cent.
    price: f64,
    /// 1.0 to 4.9.
    rating: f64,
    /// Its place among the ten most popular products, from 1; 0 when it is not among them.
    popularity_rank: i64,
}

#[tool_router(router = search_router, vis = "pub(super)")]
impl DemoServer {
    #[tool(
        description = "Searches the catalogue by category and price, cheapest first, and ranks what it finds by the ten most popular products.",
        annotations(
            title = "Search products",
            read_only_hint = true,
            open_world_hint = true
        ),
        output_schema = schema_for_output::<SearchResult>()
    )]
    pub(super) async fn search_products(
        &self,
        Parameters(arguments): Parameters<SearchArguments>,
    ) -> Cached<Result<Json<SearchResult>, ToolError>> {
        self.cached("search_products", arguments, search).await
    }
}

async fn search(
    server: DemoServer,
    arguments: SearchArguments,
) -> Result<Json<SearchResult>, ToolError> {
    let search = arguments.check()?;
    let state = server.state();
    let (upstream, store) = (state.catalogue()?, state.store()?);
    let (found, popular) = try_join!(
        async { upstream.search(&search).await.map_err(ToolError::from) },
        async { store.popular(TOP).await.map_err(ToolError::from) },
    )?;
    let top: Vec<i64> = popular.iter().map(|one| one.product_id).collect();
    let ranked = |product| ranked(product, &top);
    Ok(Json(SearchResult {
        category: arguments.category,
        total_found: found.total_found,
        products: found.products.into_iter().map(ranked).collect(),
        top10_popular_ids: top,
        server_type: state.server_type,
    }))
}

fn ranked(product: FoundProduct, top: &[i64]) -> RankedProduct {
    let place = (1..).zip(top).find(|(_, popular)| **popular == product.id);
    RankedProduct {
        id: product.id,
        sku: product.sku,
        name: product.name,
        price: product.price,
        rating: product.rating,
        popularity_rank: place.map_or(0, |(rank, _)| rank),
    }
}
