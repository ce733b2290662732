//! `query_products`: SQL work over the catalogue.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ToolError, arguments, error::check_range};
use crate::{
    catalog::{CATEGORIES, MAX_PRICE, PriceRange, category},
    database::{Database, ProductFilter, ProductPage, ProductRow},
};

/// The most products that one call returns.
pub const MAX_LIMIT: i64 = 100;

/// The arguments of `query_products`; the defaults are the public benchmark's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueryArguments {
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

impl Default for QueryArguments {
    fn default() -> Self {
        Self {
            category: CATEGORIES[0].to_owned(),
            min_price: 50.0,
            max_price: 500.0,
            limit: 10,
        }
    }
}

/// The result of `query_products`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QueryResult {
    /// The category that was looked in.
    pub category: String,
    /// The cheapest matches; those of equal price in the order of their ids.
    pub products: Vec<ProductRow>,
    /// The server that answered, as transport and runtime.
    pub server_type: &'static str,
    /// How many products match, whatever the limit.
    pub total_found: i64,
}

/// Asks the database.
///
/// # Errors
/// When an argument is outside of its limits, or the database cannot answer.
pub async fn query(
    arguments: QueryArguments,
    server_type: &'static str,
    database: &Database,
) -> Result<QueryResult, ToolError> {
    let QueryArguments {
        category: name,
        min_price,
        max_price,
        limit,
    } = arguments;
    let Some(category) = category(&name) else {
        return Err(ToolError::UnknownCategory(name));
    };
    let price = PriceRange::new(min_price, max_price)?;
    check_range("limit", limit, 1, MAX_LIMIT)?;
    let filter = ProductFilter {
        category,
        price,
        limit,
    };
    let ProductPage {
        total_found,
        products,
    } = database.find_products(&filter).await?;
    Ok(QueryResult {
        server_type,
        category: name,
        total_found,
        products,
    })
}
