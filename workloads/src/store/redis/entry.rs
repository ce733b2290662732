//! One entry of a history, in this project's form or in that of the public v2 benchmark.
//!
//! The members of each entry tell its form, so a history that the benchmark's seed began and this
//! server continued is read as a whole.

use jiff::Timestamp;
use serde::Deserialize;

use crate::store::{CartItem, Order, content};

/// The members of both forms.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    order_id: String,
    /// This project's form: the time (RFC 3339).
    created: Option<String>,
    /// The public form: the time in Unix seconds.
    ts: Option<i64>,
    items: Option<Vec<CartItem>>,
    /// The public form has one product for each entry.
    product_id: Option<i64>,
    qty: Option<i64>,
    /// The price of one piece of that product, in units.
    price: Option<f64>,
    total: Option<f64>,
    user_id: Option<String>,
}

/// Why an entry is no order.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum EntryError {
    #[error("it has neither `items` nor `product_id` and `qty`")]
    NoItems,
    #[error("it has neither `created` nor a time as `ts`")]
    NoTime,
}

impl Entry {
    /// The order of `user_id`, whose history the entry is in.
    ///
    /// A total that is not stored is the price of the pieces, or the catalogue's where the entry
    /// has no price.
    pub(super) fn order(self, user_id: &str) -> Result<Order, EntryError> {
        let items = match (self.items, self.product_id, self.qty) {
            (Some(items), _, _) => items,
            (None, Some(product_id), Some(quantity)) => vec![CartItem {
                product_id,
                quantity,
            }],
            _ => return Err(EntryError::NoItems),
        };
        let time = || Timestamp::from_second(self.ts?).ok();
        let created = self.created.or_else(|| time().map(|time| time.to_string()));
        let total = self.total.unwrap_or_else(|| match (self.price, self.qty) {
            (Some(price), Some(pieces)) => (price * pieces as f64 * 100.0).round() / 100.0,
            _ => content::total(&items),
        });
        Ok(Order {
            created: created.ok_or(EntryError::NoTime)?,
            items,
            order_id: self.order_id,
            total,
            user_id: self.user_id.unwrap_or_else(|| user_id.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: &str) -> Result<Order, EntryError> {
        let entry: Entry = serde_json::from_str(json).unwrap();
        entry.order("user-00042")
    }

    #[test]
    fn every_form_that_is_written_is_read() {
        let expected = |created: &str, items: &[(i64, i64)], total: f64| Order {
            created: created.to_owned(),
            items: items
                .iter()
                .map(|(product_id, quantity)| CartItem {
                    product_id: *product_id,
                    quantity: *quantity,
                })
                .collect(),
            order_id: "a".to_owned(),
            total,
            user_id: "user-00042".to_owned(),
        };
        let time = "2025-02-19T21:20:00Z";
        let own = expected("2026-01-01T12:00:00Z", &[(42, 2), (1_337, 1)], 17.18);
        let json = serde_json::to_string(&own).unwrap();
        assert_eq!(order(&json), Ok(own));
        // The seed of the public benchmark, and what its servers append.
        let seeded = r#"{"order_id":"a","product_id":42,"qty":3,"price":1.15,"ts":1740000000}"#;
        assert_eq!(order(seeded), Ok(expected(time, &[(42, 3)], 3.45)));
        let appended =
            r#"{"order_id":"a","items":[{"product_id":42,"quantity":2}],"ts":1740000000}"#;
        assert_eq!(order(appended), Ok(expected(time, &[(42, 2)], 2.82)));
    }

    #[test]
    fn an_entry_that_lacks_a_part_is_no_order() {
        let no_items = r#"{"order_id":"a","product_id":42,"price":1,"ts":1740000000}"#;
        assert_eq!(order(no_items), Err(EntryError::NoItems));
        for ts in ["null", "9223372036854775807"] {
            let no_time =
                format!(r#"{{"order_id":"a","product_id":42,"qty":3,"price":1,"ts":{ts}}}"#);
            assert_eq!(order(&no_time), Err(EntryError::NoTime));
        }
    }
}
