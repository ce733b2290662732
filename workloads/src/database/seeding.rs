//! Which products are to be put into a table next, whatever engine it lies in.
//!
//! Chunk by chunk in the order of ids, each chunk one transaction that locks out other writers and then
//! looks how far the table goes. So an interrupted seeding is resumed where it stopped, and processes
//! that seed at once share the work instead of doing it twice.

use std::ops::Range;

use super::{DatabaseError, url::DatabaseUrl};
use crate::catalog::PRODUCT_COUNT;

/// Products per transaction: a tenth, so that progress can be told in steps of 10%.
const CHUNK: u32 = PRODUCT_COUNT / 10;

/// How far a table goes.
pub(super) const EXTENT: &str = "SELECT count(*), coalesce(max(id), 0) FROM products";

/// The indices of the products that come next in a table that holds `count` of them with ids up to
/// `highest_id`: up to the next whole tenth, also after a seeding that was interrupted elsewhere. Empty
/// when all are there.
pub(super) fn next(
    url: &DatabaseUrl,
    (count, highest_id): (i64, i64),
) -> Result<Range<u32>, DatabaseError> {
    let start = u32::try_from(highest_id)
        .ok()
        .filter(|start| *start <= PRODUCT_COUNT && count == highest_id)
        .ok_or_else(|| DatabaseError::NotOurs {
            url: url.shown.clone(),
            count,
            highest_id,
        })?;
    let end = (start / CHUNK + 1).saturating_mul(CHUNK).min(PRODUCT_COUNT);
    Ok(start..end)
}

/// Says in the log that products up to `end` are there.
pub(super) fn tell(url: &DatabaseUrl, end: u32) {
    tracing::info!(
        database = url.shown,
        products = end,
        percent = end * 100 / PRODUCT_COUNT,
        "seeding products"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_tenths_wherever_they_begin() {
        let url = DatabaseUrl::parse("sqlite::memory:").unwrap();
        for (present, chunk) in [
            (0, 0..10_000),
            (1, 1..10_000),
            (9_999, 9_999..10_000),
            (10_000, 10_000..20_000),
            (99_999, 99_999..100_000),
            (100_000, 100_000..100_000),
        ] {
            assert_eq!(next(&url, (present, present)).unwrap(), chunk);
        }
        for table in [(1, 2), (2, 1), (0, -1), (100_001, 100_001)] {
            assert!(next(&url, table).is_err(), "{table:?}");
        }
    }
}
