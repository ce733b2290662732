//! `search_products`: the catalogue over HTTP and the popularity ranking from the store, at the same time.

use futures::try_join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ToolError, arguments, error::check_range};
use crate::{
    cache::Keep,
    catalog::{CATEGORIES, MAX_PRICE, PriceRange, category},
    store::Store,
    catalog_client::{FoundProduct, ProductSearch, CatalogClient},
    upstream_api::MAX_SEARCH_LIMIT,
};

/// How many products of the ranking are looked at.
const TOP: u32 = 10;

#[expect(clippy::cast_possible_wrap, reason = "it is 100")]
const MAX_LIMIT: i64 = MAX_SEARCH_LIMIT as i64;

/// The arguments of `search_products`; the defaults are the public benchmark's.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchArguments {
    /// The category to look in.
    #[schemars(extend("enum" = CATEGORIES))]
    pub category: String,
    /// The lowest price wanted, inclusive.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    pub min_price: f64,
    /// The highest price wanted, inclusive; not below `min_price`.
    #[schemars(range(min = 0, max = MAX_PRICE))]
    pub max_price: f64,
    /// How many products to return at most.
    #[serde(deserialize_with = "arguments::integer")]
    #[schemars(range(min = 1, max = MAX_LIMIT))]
    pub limit: i64,
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
        let Some(category) = category(&self.category) else {
            return Err(ToolError::UnknownCategory(self.category.clone()));
        };
        PriceRange::new(self.min_price, self.max_price)?;
        check_range("limit", self.limit, 1, MAX_LIMIT)?;
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
pub struct SearchResult {
    /// The category that was looked in.
    pub category: String,
    /// The cheapest matches; those of equal price in the order of their ids.
    pub products: Vec<RankedProduct>,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// The ids of the most popular products of all categories, the most popular one first.
    pub top10_popular_ids: Vec<i64>,
    /// How many products match, whatever the limit.
    pub total_found: i64,
}

impl Keep for SearchResult {}

/// One product as `search_products` returns it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RankedProduct {
    /// The product's number, from 1.
    pub id: i64,
    /// The product's name.
    pub name: String,
    /// Its place among the ten most popular products, from 1; 0 when it is not among them.
    pub popularity_rank: i64,
    /// Price in units of the currency, to the cent.
    pub price: f64,
    /// 1.0 to 4.9.
    pub rating: f64,
    /// The stock-keeping unit.
    pub sku: String,
}

/// Asks both.
///
/// # Errors
/// When an argument is outside of its limits, there is no upstream or no store, or one of the two does not answer: the
/// first error is the call's, the other side is not waited for.
pub async fn search(
    arguments: SearchArguments,
    server_type: &'static str,
    upstream: Option<&CatalogClient>,
    store: Option<&Store>,
) -> Result<SearchResult, ToolError> {
    let search = arguments.check()?;
    let upstream = upstream.ok_or(ToolError::NoUpstream)?;
    let store = store.ok_or(ToolError::NoStore)?;
    let (found, popular) = try_join!(
        async { upstream.search(&search).await.map_err(ToolError::from) },
        async { store.popular(TOP).await.map_err(ToolError::from) },
    )?;
    let top: Vec<i64> = popular.iter().map(|one| one.product_id).collect();
    let ranked = |product| ranked(product, &top);
    Ok(SearchResult {
        category: arguments.category,
        products: found.products.into_iter().map(ranked).collect(),
        server_type,
        total_found: found.total_found,
        top10_popular_ids: top,
    })
}

fn ranked(product: FoundProduct, top: &[i64]) -> RankedProduct {
    let FoundProduct {
        id,
        sku,
        name,
        price,
        rating,
    } = product;
    RankedProduct {
        id,
        name,
        popularity_rank: (1..)
            .zip(top)
            .find(|(_, popular)| **popular == id)
            .map_or(0, |(rank, _)| rank),
        price,
        rating,
        sku,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_is_the_place_among_the_popular_from_one() {
        let rank = |id| {
            let product = FoundProduct {
                id,
                sku: String::new(),
                name: String::new(),
                price: 1.0,
                rating: 1.0,
            };
            ranked(product, &[30, 7, 12]).popularity_rank
        };
        assert_eq!([rank(30), rank(7), rank(12), rank(1)], [1, 2, 3, 0]);
    }

    #[test]
    fn arguments_outside_of_their_limits_are_refused() {
        let refused = |change: fn(&mut SearchArguments)| {
            let mut arguments = SearchArguments::default();
            change(&mut arguments);
            arguments.check().unwrap_err().to_string()
        };
        assert!(refused(|a| a.category = "Cheese".into()).contains("Electronics, Books"));
        assert!(refused(|a| a.min_price = 600.0).contains("min_price 600 is above"));
        assert!(refused(|a| a.limit = 101).contains("from 1 to 100, not 101"));
        assert!(SearchArguments::default().check().is_ok());
    }
}
