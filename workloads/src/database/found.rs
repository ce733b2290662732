//! How products are found, and a row of them, in either engine.

use super::{ProductPage, ProductRow};
use crate::catalog::units;

/// The rows and their whole number in one statement: the count is evaluated once, and both read the
/// same index.
pub(super) const FIND_PRODUCTS: &str = "\
SELECT id, sku, name, brand, price_cents, stock, rating_tenths,
       (SELECT count(*) FROM products
         WHERE category = $1 AND price_cents BETWEEN $2 AND $3) AS total_found
  FROM products
 WHERE category = $1 AND price_cents BETWEEN $2 AND $3
 ORDER BY price_cents, id
 LIMIT $4";

/// A product, and how many match beside it.
#[derive(sqlx::FromRow)]
pub(super) struct FoundRow {
    id: i64,
    sku: String,
    name: String,
    brand: String,
    price_cents: i64,
    stock: i64,
    rating_tenths: i64,
    total_found: i64,
}

/// All that was found. No row means that there is nothing to count.
pub(super) fn page(found: Vec<FoundRow>) -> ProductPage {
    ProductPage {
        total_found: found.first().map_or(0, |row| row.total_found),
        products: found.into_iter().map(ProductRow::from).collect(),
    }
}

impl From<FoundRow> for ProductRow {
    fn from(row: FoundRow) -> Self {
        Self {
            id: row.id,
            sku: row.sku,
            name: row.name,
            brand: row.brand,
            price: units(row.price_cents),
            stock: row.stock,
            rating: units(row.rating_tenths * 10),
        }
    }
}
