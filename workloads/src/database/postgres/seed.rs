//! The products, put where they are missing, by `COPY`.

use std::fmt::Write;

use sqlx::{Connection, postgres::PgConnection};

use crate::{
    catalog::Product,
    database::{DatabaseError, Step, seeding, url::DatabaseUrl},
};

/// What seeders of one database wait for each other at: an advisory lock of a number that spells
/// "products".
const LOCK: &str = "SELECT pg_advisory_xact_lock(8102661156849808499)";

const COPY: &str = "\
COPY products (id, sku, name, category, brand, price_cents, stock, rating_tenths) FROM STDIN";

/// Seeds until all products are there.
pub(super) async fn seed(
    writer: &mut PgConnection,
    url: &DatabaseUrl,
) -> Result<(), DatabaseError> {
    let failed = |source| DatabaseError::Open {
        url: url.shown.clone(),
        step: Step::Seed,
        source,
    };
    let mut added = false;
    loop {
        let mut transaction = writer.begin().await.map_err(failed)?;
        sqlx::query(LOCK)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        let extent = sqlx::query_as(seeding::EXTENT)
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed)?;
        let chunk = seeding::next(url, extent)?;
        if chunk.is_empty() {
            transaction.rollback().await.map_err(failed)?;
            break;
        }
        let end = chunk.end;
        let mut copy = transaction.copy_in_raw(COPY).await.map_err(failed)?;
        copy.send(lines(chunk.map(Product::at)).into_bytes())
            .await
            .map_err(failed)?;
        copy.finish().await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        seeding::tell(url, end);
        added = true;
    }
    if added {
        // So that the first queries know how many rows there are, and count them in the index alone.
        sqlx::query("VACUUM (ANALYZE) products")
            .execute(writer)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// `products` in `COPY`'s text format. The formula that makes them uses neither tabs, line ends nor
/// backslashes, so that nothing has to be escaped.
fn lines(products: impl Iterator<Item = Product>) -> String {
    let mut lines = String::new();
    for product in products {
        let Product {
            id,
            sku,
            name,
            category,
            brand,
            price_cents,
            stock,
            rating_tenths,
            ..
        } = product;
        // Writing to a string does not fail.
        let _ = writeln!(
            lines,
            "{id}\t{sku}\t{name}\t{category}\t{brand}\t{price_cents}\t{stock}\t{rating_tenths}"
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::products;

    #[test]
    fn no_product_needs_escaping() {
        let text = lines(products());
        assert!(!text.contains('\\'));
        assert!(text.lines().all(|line| line.split('\t').count() == 8));
        assert_eq!(text.lines().count(), 100_000);
        assert!(text.starts_with(
            "1\tSKU-000001\tAcme Electronics Item 1\tElectronics\tAcme\t100\t0\t10\n"
        ));
    }
}
