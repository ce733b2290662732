//! The query of `query_products`, and the rows that it finds.

use schemars::JsonSchema;
use serde::Serialize;
use sqlx::SqliteConnection;

use super::Query;
use crate::catalog::{PriceRange, units};

/// Selects the rows and their number in one statement: the count is evaluated once, and both read
/// the same index.
pub(super) const FIND_PRODUCTS: &str = "\
SELECT id, sku, name, brand, price_cents, stock, rating_tenths,
       (SELECT count(*) FROM products
         WHERE category = $1 AND price_cents BETWEEN $2 AND $3) AS total_found
  FROM products
 WHERE category = $1 AND price_cents BETWEEN $2 AND $3
 ORDER BY price_cents, id
 LIMIT $4";

/// The products that are wanted.
#[derive(Clone, Copy, Debug)]
pub struct ProductFilter {
    /// One of [`crate::catalog::CATEGORIES`].
    pub category: &'static str,
    /// The range of prices.
    pub price: PriceRange,
    /// The largest number of rows; at least 1, or nothing can be counted.
    pub limit: i64,
}

/// The products that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductPage {
    /// How many products match the filter, whatever its limit.
    pub total_found: i64,
    /// The cheapest of them; those of equal price in the order of their ids.
    pub products: Vec<ProductRow>,
}

/// One product as a tool returns it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProductRow {
    /// The brand.
    pub brand: String,
    /// The product's number, from 1.
    pub id: i64,
    /// The product's name.
    pub name: String,
    /// Price in units of the currency, to the cent.
    pub price: f64,
    /// 1.0 to 4.9.
    pub rating: f64,
    /// The stock-keeping unit.
    pub sku: String,
    /// Pieces in stock.
    pub stock: i64,
}

/// The columns of [`FIND_PRODUCTS`].
type FoundRow = (i64, String, String, String, i64, i64, i64, i64);

/// Runs [`FIND_PRODUCTS`]. The text is the same for every engine; sqlx's types are not.
macro_rules! find {
    ($filter:expr, $connection:expr) => {{
        let found: Vec<FoundRow> = sqlx::query_as(FIND_PRODUCTS)
            .bind($filter.category)
            .bind($filter.price.min_cents)
            .bind($filter.price.max_cents)
            .bind($filter.limit)
            .fetch_all($connection)
            .await?;
        Ok(page(found))
    }};
}

impl Query for ProductFilter {
    type Rows = ProductPage;

    async fn sqlite(&self, connection: &mut SqliteConnection) -> sqlx::Result<ProductPage> {
        find!(self, connection)
    }

    #[cfg(feature = "postgres")]
    async fn postgres(&self, connection: &mut sqlx::PgConnection) -> sqlx::Result<ProductPage> {
        find!(self, connection)
    }
}

/// All that was found. Without a row there is nothing to count.
fn page(found: Vec<FoundRow>) -> ProductPage {
    let row = |(id, sku, name, brand, price_cents, stock, rating_tenths, _)| ProductRow {
        brand,
        id,
        name,
        price: units(price_cents),
        rating: units(rating_tenths * 10),
        sku,
        stock,
    };
    ProductPage {
        total_found: found.first().map_or(0, |row| row.7),
        products: found.into_iter().map(row).collect(),
    }
}
