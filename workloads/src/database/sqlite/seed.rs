//! The products, put where they are missing.
//!
//! Chunk by chunk in the order of ids, each chunk one transaction that takes the write lock and then
//! looks how far the table goes. So an interrupted seeding is resumed where it stopped, and two
//! processes that seed at once share the work instead of doing it twice.

use sqlx::{Connection, QueryBuilder, sqlite::SqliteConnection};

use super::open::BEGIN;
use crate::{
    catalog::{PRODUCT_COUNT, Product},
    database::{DatabaseError, Step, url::DatabaseUrl},
};

/// Products per transaction: a tenth, so that progress can be told in steps of 10%.
pub(super) const CHUNK: u32 = PRODUCT_COUNT / 10;

/// Products per statement: eight values each, well under `SQLite`'s 32,766 parameters.
const ROWS_PER_INSERT: u32 = 1_000;

/// Seeds until all products are there.
pub(super) async fn seed(
    writer: &mut SqliteConnection,
    url: &DatabaseUrl,
) -> Result<(), DatabaseError> {
    let mut added = 0;
    loop {
        let chunk = seed_chunk(writer, url).await?;
        if chunk.added == 0 {
            break;
        }
        added += chunk.added;
        tracing::info!(
            database = url.shown,
            products = chunk.present,
            percent = chunk.present * 100 / PRODUCT_COUNT,
            "seeding products"
        );
    }
    if added > 0 {
        // Leaves readers a whole file instead of a log as long as the table. A reader that is in
        // the way is no reason to fail: SQLite then does it later.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(writer)
            .await
            .map_err(|source| failed(url, source))?;
    }
    Ok(())
}

/// What one transaction found and did.
struct Chunk {
    /// Products in the table afterwards.
    present: u32,
    /// How many of them are new; 0 when all were there.
    added: u32,
}

/// Adds the next chunk of products, if any are missing.
async fn seed_chunk(
    writer: &mut SqliteConnection,
    url: &DatabaseUrl,
) -> Result<Chunk, DatabaseError> {
    let mut transaction = writer
        .begin_with(BEGIN)
        .await
        .map_err(|source| failed(url, source))?;
    let (count, highest_id): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(max(id), 0) FROM products")
            .fetch_one(&mut *transaction)
            .await
            .map_err(|source| failed(url, source))?;
    let start = u32::try_from(highest_id)
        .ok()
        .filter(|start| *start <= PRODUCT_COUNT && count == highest_id)
        .ok_or_else(|| DatabaseError::NotOurs {
            url: url.shown.clone(),
            count,
            highest_id,
        })?;
    // Chunks begin at whole tenths again after a seeding that was interrupted elsewhere.
    let end = (start / CHUNK + 1).saturating_mul(CHUNK).min(PRODUCT_COUNT);
    for first in (start..end).step_by(ROWS_PER_INSERT as usize) {
        let last = end.min(first + ROWS_PER_INSERT);
        insert(&mut transaction, (first..last).map(Product::at))
            .await
            .map_err(|source| failed(url, source))?;
    }
    transaction
        .commit()
        .await
        .map_err(|source| failed(url, source))?;
    Ok(Chunk {
        present: end.max(start),
        added: end.saturating_sub(start),
    })
}

async fn insert(
    connection: &mut SqliteConnection,
    products: impl Iterator<Item = Product>,
) -> sqlx::Result<()> {
    let mut statement = QueryBuilder::<sqlx::Sqlite>::new(
        "INSERT INTO products (id, sku, name, category, brand, price_cents, stock, rating_tenths) ",
    );
    statement.push_values(products, |mut row, product| {
        row.push_bind(product.id)
            .push_bind(product.sku)
            .push_bind(product.name)
            .push_bind(product.category)
            .push_bind(product.brand)
            .push_bind(product.price_cents)
            .push_bind(product.stock)
            .push_bind(product.rating_tenths);
    });
    statement.build().execute(connection).await?;
    Ok(())
}

fn failed(url: &DatabaseUrl, source: sqlx::Error) -> DatabaseError {
    DatabaseError::Open {
        url: url.shown.clone(),
        step: Step::Seed,
        source,
    }
}
