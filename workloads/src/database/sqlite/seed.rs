//! The products, put where they are missing, each chunk in a transaction that takes the write lock.

use sqlx::{Connection, QueryBuilder, sqlite::SqliteConnection};

use super::open::BEGIN;
use crate::{
    catalog::Product,
    database::{DatabaseError, Step, seeding, url::DatabaseUrl},
};

/// Products per statement: eight values each, well under `SQLite`'s 32,766 parameters.
const ROWS_PER_INSERT: u32 = 1_000;

/// Seeds until all products are there.
pub(super) async fn seed(
    writer: &mut SqliteConnection,
    url: &DatabaseUrl,
) -> Result<(), DatabaseError> {
    let mut added = false;
    while let Some(end) = seed_chunk(writer, url).await? {
        seeding::tell(url, end);
        added = true;
    }
    if added {
        // Leaves readers a whole file instead of a log as long as the table. A reader that is in
        // the way is no reason to fail: SQLite then does it later.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(writer)
            .await
            .map_err(|source| failed(url, source))?;
    }
    Ok(())
}

/// Adds the next chunk of products, and says where it ends; `None` when all are there.
async fn seed_chunk(
    writer: &mut SqliteConnection,
    url: &DatabaseUrl,
) -> Result<Option<u32>, DatabaseError> {
    let failed = |source| failed(url, source);
    let mut transaction = writer.begin_with(BEGIN).await.map_err(failed)?;
    let extent = sqlx::query_as(seeding::EXTENT)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let chunk = seeding::next(url, extent)?;
    for first in chunk.clone().step_by(ROWS_PER_INSERT as usize) {
        let last = chunk.end.min(first + ROWS_PER_INSERT);
        insert(&mut transaction, (first..last).map(Product::at))
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok((!chunk.is_empty()).then_some(chunk.end))
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
