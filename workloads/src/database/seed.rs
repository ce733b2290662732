//! Puts the products into an empty or half-filled table.
//!
//! It works chunk by chunk in the order of ids. Each chunk is one transaction, which first locks
//! out other writers and then looks how far the table goes. So an interrupted seeding resumes where
//! it stopped, and processes that seed at once share the work instead of doing it twice.

use std::ops::Range;

use sqlx::{Connection as _, QueryBuilder, SqliteConnection};

use crate::{
    catalog::{PRODUCT_COUNT, Product},
    storage::{Place, Step, StorageError, sqlite::BEGIN},
};

/// Products per transaction: a tenth, so that progress is logged in steps of 10%.
const CHUNK: u32 = PRODUCT_COUNT / 10;

/// Products per statement: eight values each, well under `SQLite`'s 32,766 parameters.
const ROWS_PER_INSERT: u32 = 1_000;

const EXTENT: &str = "SELECT count(*), coalesce(max(id), 0) FROM products";

const INSERT: &str =
    "INSERT INTO products (id, sku, name, category, brand, price_cents, stock, rating_tenths) ";

/// Defines a function that seeds until all products are there, and returns whether any was missing.
/// The text is the same for every engine; sqlx's types are not.
macro_rules! define_seed {
    ($name:ident, $engine:ty, $connection:ty, $begin:expr) => {
        pub(super) async fn $name(
            writer: &mut $connection,
            place: &Place,
        ) -> Result<bool, StorageError> {
            let failed = place.failed(Step::Seed);
            let mut added = false;
            loop {
                let mut transaction = writer.begin_with($begin).await.map_err(&failed)?;
                let extent = sqlx::query_as(EXTENT).fetch_one(&mut *transaction).await;
                let chunk = next(place, extent.map_err(&failed)?)?;
                if chunk.is_empty() {
                    transaction.rollback().await.map_err(&failed)?;
                    return Ok(added);
                }
                let end = chunk.end;
                for first in chunk.step_by(ROWS_PER_INSERT as usize) {
                    let products = (first..end.min(first + ROWS_PER_INSERT)).map(Product::at);
                    let mut insert = QueryBuilder::<$engine>::new(INSERT);
                    insert.push_values(products, |mut row, product| {
                        row.push_bind(product.id)
                            .push_bind(product.sku)
                            .push_bind(product.name)
                            .push_bind(product.category)
                            .push_bind(product.brand)
                            .push_bind(product.price_cents)
                            .push_bind(product.stock)
                            .push_bind(product.rating_tenths);
                    });
                    let inserted = insert.build().execute(&mut *transaction).await;
                    inserted.map_err(&failed)?;
                }
                transaction.commit().await.map_err(&failed)?;
                let percent = end * 100 / PRODUCT_COUNT;
                tracing::info!(%place, products = end, percent, "seeding products");
                added = true;
            }
        }
    };
}

define_seed!(sqlite, sqlx::Sqlite, SqliteConnection, BEGIN);
#[cfg(feature = "postgres")]
define_seed!(
    postgres,
    sqlx::Postgres,
    sqlx::PgConnection,
    super::postgres::BEGIN
);

/// The indices of the next products for a table of `count` products with ids up to `highest_id`: up
/// to the next whole tenth. Empty when all are there.
fn next(place: &Place, (count, highest_id): (i64, i64)) -> Result<Range<u32>, StorageError> {
    let start = u32::try_from(highest_id)
        .ok()
        .filter(|start| *start <= PRODUCT_COUNT && count == highest_id)
        .ok_or_else(|| {
            let found =
                format!("{count} products with ids up to {highest_id}, which seeding never leaves");
            StorageError::Foreign(place.clone(), found)
        })?;
    let end = (start / CHUNK + 1).saturating_mul(CHUNK).min(PRODUCT_COUNT);
    Ok(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Storage, StorageUrl};

    #[test]
    fn chunks_are_tenths_wherever_they_begin() {
        let place = StorageUrl::parse(Storage::Database, "sqlite::memory:")
            .unwrap()
            .place;
        for (present, chunk) in [
            (0, 0..10_000),
            (1, 1..10_000),
            (9_999, 9_999..10_000),
            (10_000, 10_000..20_000),
            (99_999, 99_999..100_000),
            (100_000, 100_000..100_000),
        ] {
            assert_eq!(next(&place, (present, present)).unwrap(), chunk);
        }
        for table in [(1, 2), (2, 1), (0, -1), (100_001, 100_001)] {
            assert!(next(&place, table).is_err(), "{table:?}");
        }
    }
}
