//! `query_products`: SQL work over the catalogue, and as little of what is found as the caller wants.

mod answer;
mod fields;

use std::collections::BTreeSet;

pub use answer::{Format, QueryAnswer};
use fields::Fields;
pub use fields::{Field, NAMES as FIELDS, ProductView};
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
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
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
    /// Which fields of each product to return; all of them, if nobody says.
    #[schemars(length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeSet<Field>>,
    /// How to write them: JSON, which programs read, or text, which costs a model fewer tokens.
    pub format: Format,
}

impl Default for QueryArguments {
    fn default() -> Self {
        Self {
            category: CATEGORIES[0].to_owned(),
            min_price: 50.0,
            max_price: 500.0,
            limit: 10,
            fields: None,
            format: Format::Json,
        }
    }
}

/// The result of `query_products`, where it is JSON.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct QueryResult {
    /// The category that was looked in.
    pub category: String,
    /// The cheapest matches; those of equal price in the order of their ids.
    #[schemars(with = "Vec<ProductRow>")]
    pub products: Vec<ProductView>,
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
) -> Result<QueryAnswer, ToolError> {
    let QueryArguments {
        category: name,
        min_price,
        max_price,
        limit,
        fields,
        format,
    } = arguments;
    let Some(category) = category(&name) else {
        return Err(ToolError::UnknownCategory(name));
    };
    let price = PriceRange::new(min_price, max_price)?;
    check_range("limit", limit, 1, MAX_LIMIT)?;
    let fields = match &fields {
        None => Fields::ALL,
        Some(wanted) => Fields::of(wanted).ok_or(ToolError::NoFields)?,
    };
    let filter = ProductFilter {
        category,
        price,
        limit,
    };
    let ProductPage {
        total_found,
        products,
    } = database.find_products(&filter).await?;
    let products = products.into_iter();
    let result = QueryResult {
        server_type,
        category: name,
        total_found,
        products: products
            .map(|product| ProductView::new(product, fields))
            .collect(),
    };
    Ok(QueryAnswer::new(result, fields, format))
}
